"""An edge lets calls through as long as its neighbour is well; what it counts, it shows."""

import asyncio
from dataclasses import dataclass, field
from time import monotonic

import pytest
from structlog.testing import capture_logs

from ordereats.chassis.calls.breaker import BreakerSettings
from ordereats.chassis.calls.edge import Edge
from ordereats.chassis.calls.edges import Edges, EdgeSettings
from ordereats.chassis.config import Environment
from ordereats.chassis.errors import (
    BulkheadFull,
    CircuitOpen,
    Conflict,
    DeadlineExceeded,
    NotFound,
    Unavailable,
)
from support.hand_clock import HandClock

DOWN = Unavailable("down")


@dataclass
class Neighbour:
    """Answers, or fails, or takes its time.

    Attributes:
        asked: how often.
        fails: with this, if anything.
        may_answer: it waits for this.
    """

    asked: int = 0
    fails: Exception | None = None
    may_answer: asyncio.Event = field(default_factory=asyncio.Event)

    async def ask(self) -> str:
        self.asked += 1
        if self.fails is not None:
            raise self.fails
        await self.may_answer.wait()
        return "here you are"


@pytest.fixture
async def neighbour() -> Neighbour:
    neighbour = Neighbour()
    neighbour.may_answer.set()
    return neighbour


@pytest.fixture
def time() -> HandClock:
    return HandClock()


@pytest.fixture
def edges(time: HandClock) -> Edges:
    settings = EdgeSettings(breaker=BreakerSettings(minimum_calls=10))
    return Edges(settings, clock=time, chance=lambda: 0.999999)


@pytest.fixture
def edge(edges: Edges) -> Edge:
    return edges.edge("restaurants", "quote", slow_s=0.5)


async def fail(edge: Edge, neighbour: Neighbour, times: int = 10) -> None:
    neighbour.fails = DOWN
    for _ in range(times):
        with pytest.raises(Unavailable):
            await edge.run(neighbour.ask)
    neighbour.fails = None


async def test_an_answer_goes_through(edge: Edge, neighbour: Neighbour) -> None:
    assert await edge.run(neighbour.ask) == "here you are"
    assert edge.state().counts.answered == 1


async def test_a_neighbour_that_fails_is_not_asked_for_a_while(
    edge: Edge, neighbour: Neighbour
) -> None:
    await fail(edge, neighbour)

    with pytest.raises(CircuitOpen) as raised:
        await edge.run(neighbour.ask)

    assert neighbour.asked == 10
    assert raised.value.retry_after_s == 1
    assert edge.state().counts.refused == 1


async def test_a_refusal_is_an_answer(edge: Edge, neighbour: Neighbour) -> None:
    for refusal in (NotFound("no"), Conflict("no")):
        neighbour.fails = refusal
        for _ in range(10):
            with pytest.raises(type(refusal)):
                await edge.run(neighbour.ask)

    assert edge.state().breaker == "closed"
    assert edge.state().counts.answered == 20


async def test_the_caller_says_which_errors_are_failures(edge: Edge, neighbour: Neighbour) -> None:
    neighbour.fails = ValueError("the card was declined")
    for _ in range(10):
        with pytest.raises(ValueError, match="declined"):
            await edge.run(neighbour.ask, fails=lambda error: not isinstance(error, ValueError))

    assert edge.state().breaker == "closed"


async def test_answers_earn_retries_and_failures_do_not(edge: Edge, neighbour: Neighbour) -> None:
    budget = edge.neighbour.budget
    budget.spend()

    await fail(edge, neighbour, times=5)
    assert budget.tokens == budget.MOST - 1

    for _ in range(5):
        await edge.run(neighbour.ask)
    assert budget.tokens == budget.MOST - 0.5


async def test_one_kind_of_call_does_not_shut_out_another(
    edges: Edges, edge: Edge, neighbour: Neighbour
) -> None:
    await fail(edge, neighbour)

    other = edges.edge("restaurants", "hold_portions", slow_s=0.5)

    assert await other.run(neighbour.ask) == "here you are"
    assert [each.breaker for each in edges.states()] == ["open", "closed"]


async def test_it_closes_by_itself_when_the_neighbour_is_well_again(
    edge: Edge, neighbour: Neighbour, time: HandClock
) -> None:
    await fail(edge, neighbour)
    time.now += 1

    for _ in range(3):
        await edge.run(neighbour.ask)

    state = edge.state()
    assert state.breaker == "closed"
    assert [(each.to, each.ago_s) for each in state.history] == [
        ("open", 1.0),
        ("half_open", 0.0),
        ("closed", 0.0),
    ]


