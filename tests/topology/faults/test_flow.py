"""A flow passes on every byte in order, and no sooner than its effect allows. Time is played."""

from collections.abc import Callable
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count, pairwise

from hypothesis import given
from hypothesis import strategies as st

from ordereats.topology.faults.flow import MOST_WAITING, End, Flow
from ordereats.topology.faults.toxics import Effect

HELD = Effect(is_held=True)
EFFECTS = st.one_of(
    st.none(),
    st.builds(
        Effect,
        delay_s=st.floats(0, 5),
        jitter_s=st.floats(0, 5),
        bytes_per_s=st.sampled_from([1000.0, 50_000.0, float("inf")]),
        piece=st.one_of(st.none(), st.tuples(st.integers(1, 50), st.integers(0, 50))),
        pause_s=st.sampled_from([0.0, 0.01]),
        is_held=st.booleans(),
        end_delay_s=st.floats(0, 2),
    ),
)


class Call:
    """One that will be made, unless it is cancelled."""

    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback = callback
        self.is_cancelled = False

    def cancel(self) -> None:
        self.is_cancelled = True


class PlayedTime:
    """It passes when it is told to."""

    def __init__(self) -> None:
        self._now = 100.0
        self._numbers = count()
        self._calls: list[tuple[float, int, Call]] = []

    def now(self) -> float:
        return self._now

    def later(self, delay_s: float, callback: Callable[[], None]) -> Call:
        call = Call(callback)
        heappush(self._calls, (self._now + max(delay_s, 0.0), next(self._numbers), call))
        return call

    def pass_by(self, seconds: float) -> None:
        end = self._now + seconds
        while self._calls and self._calls[0][0] <= end:
            at, _, call = heappop(self._calls)
            self._now = max(self._now, at)
            if not call.is_cancelled:
                call.callback()
        self._now = end


@dataclass
class Ends:
    """The source and the sink, and what they saw."""

    time: PlayedTime
    is_read: bool = True
    arrived: list[tuple[float, bytes]] = field(default_factory=list)
    ended: list[End] = field(default_factory=list)
    is_cut: bool = False

    def pause_reading(self) -> None:
        self.is_read = False

    def resume_reading(self) -> None:
        self.is_read = True

    def write(self, data: bytes) -> None:
        assert not self.ended
        assert not self.is_cut
        self.arrived.append((self.time.now(), data))

    def end(self, how: End) -> None:
        self.ended.append(how)

    def cut(self) -> None:
        self.is_cut = True

    @property
    def got(self) -> bytes:
        return b"".join(data for _, data in self.arrived)


def a_flow(
    effect: Effect | None = None, chance: Callable[[], float] = lambda: 0.5
) -> tuple[Flow, Ends, PlayedTime]:
    time = PlayedTime()
    ends = Ends(time)
    flow = Flow(ends, ends, time, chance)
    flow.come_under(effect)
    return flow, ends, time


@given(
    steps=st.lists(
        st.one_of(
            st.integers(1, 200),
            EFFECTS,
            st.floats(0, 3),
            st.sampled_from(["block", "unblock"]),
        ),
        max_size=20,
    ),
    chances=st.randoms(use_true_random=False),
)
def test_whatever_happens_to_it_no_byte_is_lost_and_none_overtakes_another(
    steps: list[int | Effect | float | str | None],
    chances: object,
) -> None:
    flow, ends, time = a_flow(chance=chances.random)  # type: ignore[attr-defined]  # a Random
    sent = b""

    for step in steps:
        if isinstance(step, int):
            data = bytes((len(sent) + each) % 251 for each in range(step))  # none like the next
            flow.receive(data)
            sent += data
        elif isinstance(step, float):
            time.pass_by(step)
        elif isinstance(step, str):
            flow.block() if step == "block" else flow.unblock()
        else:
            flow.come_under(step)
        assert sent.startswith(ends.got)
    flow.end(End.CLOSED)
    flow.unblock()
    flow.come_under(None)
    time.pass_by(1)

    assert ends.got == sent
    assert ends.ended == [End.CLOSED]
    assert flow.passed == len(sent)
    assert ends.is_read


