"""Pauses double up to a limit, and chance spreads them."""

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from ordereats.chassis.backoff import equal_jitter_s, full_jitter_s, up_to_twice_s

attempts = st.integers(1, 10_000)
shares = st.floats(0, 1, exclude_max=True)
firsts = st.floats(0.001, 10)
longests = st.floats(0.001, 3600)


def always(share: float) -> Callable[[], float]:
    return lambda: share


def whole_s(attempt: int, *, first_s: float, longest_s: float) -> float:
    return full_jitter_s(attempt, first_s=first_s, longest_s=longest_s, chance=always(1.0))


def test_a_pause_doubles_until_the_longest() -> None:
    grown = [whole_s(attempt, first_s=0.5, longest_s=3) for attempt in range(1, 6)]

    assert grown == [0.5, 1, 2, 3, 3]


@given(attempts, firsts, longests, shares)
def test_full_jitter_lies_anywhere_up_to_the_whole(
    attempt: int, first_s: float, longest_s: float, share: float
) -> None:
    whole = whole_s(attempt, first_s=first_s, longest_s=longest_s)

    pause = full_jitter_s(attempt, first_s=first_s, longest_s=longest_s, chance=always(share))

    assert pause == whole * share
    assert pause <= longest_s


@given(attempts, firsts, longests, shares)
def test_equal_jitter_keeps_half(
    attempt: int, first_s: float, longest_s: float, share: float
) -> None:
    whole = whole_s(attempt, first_s=first_s, longest_s=longest_s)

    pause = equal_jitter_s(attempt, first_s=first_s, longest_s=longest_s, chance=always(share))

    assert whole / 2 <= pause <= whole


@given(st.lists(shares, min_size=8, max_size=8))
def test_until_the_longest_equal_jitter_only_grows(by_chance: list[float]) -> None:
    pauses = [
        equal_jitter_s(attempt, first_s=0.5, longest_s=1000, chance=always(share))
        for attempt, share in enumerate(by_chance, start=1)
    ]

    assert pauses == sorted(pauses)


@given(firsts, shares)
def test_who_knows_when_to_come_back_comes_then_or_up_to_as_much_later(
    least_s: float, share: float
) -> None:
    pause = up_to_twice_s(least_s, chance=always(share))

    assert least_s <= pause <= 2 * least_s
    assert up_to_twice_s(least_s, chance=always(0)) == least_s


def test_two_callers_pause_differently() -> None:
    pauses = {full_jitter_s(3, first_s=1, longest_s=10) for _ in range(10)}

    assert len(pauses) == 10