async def test_of_a_hundred_callers_at_a_half_open_breaker_three_reach_the_neighbour(
    edge: Edge, neighbour: Neighbour, time: HandClock
) -> None:
    await fail(edge, neighbour)
    time.now += 1
    neighbour.may_answer.clear()

    async with asyncio.TaskGroup() as tasks:
        asking = [tasks.create_task(quiet(edge, neighbour)) for _ in range(100)]
        refused = [await each for each in asking[3:]]
        neighbour.may_answer.set()

    assert neighbour.asked == 10 + 3
    assert refused == ["CircuitOpen"] * 97
    assert [each.result() for each in asking[:3]] == ["here you are"] * 3


async def quiet(edge: Edge, neighbour: Neighbour) -> str:
    try:
        return await edge.run(neighbour.ask)
    except (CircuitOpen, BulkheadFull) as error:
        return type(error).__name__


async def test_probes_whose_callers_go_away_let_others_go(
    edge: Edge, neighbour: Neighbour, time: HandClock
) -> None:
    await fail(edge, neighbour)
    time.now += 1
    neighbour.may_answer.clear()

    for _ in range(5):
        async with asyncio.TaskGroup() as tasks:
            probes = [tasks.create_task(edge.run(neighbour.ask)) for _ in range(3)]
            await asyncio.sleep(0)
            assert await quiet(edge, neighbour) == "CircuitOpen"
            for each in probes:
                each.cancel()

    assert neighbour.asked == 10 + 5 * 3
    assert edge.state().breaker == "half_open"
    assert edge.state().counts.cancelled == 15
    neighbour.may_answer.set()
    assert [await quiet(edge, neighbour) for _ in range(3)] == ["here you are"] * 3
    assert edge.state().breaker == "closed"


async def test_who_waits_for_a_slot_holds_no_probe(time: HandClock, neighbour: Neighbour) -> None:
    settings = EdgeSettings(breaker=BreakerSettings(probes=1), calls=1, queue=5, queue_s=0.02)
    edges = Edges(settings, clock=time)
    quote = edges.edge("restaurants", "quote", slow_s=0.5)
    await fail(quote, neighbour)
    time.now += 1
    neighbour.may_answer.clear()
    async with asyncio.TaskGroup() as tasks:
        other = edges.edge("restaurants", "other", slow_s=0.5)
        holding = tasks.create_task(other.run(neighbour.ask))
        await asyncio.sleep(0)

        waiting = [tasks.create_task(quiet(quote, neighbour)) for _ in range(5)]

        assert {await each for each in waiting} == {"BulkheadFull"}
        holding.cancel()
    neighbour.may_answer.set()
    assert await quiet(quote, neighbour) == "here you are"


async def test_an_open_breaker_refuses_at_once_also_when_all_slots_are_taken(
    time: HandClock, neighbour: Neighbour
) -> None:
    edges = Edges(EdgeSettings(calls=1, queue_s=60), clock=time)
    quote = edges.edge("restaurants", "quote", slow_s=0.5)
    await fail(quote, neighbour)
    neighbour.may_answer.clear()
    async with asyncio.TaskGroup() as tasks:
        other = edges.edge("restaurants", "other", slow_s=0.5)
        holding = tasks.create_task(other.run(neighbour.ask))
        await asyncio.sleep(0)

        assert await quiet(quote, neighbour) == "CircuitOpen"

        holding.cancel()


async def test_all_kinds_of_calls_to_a_neighbour_share_its_slots_and_no_others(
    time: HandClock, neighbour: Neighbour
) -> None:
    edges = Edges(EdgeSettings(calls=2, queue=0), clock=time)
    quote = edges.edge("restaurants", "quote", slow_s=0.5)
    hold = edges.edge("restaurants", "hold_portions", slow_s=0.5)
    user = edges.edge("users", "get_user", slow_s=0.5)
    neighbour.may_answer.clear()
    async with asyncio.TaskGroup() as tasks:
        holding = [tasks.create_task(each.run(neighbour.ask)) for each in (quote, hold, user)]
        await asyncio.sleep(0)

        assert await quiet(quote, neighbour) == "BulkheadFull"
        assert [(each.callee, each.running) for each in edges.neighbours()] == [
            ("restaurants", 2),
            ("users", 1),
        ]

        for each in holding:
            each.cancel()

    assert [each.running for each in edges.neighbours()] == [0, 0]
    assert quote.state().counts.full == 1


