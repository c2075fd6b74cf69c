"""A call is asked again seldom: within its time, within a budget, and only where it may help."""

from collections.abc import Awaitable, Callable
from time import monotonic

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from ordereats.chassis.calls.client import CalleeFailed, Calls, Transport
from ordereats.chassis.calls.edges import Edges, EdgeSettings
from ordereats.chassis.calls.retry import ATTEMPTS, RetryBudget, pause_s
from ordereats.chassis.errors import BulkheadFull, CircuitOpen, DeadlineExceeded, Unavailable
from ordereats.contracts.calls import Call


def pause(
    error: Unavailable | None = None,
    attempt: int = 1,
    *,
    remaining_s: float = 2,
    budget: RetryBudget | None = None,
    share: float = 0.5,
) -> float | None:
    return pause_s(
        error or Unavailable("down"),
        attempt,
        remaining_s=remaining_s,
        budget=budget or RetryBudget(),
        chance=lambda: share,
    )


def an_empty_budget() -> RetryBudget:
    budget = RetryBudget()
    while budget.spend():
        pass
    return budget


@pytest.mark.parametrize("kind", [DeadlineExceeded, CircuitOpen, BulkheadFull, CalleeFailed])
def test_only_a_callee_that_may_answer_in_a_moment_is_asked_again(kind: type[Unavailable]) -> None:
    assert pause(Unavailable("down")) is not None
    assert pause(kind("it would not help")) is None


def test_after_three_attempts_it_is_enough() -> None:
    assert [pause(attempt=attempt) is not None for attempt in (1, 2, 3, 4)] == [
        True,
        True,
        False,
        False,
    ]


def test_pauses_grow_and_differ() -> None:
    assert [pause(attempt=attempt, share=0.5) for attempt in (1, 2)] == [0.025, 0.05]
    assert pause(attempt=1, share=0.1) != pause(attempt=1, share=0.2)


def test_who_asks_to_be_left_alone_is_left_alone() -> None:
    budget = RetryBudget()

    made = pause(Unavailable("later", retry_after_s=1), remaining_s=20, budget=budget)

    assert made is None
    assert budget.tokens == RetryBudget.MOST


@pytest.mark.parametrize("remaining_s", [0.02, 0.0, -1.0])
def test_a_retry_that_would_come_too_late_is_not_made_and_costs_nothing(
    remaining_s: float,
) -> None:
    budget = RetryBudget()

    made = pause(Unavailable("down"), share=0.5, remaining_s=remaining_s, budget=budget)

    assert made is None
    assert (budget.tokens, budget.spent, budget.denied) == (RetryBudget.MOST, 0, 0)


def test_without_a_token_nobody_asks_again() -> None:
    budget = an_empty_budget()

    assert pause(budget=budget) is None

    assert budget.denied == 2


def test_ten_answers_earn_a_retry() -> None:
    budget = an_empty_budget()

    for _ in range(10):
        assert pause(budget=budget) is None
        budget.earn()

    assert pause(budget=budget) is not None
    assert pause(budget=budget) is None


@given(st.lists(st.booleans(), max_size=400))
def test_retries_are_never_more_than_a_tenth_of_the_answers_and_what_was_there(
    answered: list[bool],
) -> None:
    budget = RetryBudget()

    for each in answered:
        if each:
            budget.earn()
        else:
            budget.spend()

    assert budget.spent <= RetryBudget.MOST + sum(answered) * RetryBudget.EARNED + 1e-6
    assert 0 <= budget.tokens <= RetryBudget.MOST


@given(st.integers(1, ATTEMPTS - 1), st.floats(0, 1, exclude_max=True), st.floats(0.001, 30))
def test_a_pause_always_ends_before_the_caller_stops_waiting(
    attempt: int, share: float, remaining_s: float
) -> None:
    made = pause(attempt=attempt, share=share, remaining_s=remaining_s)

    assert made is None or made < remaining_s


class Nothing(Struct, frozen=True):
    """Neither asks nor answers anything."""


A_CALL = Call("restaurants", "quote", "/", Nothing, Nothing, deadline_ms=2000)


class Moody(Transport):
    """A callee that fails some of the times it is asked."""

    def __init__(self, mood: Callable[[int], Awaitable[None]]) -> None:
        self.asked = 0
        self._mood = mood

    async def ask(self, *_call: object) -> Nothing:  # type: ignore[override]  # one call's
        self.asked += 1
        await self._mood(self.asked)
        return Nothing()


async def test_a_callee_that_fails_once_is_asked_again() -> None:
    async def once(attempt: int) -> None:
        if attempt == 1:
            raise Unavailable("down")

    callee, edges = Moody(once), Edges(EdgeSettings())

    assert await Calls({"restaurants": callee}, edges).ask(A_CALL, Nothing()) == Nothing()

    assert callee.asked == 2
    assert edges.neighbours()[0].retries == 1


async def test_a_callee_that_is_down_is_asked_three_times_and_soon_once() -> None:
    async def never(_attempt: int) -> None:
        raise Unavailable("down")

    callee, edges = Moody(never), Edges(EdgeSettings(breakers=False))
    calls, attempts = Calls({"restaurants": callee}, edges), [0]

    while attempts[-1] != 1:
        before = callee.asked
        with pytest.raises(Unavailable):
            await calls.ask(A_CALL, Nothing())
        attempts.append(callee.asked - before)

    assert attempts[1:] == [3, 3, 3, 3, 3, 1]


async def test_a_callee_that_asks_for_more_time_than_there_is_is_not_asked_again() -> None:
    async def later(_attempt: int) -> None:
        raise Unavailable("later", retry_after_s=5)

    callee, began = Moody(later), monotonic()

    with pytest.raises(Unavailable) as raised:
        await Calls({"restaurants": callee}, Edges(EdgeSettings())).ask(A_CALL, Nothing())

    assert (callee.asked, raised.value.retry_after_s) == (1, 5)
    assert monotonic() - began < 1