@given(
    delay_ms=st.integers(0, 3000),
    jitter_ms=st.integers(0, 3000),
    luck=st.floats(0, 1),
    gap=st.floats(0, 2),
)
def test_latency_is_counted_from_when_a_byte_came(
    delay_ms: int, jitter_ms: int, luck: float, gap: float
) -> None:
    effect = Effect(delay_s=delay_ms / 1000, jitter_s=jitter_ms / 1000)
    flow, ends, time = a_flow(effect, lambda: luck)
    began = time.now()

    flow.receive(b"one")
    time.pass_by(gap)
    flow.receive(b"two")
    time.pass_by(10)

    late = max(0.0, delay_ms / 1000 + (2 * luck - 1) * jitter_ms / 1000)
    assert [data for _, data in ends.arrived] == [b"one", b"two"]
    assert abs(ends.arrived[0][0] - (began + late)) < 1e-6
    assert abs(ends.arrived[1][0] - (began + gap + late)) < 1e-6


def test_a_byte_with_less_delay_waits_for_the_one_before_it() -> None:
    luck = iter([1.0, 0.0])
    flow, ends, time = a_flow(Effect(delay_s=1, jitter_s=1), lambda: next(luck))

    flow.receive(b"slow")
    flow.receive(b"fast")
    time.pass_by(1.9)
    assert ends.got == b""
    time.pass_by(0.2)

    assert ends.got == b"slowfast"


@given(size=st.integers(1, 20_000), rate=st.sampled_from([1000, 7000, 100_000]))
def test_no_more_bytes_come_than_the_bandwidth_allows(size: int, rate: int) -> None:
    flow, ends, time = a_flow(Effect(bytes_per_s=rate))
    began = time.now()

    flow.receive(b"x" * size)
    time.pass_by(60)

    assert len(ends.got) == size
    come = 0
    for at, data in ends.arrived:
        come += len(data)
        assert come <= (at - began) * rate + 1e-3
    assert abs(ends.arrived[-1][0] - began - size / rate) < 0.001


@given(size=st.integers(1, 20), vary=st.integers(0, 20), luck=st.floats(0, 1))
def test_slices_have_their_size_and_the_pause_between_them(
    size: int, vary: int, luck: float
) -> None:
    flow, ends, time = a_flow(Effect(piece=(size, vary), pause_s=0.05), lambda: luck)

    flow.receive(b"0123456789" * 10)
    time.pass_by(60)

    assert ends.got == b"0123456789" * 10
    times = [at for at, _ in ends.arrived]
    for (_, data), (at, following) in zip(ends.arrived, pairwise(times), strict=False):
        assert max(1, size - vary) <= len(data) <= size + vary
        assert following - at >= 0.05 - 1e-9


@given(
    chunks=st.lists(st.binary(min_size=1, max_size=20), min_size=1),
    limit=st.integers(0, 200),
)
def test_a_limit_lets_exactly_so_many_bytes_through_and_cuts(
    chunks: list[bytes], limit: int
) -> None:
    flow, ends, _ = a_flow(Effect(limit=limit))

    for chunk in chunks:
        flow.receive(chunk)

    sent = b"".join(chunks)
    assert ends.got == sent[:limit]
    assert ends.is_cut == (len(sent) >= limit)


def test_what_is_held_comes_when_the_hole_is_gone_and_its_end_after_it() -> None:
    flow, ends, time = a_flow(HELD)

    flow.receive(b"question")
    flow.end(End.CLOSED)
    time.pass_by(3600)
    assert (ends.got, ends.ended) == (b"", [])
    flow.come_under(None)

    assert (ends.got, ends.ended) == (b"question", [End.CLOSED])


def test_a_slow_close_delays_the_end_and_not_the_bytes() -> None:
    flow, ends, time = a_flow(Effect(end_delay_s=2))

    flow.receive(b"answer")
    flow.end(End.CLOSED)
    time.pass_by(1.9)
    assert (ends.got, ends.ended) == (b"answer", [])
    time.pass_by(0.2)

    assert ends.ended == [End.CLOSED]


def test_a_source_is_not_read_while_too_much_waits() -> None:
    flow, ends, _ = a_flow(HELD)

    flow.receive(b"x" * MOST_WAITING)
    assert ends.is_read
    flow.receive(b"x")
    assert not ends.is_read
    flow.come_under(None)

    assert ends.is_read
    assert len(ends.got) == MOST_WAITING + 1


def test_a_source_is_not_read_while_the_sink_takes_no_more() -> None:
    flow, ends, _ = a_flow()

    flow.block()
    flow.receive(b"was on its way")
    assert (ends.is_read, ends.got) == (False, b"")
    flow.unblock()

    assert (ends.is_read, ends.got) == (True, b"was on its way")


def test_once_the_sink_is_gone_nothing_is_kept_for_it() -> None:
    flow, ends, _ = a_flow(HELD)
    flow.receive(b"x" * 2 * MOST_WAITING)

    flow.stop()
    flow.receive(b"more")
    flow.come_under(None)

    assert ends.is_read
    assert ends.got == b""