async def test_no_answer_in_time_says_that_the_neighbour_is_not_well(neighbour: Neighbour) -> None:
    edge = Edges(EdgeSettings()).edge("restaurants", "quote", slow_s=0.01)
    neighbour.may_answer.clear()

    for _ in range(BreakerSettings().minimum_calls):
        with pytest.raises(DeadlineExceeded, match=r"restaurants gave no answer in 0\.02 s"):
            await edge.run(neighbour.ask, within_s=0.02)

    state = edge.state()
    assert (state.breaker, state.failure_rate, state.slow_rate) == ("open", 1.0, 1.0)


async def test_callers_who_all_have_less_time_than_is_slow_notice_a_neighbour_that_hangs(
    neighbour: Neighbour,
) -> None:
    edge = Edges(EdgeSettings()).edge("restaurants", "quote", slow_s=0.05)
    neighbour.may_answer.clear()

    for _ in range(BreakerSettings().minimum_calls):
        with pytest.raises(DeadlineExceeded):
            await edge.run(neighbour.ask, within_s=0.03)

    assert edge.state().breaker == "open"


async def test_of_a_burst_that_a_neighbour_can_answer_in_time_nobody_is_refused() -> None:
    edge = Edges(EdgeSettings()).edge("restaurants", "quote", slow_s=0.5)

    async def answer() -> str:
        await asyncio.sleep(0.02)
        return "here you are"

    answers = await asyncio.gather(*[edge.run(answer, within_s=5) for _ in range(200)])

    assert answers == ["here you are"] * 200


async def test_a_neighbour_that_hangs_costs_each_of_a_burst_no_more_than_the_queue_allows(
    neighbour: Neighbour,
) -> None:
    settings = EdgeSettings()
    edge = Edges(settings).edge("restaurants", "quote", slow_s=5)
    neighbour.may_answer.clear()
    async with asyncio.TaskGroup() as tasks:
        asking = [tasks.create_task(quiet(edge, neighbour)) for _ in range(200)]
        began = monotonic()

        refused = await asyncio.gather(*asking[settings.calls :])

        assert settings.queue_s <= monotonic() - began < settings.queue_s + 1
        assert set(refused) == {"BulkheadFull"}
        neighbour.may_answer.set()


async def test_a_caller_in_a_hurry_says_nothing_of_the_neighbour(neighbour: Neighbour) -> None:
    edge = Edges(EdgeSettings()).edge("restaurants", "quote", slow_s=0.5)
    neighbour.may_answer.clear()

    for _ in range(12):
        with pytest.raises(DeadlineExceeded):
            await edge.run(neighbour.ask, within_s=0.001)

    state = edge.state()
    assert (state.breaker, state.calls, state.counts.cancelled) == ("closed", 0, 12)


async def test_a_timeout_of_the_neighbours_own_is_its_error(
    edge: Edge, neighbour: Neighbour
) -> None:
    neighbour.fails = TimeoutError("its own")

    with pytest.raises(TimeoutError, match="its own"):
        await edge.run(neighbour.ask, within_s=60)

    assert edge.state().counts.failed == 1


async def test_switched_off_breakers_stay_closed_and_still_count(
    time: HandClock, neighbour: Neighbour
) -> None:
    edges = Edges(EdgeSettings.read(Environment({"BREAKERS": "off"})), clock=time)
    edge = edges.edge("restaurants", "quote", slow_s=0.5)

    await fail(edge, neighbour, times=50)

    state = edge.state()
    assert (state.breaker, state.calls, state.failure_rate) == ("forced_closed", 50, 1.0)


async def test_a_breaker_can_be_held_by_hand(
    edges: Edges, edge: Edge, neighbour: Neighbour
) -> None:
    assert edges.force("restaurants", "quote", "open")
    assert await quiet(edge, neighbour) == "CircuitOpen"

    assert edges.force("restaurants", "quote", "closed")
    await fail(edge, neighbour, times=20)
    assert edge.state().breaker == "forced_closed"

    assert edges.force("restaurants", "quote", None)
    assert edge.state().breaker == "closed"
    assert not edges.force("restaurants", "no_such_kind", "open")


async def test_each_transition_is_told_in_the_log(
    edge: Edge, neighbour: Neighbour, time: HandClock
) -> None:
    with capture_logs() as logs:
        await fail(edge, neighbour)
        time.now += 1
        for _ in range(3):
            await edge.run(neighbour.ask)

    assert [(each["event"], each["log_level"]) for each in logs] == [
        ("breaker_opened", "warning"),
        ("breaker_half_open", "info"),
        ("breaker_closed", "info"),
    ]
    assert logs[0]["callee"] == "restaurants"
    assert logs[0]["kind"] == "quote"
    assert logs[0]["why"] == "of 10 calls 10 failed, 0 were slow"
