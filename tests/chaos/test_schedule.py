"""The schedule of faults: always the same for a seed, of every kind, and often enough."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.run import ENOUGH
from chaos.schedule import KINDS, LAST_BEFORE_S, Kind, schedule

SEEDS = st.integers(0, 2**32)


@given(SEEDS)
def test_the_same_seed_is_the_same_faults(seed: int) -> None:
    assert schedule(seed, seconds=600) == schedule(seed, seconds=600)


def test_another_seed_is_other_faults() -> None:
    assert schedule(1, seconds=600) != schedule(2, seconds=600)


@given(SEEDS)
def test_ten_minutes_have_at_least_sixty_faults_and_each_kind_at_least_twice(seed: int) -> None:
    faults = schedule(seed, seconds=600)

    times = Counter(each.kind for each in faults)
    assert len(faults) * ENOUGH >= 60
    assert set(times) == {each.name for each in KINDS}
    assert min(times.values()) >= 2


@given(SEEDS, st.floats(20, 900))
def test_faults_come_by_time_and_all_under_load(seed: int, seconds: float) -> None:
    times = [each.at_s for each in schedule(seed, seconds=seconds)]

    assert times == sorted(times)
    assert all(0 < at_s < seconds - LAST_BEFORE_S + 0.1 for at_s in times)


@given(SEEDS)
def test_no_kind_comes_again_before_each_has_come(seed: int) -> None:
    kinds = [each.kind for each in schedule(seed, seconds=600)]

    assert len(set(kinds[: len(KINDS)])) == len(KINDS)


@given(SEEDS)
def test_a_fault_strikes_what_its_kind_may_and_lasts_as_long_as_it_may(seed: int) -> None:
    known = {each.name: each for each in KINDS}

    for fault in schedule(seed, seconds=600):
        kind = known[fault.kind]
        assert fault.act is kind.act
        assert fault.target in kind.targets
        assert kind.lasts_s[0] <= fault.lasts_s <= kind.lasts_s[1]


@pytest.mark.parametrize("kind", KINDS, ids=[each.name for each in KINDS])
def test_every_target_of_a_kind_is_struck_before_any_is_struck_again(kind: Kind) -> None:
    faults = schedule(7, seconds=600, kinds=[kind])

    first = [each.target for each in faults[: len(kind.targets)]]
    assert len(set(first)) == len(kind.targets)
