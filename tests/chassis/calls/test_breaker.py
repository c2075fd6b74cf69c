"""A breaker opens for failures and for slowness, tries again with a few, and closes by itself."""

from dataclasses import dataclass, field, replace

import pytest

from ordereats.chassis.calls.breaker import Breaker, BreakerSettings, State, Transition
from support.hand_clock import HandClock


@dataclass
class Held:
    """A breaker with its clock, and all transitions that it told of."""

    settings: BreakerSettings
    time: HandClock = field(default_factory=HandClock)
    told: list[Transition] = field(default_factory=list)
    chance: float = 0.999999

    def __post_init__(self) -> None:
        self.breaker = Breaker(
            self.settings,
            slow_s=0.5,
            clock=self.time,
            chance=lambda: self.chance,
            changed=self.told.append,
        )

    @property
    def state(self) -> State:
        return self.breaker.state

    def call(self, *, failed: bool = False, took_s: float = 0.01, told_s: float = 0) -> bool:
        """Call once, if that is allowed."""
        permission = self.breaker.acquire()
        if permission is not None:
            self.breaker.record(permission, took_s=took_s, failed=failed, told_s=told_s)
        return permission is not None

    def open(self) -> None:
        self.call(failed=True)
        while self.state is not State.OPEN:
            self.call(failed=True)

    def wait_until_it_tries(self) -> None:
        self.time.now += self.breaker.retry_in_s() + 1e-6


@pytest.fixture(params=["by time", "by count"])
def held(request: pytest.FixtureRequest) -> Held:
    calls = 20 if request.param == "by count" else None
    return Held(BreakerSettings(window_calls=calls, minimum_calls=10))


def test_too_few_calls_prove_nothing(held: Held) -> None:
    for _ in range(9):
        held.call(failed=True)

    assert held.state is State.CLOSED


def test_it_opens_when_half_of_the_calls_failed(held: Held) -> None:
    for number in range(10):
        assert held.call(failed=number % 2 == 0)

    assert held.state is State.OPEN
    assert not held.call()
    assert held.told[-1].reason == "of 10 calls 5 failed, 0 were slow"


def test_it_opens_when_half_of_the_calls_were_slow(held: Held) -> None:
    for number in range(10):
        held.call(took_s=0.6 if number % 2 else 0.5)

    assert held.state is State.OPEN
    assert held.told[-1].reason == "of 10 calls 0 failed, 5 were slow"


def test_fewer_than_half_leave_it_closed(held: Held) -> None:
    for number in range(100):
        held.call(failed=number % 5 in {1, 3})

    assert held.state is State.CLOSED


def test_a_window_by_time_forgets_what_is_past() -> None:
    held = Held(BreakerSettings(window_s=10, minimum_calls=10))
    for _ in range(9):
        held.call(failed=True)

    held.time.now += 11
    held.call(failed=True)

    assert held.state is State.CLOSED
    assert held.breaker.seen().calls == 1


def test_a_window_by_count_forgets_only_for_newer_calls() -> None:
    held = Held(BreakerSettings(window_calls=10, minimum_calls=10))
    for _ in range(9):
        held.call(failed=True)

    held.time.now += 3600
    held.call()

    assert held.state is State.OPEN


def test_a_window_of_few_calls_is_judged_when_it_is_full() -> None:
    held = Held(BreakerSettings(window_calls=3, minimum_calls=5))

    assert [held.call(failed=True) for _ in range(4)] == [True, True, True, False]


def test_after_its_time_it_lets_a_few_go_and_no_more(held: Held) -> None:
    held.open()
    held.wait_until_it_tries()

    permissions = [held.breaker.acquire() for _ in range(100)]

    assert held.state is State.HALF_OPEN
    assert [each for each in permissions if each is not None] == permissions[:3]


def test_it_closes_when_the_few_are_well_and_knows_nothing_of_before(held: Held) -> None:
    held.open()
    held.wait_until_it_tries()

    assert [held.call() for _ in range(3)] == [True] * 3

    assert held.state is State.CLOSED
    assert held.breaker.seen().calls == 0


def test_it_opens_again_when_the_few_are_not_well(held: Held) -> None:
    held.open()
    held.wait_until_it_tries()

    for failed in (True, False, True):
        held.call(failed=failed)

    assert held.state is State.OPEN


def test_slow_probes_are_not_well(held: Held) -> None:
    held.open()
    held.wait_until_it_tries()

    for _ in range(3):
        held.call(took_s=2)

    assert held.state is State.OPEN


