"""The limit of what is at work: learnt from how long it takes, shared by what matters most."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from chassis.http.event_loop import EventLoop, Kind
from ordereats.chassis import slots
from ordereats.chassis.config import Environment
from ordereats.chassis.context import Priority
from ordereats.chassis.errors import Misconfigured
from ordereats.chassis.http.gradient import Bounds
from ordereats.chassis.http.shedding import Limiter
from ordereats.chassis.slots import Slot

QUICK = Kind("quick", work_s=0.0006, wait_s=0.001)
SLOW = Kind("slow", work_s=0.002, wait_s=0.2)
HEAVY = Kind("heavy", work_s=0.01, wait_s=0.01)


class Desk:
    """A limiter with a clock that is set by hand."""

    def __init__(self, *, limit: int = 100, is_on: bool = True) -> None:
        self.now = 0.0
        bounds = Bounds(least=min(16, limit), first=limit)
        self.limiter = Limiter(bounds, is_on=is_on, clock=lambda: self.now)

    def fill(self, priority: Priority = Priority.CHANGE) -> list[Slot]:
        """Let in as many as may."""
        slots: list[Slot] = []
        while (slot := self.limiter.admit(priority)) is not None:
            slots.append(slot)
        return slots

    @property
    def in_flight(self) -> int:
        return self.limiter.state().in_flight


@pytest.mark.parametrize("priority", Priority)
@pytest.mark.parametrize("kind", [QUICK, SLOW, HEAVY], ids=lambda kind: kind.name)
def test_at_three_times_the_capacity_four_fifths_of_it_are_answered_in_time(
    kind: Kind, priority: Priority
) -> None:
    loop, capacity = EventLoop(), 1 / kind.work_s
    kinds = [Kind(kind.name, kind.work_s, kind.wait_s, priority)]
    limiter = Limiter(clock=lambda: loop.now)
    loop.run(limiter, kinds, rate=capacity / 5, seconds=2)
    loop.run(limiter, kinds, rate=3 * capacity, seconds=2)

    overload = loop.run(limiter, kinds, rate=3 * capacity, seconds=8)

    assert overload.rate() >= 0.8 * capacity
    assert overload.refused[kind.name] > capacity


def test_without_the_limit_next_to_nobody_is() -> None:
    loop, capacity = EventLoop(), 1 / QUICK.work_s

    limiter = Limiter(is_on=False, clock=lambda: loop.now)
    overload = loop.run(limiter, [QUICK], rate=3 * capacity, seconds=8)

    assert overload.rate() < 0.3 * capacity


def test_after_an_overload_nobody_is_refused() -> None:
    loop, capacity = EventLoop(), 1 / QUICK.work_s
    limiter = Limiter(clock=lambda: loop.now)
    before = loop.run(limiter, [QUICK], rate=capacity / 2, seconds=2)
    loop.run(limiter, [QUICK], rate=3 * capacity, seconds=8)

    after = loop.run(limiter, [QUICK], rate=capacity / 2, seconds=2)

    assert not after.refused
    assert after.rate(within_s=0.05) >= 0.95 * before.rate(within_s=0.05)


def test_a_lasting_overload_does_not_become_the_usual() -> None:
    loop, capacity = EventLoop(), 1 / QUICK.work_s
    limiter = Limiter(clock=lambda: loop.now)
    loop.run(limiter, [QUICK], rate=capacity / 5, seconds=2)
    loop.run(limiter, [QUICK], rate=3 * capacity, seconds=2)
    soon = limiter.state().limit

    loop.run(limiter, [QUICK], rate=3 * capacity, seconds=60)

    assert limiter.state().limit < 2 * soon


def test_what_takes_longer_for_good_becomes_the_usual() -> None:
    loop, rate = EventLoop(), 300
    limiter = Limiter(clock=lambda: loop.now)
    loop.run(limiter, [QUICK], rate=rate, seconds=2)
    far_away = Kind(QUICK.name, QUICK.work_s, wait_s=0.4)
    loop.run(limiter, [far_away], rate=rate, seconds=30)

    later = loop.run(limiter, [far_away], rate=rate, seconds=5)

    assert not later.refused


def test_another_mix_of_requests_is_no_overload() -> None:
    loop = EventLoop()
    limiter = Limiter(clock=lambda: loop.now)
    loop.run(limiter, [QUICK, QUICK, QUICK, QUICK, SLOW], rate=200, seconds=5)

    outcome = loop.run(limiter, [SLOW], rate=200, seconds=5)

    assert not outcome.refused
    assert limiter.state().slowness < 1


def test_in_an_overload_what_matters_most_is_refused_last() -> None:
    loop = EventLoop()
    limiter = Limiter(clock=lambda: loop.now)
    kinds = [
        Kind("change", 0.001, 0.005, Priority.CHANGE),
        Kind("read", 0.001, 0.005, Priority.READ),
        *[Kind("browse", 0.001, 0.005, Priority.BROWSE)] * 8,
    ]

    outcome = loop.run(limiter, kinds, rate=3000, seconds=10)

    assert outcome.refused.get("change", 0) < 0.05 * 3000
    assert outcome.refused.get("read", 0) < 0.1 * 3000
    assert outcome.refused["browse"] > 0.5 * 24_000


@pytest.mark.parametrize(
    ("priority", "room"), [(Priority.CHANGE, 100), (Priority.READ, 80), (Priority.BROWSE, 60)]
)
def test_each_priority_comes_in_up_to_its_share_of_the_limit(priority: Priority, room: int) -> None:
    assert len(Desk(limit=100).fill(priority)) == room


def test_who_is_let_by_takes_no_place_from_anyone() -> None:
    desk = Desk()
    desk.fill()

    for _ in range(3):
        desk.limiter.let_by().end("GET /health", has_failed=False)

    assert desk.in_flight == 100


def test_who_waits_for_a_neighbour_holds_no_place_and_is_not_slow() -> None:
    desk = Desk()
    for _ in range(50):
        slot = desk.limiter.admit(Priority.CHANGE)
        assert slot is not None
        with slots.entered(slot), slots.elsewhere(), slots.elsewhere():
            assert desk.in_flight == 0
            desk.now += 5
        assert desk.in_flight == 1
        slot.end("POST /orders", has_failed=False)

    assert desk.limiter.state().slowness < 0.1
    assert desk.in_flight == 0


def test_outside_of_a_request_one_may_wait_for_neighbours_too() -> None:
    with slots.elsewhere():
        pass


def test_a_quick_fault_does_not_become_the_usual() -> None:
    desk = Desk()

    for took_s, has_failed in [(0.5, False), *[(0.001, True)] * 100, *[(0.5, False)] * 20]:
        slot = desk.limiter.admit(Priority.CHANGE)
        assert slot is not None
        desk.now += took_s
        slot.end("POST /orders", has_failed=has_failed)

    assert desk.limiter.state().slowness < 1


@pytest.mark.parametrize(
    ("told", "limit", "is_on"),
    [
        ({}, 200, True),
        ({"SHEDDING": "off"}, 200, False),
        ({"CONCURRENCY_LIMIT_MOST": "16"}, 16, True),
        ({"CONCURRENCY_LIMIT_MOST": "5000"}, 200, True),
    ],
)
def test_its_settings_are_read(told: dict[str, str], limit: int, *, is_on: bool) -> None:
    state = Limiter.read(Environment(told)).state()

    assert (state.limit, state.is_on) == (limit, is_on)


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("SHEDDING", "maybe"),
        ("CONCURRENCY_LIMIT_MOST", "15"),
        ("CONCURRENCY_LIMIT_MOST", "10001"),
    ],
)
def test_a_setting_that_can_not_be_right_is_refused_by_name(name: str, given: str) -> None:
    with pytest.raises(Misconfigured, match=f"{name} must be"):
        Limiter.read(Environment({name: given}))


@pytest.mark.parametrize(("took_s", "bound"), [(0.0001, 1000), (60.0, 16)])
def test_the_limit_goes_to_its_bounds_and_no_further(took_s: float, bound: int) -> None:
    desk = Desk()
    _answer(desk, desk.fill(), took_s=0.0001)

    limits = set()
    for _ in range(400):
        _answer(desk, desk.fill(), took_s=took_s)
        limits.add(desk.limiter.state().limit)

    assert bound in limits
    assert limits <= set(range(16, 1001))


@given(steps=st.lists(st.sampled_from(["admit", "leave", "come_back", "end", "give_up"])))
def test_places_are_neither_lost_nor_given_twice(steps: list[str]) -> None:
    desk = Desk(limit=4)
    slots: list[Slot] = []
    away: list[Slot] = []

    for step in steps:
        if step == "admit" and (slot := desk.limiter.admit(Priority.CHANGE)):
            slots.append(slot)
        elif step == "leave" and slots:
            slots[0].leave()
            away.append(slots[0])
        elif step == "come_back" and away:
            away.pop().come_back()
        elif step == "end" and slots:
            slots.pop().end("route", has_failed=False)
        elif step == "give_up" and slots:
            slots.pop().give_up()
        at_work = [slot for slot in slots if slot not in away]
        assert desk.in_flight == len(at_work)


def test_who_is_refused_is_told_to_come_back_at_different_moments() -> None:
    desk = Desk(limit=16)
    desk.fill()

    told = set()
    for _ in range(12):
        assert desk.limiter.admit(Priority.READ) is None
        told.add(desk.limiter.retry_after_s())

    assert told == {1, 2, 3}


def test_an_overload_is_logged_once_when_it_begins_and_once_when_it_is_over() -> None:
    desk = Desk(limit=16)
    with capture_logs() as lines:
        slots = desk.fill()
        desk.limiter.admit(Priority.BROWSE)
        assert desk.limiter.state().is_shedding
        desk.now += 2
        for slot in slots:
            slot.end("route", has_failed=False)

    assert [each["event"] for each in lines] == ["shedding_began", "shedding_ended"]
    assert lines[-1]["shed"] == 2
    assert not desk.limiter.state().is_shedding


def test_what_became_of_requests_is_counted_by_priority() -> None:
    desk = Desk(limit=20)
    desk.fill(Priority.BROWSE)

    counts = {each.priority: each for each in desk.limiter.state().priorities}

    assert (counts[Priority.BROWSE].admitted, counts[Priority.BROWSE].shed) == (12, 1)
    assert (counts[Priority.CHANGE].admitted, counts[Priority.CHANGE].shed) == (0, 0)


def _answer(desk: Desk, slots: list[Slot], *, took_s: float) -> None:
    desk.now += took_s
    for slot in slots:
        desk.now += 0.00005
        slot.end("route", has_failed=False)
