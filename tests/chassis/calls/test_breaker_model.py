"""Whatever happens, in whatever order: a breaker does what a plain list of all calls says."""

from collections.abc import Callable
from dataclasses import dataclass, field

from hypothesis import settings as how
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from ordereats.chassis.calls.breaker import Breaker, BreakerSettings, State

SLOW_S = 0.5

breaker_settings = st.builds(
    BreakerSettings,
    window_s=st.integers(1, 5),
    window_calls=st.none() | st.integers(1, 8),
    minimum_calls=st.integers(1, 6),
    failure_rate=st.sampled_from([0.25, 0.5, 1.0]),
    slow_rate=st.sampled_from([0.25, 0.5, 1.0]),
    open_first_s=st.sampled_from([0.5, 1.0, 2.0]),
    open_longest_s=st.sampled_from([0.75, 4.0, 10.0]),
    probes=st.integers(1, 4),
    probes_within_s=st.sampled_from([2.0, 30.0]),
    obeyed_s=st.sampled_from([3.0, 30.0]),
)


@dataclass(frozen=True)
class Ended:
    """A call, and how it went.

    Attributes:
        at: when it ended.
        period: the breaker's state changed so often before it began.
    """

    at: float
    period: int
    failed: bool
    slow: bool


@dataclass
class Reference:
    """A breaker. Nothing in it is fast, and nothing is forgotten.

    Attributes:
        share: what chance gives whenever it is asked.
    """

    settings: BreakerSettings
    slow_s: float
    share: float
    now: float = 0.0
    state: State = State.CLOSED
    period: int = 0
    since: float = 0.0
    open_until: float = 0.0
    failed_trials: int = 0
    ended: list[Ended] = field(default_factory=list)
    going: list[int] = field(default_factory=list)
    told: list[float] = field(default_factory=list)
    shown: tuple[int, int, int] = (0, 0, 0)

    def asks(self) -> bool:
        """Whether a call may go."""
        if self.state is State.OPEN and self.now >= self.open_until:
            self._become(State.HALF_OPEN)
        if self.state in {State.OPEN, State.FORCED_OPEN}:
            return False
        if self.state is State.HALF_OPEN:
            used = self.going.count(self.period) + len(self._of_this_period())
            if used >= self.settings.probes:
                if self.now - self.since >= self.settings.probes_within_s:
                    self._open()
                return False
        self.going.append(self.period)
        return True

    def ends(self, period: int, *, took_s: float, failed: bool, told_s: float) -> None:
        """A call that had begun in a period has ended."""
        self.going.remove(period)
        self.ended.append(Ended(self.now, period, failed, took_s > self.slow_s))
        if period != self.period:
            return
        self.told.append(self.now + min(told_s, self.settings.obeyed_s))
        calls, failures, slow = self.judged()
        is_bad = calls > 0 and (
            failures / calls >= self.settings.failure_rate
            or slow / calls >= self.settings.slow_rate
        )
        enough = self.settings.minimum_calls
        if self.settings.window_calls is not None and self.settings.window_calls < enough:
            enough = self.settings.window_calls
        if self.state is State.CLOSED and calls >= enough and is_bad:
            self._open()
        if self.state is State.HALF_OPEN and calls >= min(self.settings.probes, enough):
            self.failed_trials = self.failed_trials if is_bad else 0
            self._open() if is_bad else self._become(State.CLOSED)

    def goes_away(self, period: int) -> None:
        """A caller stopped waiting."""
        self.going.remove(period)

    def is_forced(self, state: State | None) -> None:
        """Someone holds it by hand, or lets go."""
        self.failed_trials = 0
        self._become(state or State.CLOSED)

    def judged(self) -> tuple[int, int, int]:
        """Of the calls that count now: how many there are, failed, were slow."""
        if self.state is State.OPEN:
            return self.shown
        counts = self._of_this_period()
        if self.state is not State.HALF_OPEN:
            if self.settings.window_calls is not None:
                counts = counts[-self.settings.window_calls :]
            else:
                counts = [
                    each for each in counts if int(each.at) > int(self.now) - self.settings.window_s
                ]
        return (
            len(counts),
            len([each for each in counts if each.failed]),
            len([each for each in counts if each.slow]),
        )

    def _of_this_period(self) -> list[Ended]:
        return [each for each in self.ended if each.period == self.period]

    def _open(self) -> None:
        self.shown = self.judged()
        self.failed_trials += 1
        whole = self.settings.open_first_s
        for _ in range(self.failed_trials - 1):
            whole = min(whole * 2, self.settings.open_longest_s)
        own = self.now + min(whole, self.settings.open_longest_s) * (1 + self.share) / 2
        self._become(State.OPEN)
        self.open_until = max([own, *self.told])

    def _become(self, state: State) -> None:
        self.state, self.since = state, self.now
        self.period += 1


class Both(RuleBasedStateMachine):
    """The breaker and the reference meet the same."""

    @initialize(settings=breaker_settings, share=st.sampled_from([0.0, 0.5, 0.99]))
    def begin(self, settings: BreakerSettings, share: float) -> None:
        self.reference = Reference(settings, SLOW_S, share)
        clock: Callable[[], float] = lambda: self.reference.now  # noqa: E731  # read at each call
        self.breaker = Breaker(settings, slow_s=SLOW_S, clock=clock, chance=lambda: share)
        self.going: list[tuple[int, int]] = []

    @rule(seconds=st.sampled_from([0.0, 0.1, 0.5, 1.0, 2.5, 31.0]))
    def time_passes(self, seconds: float) -> None:
        self.reference.now += seconds

    @rule()
    def someone_asks(self) -> None:
        permission = self.breaker.acquire()

        assert (permission is not None) == self.reference.asks()
        if permission is not None:
            self.going.append((permission, self.reference.period))

    @precondition(lambda self: self.going)
    @rule(
        which=st.integers(0, 100),
        took_s=st.sampled_from([0.01, 0.5, 0.6]),
        failed=st.booleans(),
        told_s=st.sampled_from([0, 0, 0, 1, 5, 60]),
    )
    def a_call_ends(self, which: int, took_s: float, told_s: float, *, failed: bool) -> None:
        permission, period = self.going.pop(which % len(self.going))

        self.breaker.record(permission, took_s=took_s, failed=failed, told_s=told_s)

        self.reference.ends(period, took_s=took_s, failed=failed, told_s=told_s)

    @precondition(lambda self: self.going)
    @rule(which=st.integers(0, 100))
    def a_caller_goes_away(self, which: int) -> None:
        permission, period = self.going.pop(which % len(self.going))

        self.breaker.release(permission)

        self.reference.goes_away(period)

    @rule(state=st.sampled_from([State.FORCED_OPEN, State.FORCED_CLOSED, None, None]))
    def someone_forces_it(self, state: State | None) -> None:
        self.breaker.force(state)

        self.reference.is_forced(state)

    @invariant()
    def they_agree(self) -> None:
        seen = self.breaker.seen()
        left_s = self.reference.open_until - self.reference.now
        is_open = self.reference.state is State.OPEN

        assert self.breaker.state is self.reference.state
        assert (seen.calls, seen.failed, seen.slow) == self.reference.judged()
        assert self.breaker.retry_in_s() == (max(0.0, left_s) if is_open else 0.0)
        assert self.breaker.age_s() == self.reference.now - self.reference.since
        assert len(self.breaker.history) == min(10, self.reference.period)


def test_a_breaker_does_what_the_reference_says() -> None:
    plenty = how(max_examples=150, stateful_step_count=60, deadline=None)

    run_state_machine_as_test(Both, settings=plenty)