def open_times(held: Held, *, trials: int) -> list[float]:
    times = []
    for _ in range(trials):
        held.open()
        times.append(held.breaker.retry_in_s())
        held.wait_until_it_tries()
    return times


def test_each_failed_trial_makes_it_wait_twice_as_long_up_to_a_limit(held: Held) -> None:
    assert open_times(held, trials=6) == pytest.approx([1, 2, 4, 8, 10, 10], rel=1e-3)


def test_how_long_it_waits_is_left_to_chance_within_a_half() -> None:
    held = Held(BreakerSettings(), chance=0.0)

    assert open_times(held, trials=6) == pytest.approx([0.5, 1, 2, 4, 5, 5])


def test_once_it_has_closed_it_begins_with_the_short_time_again(held: Held) -> None:
    open_times(held, trials=4)
    for _ in range(3):
        held.call()
    assert held.state is State.CLOSED

    assert open_times(held, trials=1) == pytest.approx([1], rel=1e-3)


def test_a_probe_whose_caller_went_away_lets_another_go(held: Held) -> None:
    held.open()
    held.wait_until_it_tries()
    permissions = [held.breaker.acquire() for _ in range(3)]
    assert held.breaker.acquire() is None

    assert permissions[1] is not None
    held.breaker.release(permissions[1])

    assert held.breaker.acquire() is not None
    assert held.breaker.acquire() is None


def test_probes_that_never_end_count_as_failed_after_a_while(held: Held) -> None:
    held.open()
    held.wait_until_it_tries()
    lost = [held.breaker.acquire() for _ in range(3)]

    held.time.now += 30
    assert held.breaker.acquire() is None

    assert held.state is State.OPEN
    held.wait_until_it_tries()
    assert held.breaker.acquire() is not None
    assert lost[0] is not None
    held.breaker.release(lost[0])
    assert [held.breaker.acquire() is not None for _ in range(3)] == [True, True, False]


def test_what_began_before_it_opened_says_nothing_of_whether_it_may_close(held: Held) -> None:
    early = [held.breaker.acquire() for _ in range(3)]
    held.open()
    held.wait_until_it_tries()
    probe = held.breaker.acquire()

    for each in early:
        assert each is not None
        held.breaker.record(each, took_s=5, failed=False)

    assert held.state is State.HALF_OPEN
    assert held.breaker.seen().calls == 0
    assert probe is not None


@pytest.mark.parametrize(("told_s", "left_s"), [(5, 5), (3600, 30)])
def test_it_stays_open_as_long_as_the_neighbour_asked_for_but_not_for_ever(
    held: Held, told_s: float, left_s: float
) -> None:
    for _ in range(10):
        held.call(failed=True, told_s=told_s)

    assert held.state is State.OPEN
    assert held.breaker.retry_in_s() == left_s


def test_one_that_was_asked_for_long_ago_is_forgotten(held: Held) -> None:
    held.call(failed=True, told_s=2)
    held.time.now += 5

    held.open()

    assert held.breaker.retry_in_s() == pytest.approx(1, rel=1e-3)


def test_forced_open_it_lets_nobody_go_until_it_is_let_go(held: Held) -> None:
    held.breaker.force(State.FORCED_OPEN)
    held.time.now += 3600
    assert not held.call()

    held.breaker.force(None)

    assert held.state is State.CLOSED
    assert held.call()


def test_forced_closed_it_lets_everybody_go_and_still_counts(held: Held) -> None:
    held.breaker.force(State.FORCED_CLOSED)

    assert all(held.call(failed=True) for _ in range(20))

    assert held.state is State.FORCED_CLOSED
    assert held.breaker.seen().failed == 20


def test_its_last_transitions_are_kept_with_their_reasons(held: Held) -> None:
    open_times(held, trials=7)

    assert list(held.breaker.history) == held.told[-10:]
    assert [each.state for each in held.told[:3]] == [State.OPEN, State.HALF_OPEN, State.OPEN]
    assert held.told[1].reason == "open for 1.0 s"
    assert held.told[1].at == pytest.approx(held.told[0].at + 1, rel=1e-3)


def test_a_rate_of_one_means_all() -> None:
    held = Held(replace(BreakerSettings(), failure_rate=1.0, minimum_calls=4))
    for failed in (True, True, True, False):
        held.call(failed=failed)

    assert held.state is State.CLOSED
