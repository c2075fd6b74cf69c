"""Calls: the same answers, errors and limits, in this process and over HTTP."""

import asyncio
from time import monotonic
from typing import Any, Protocol

import pytest
from structlog.testing import capture_logs

from ordereats.chassis import context
from ordereats.chassis.calls.client import CalleeFailed
from ordereats.chassis.context import Context, Priority
from ordereats.chassis.db.pool import Database
from ordereats.chassis.errors import (
    BulkheadFull,
    Conflict,
    DeadlineExceeded,
    Invalid,
    NotFound,
    OrderEatsError,
    Unavailable,
)
from ordereats.chassis.telemetry.spans import Spans
from ordereats.chassis.telemetry.traceparent import read
from ordereats.contracts.problems import FieldProblem

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Callee(Protocol):
    """What answers."""

    asked: int
    may_answer: asyncio.Event


class Edge(Protocol):
    """See the conftest."""

    @property
    def callee(self) -> Callee: ...
    async def ask(self, kind: str = "good") -> Any: ...


async def test_a_question_gets_its_answer(edge: Edge) -> None:
    assert (await edge.ask("good")).kind == "good"


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("missing", NotFound),
        ("unavailable", Unavailable),
        ("late", DeadlineExceeded),
        ("database", CalleeFailed),
        ("fault", CalleeFailed),
        ("timeout", CalleeFailed),
        ("conflict", Conflict),
        ("invalid", Invalid),
    ],
)
async def test_an_error_of_the_callee_has_one_kind_however_it_travels(
    edge: Edge, kind: str, error: type[OrderEatsError]
) -> None:
    with pytest.raises(error) as raised:
        await edge.ask(kind)

    assert "the-secret-inside" not in str(raised.value)


@pytest.mark.parametrize("kind", ["database", "fault", "timeout"])
async def test_a_callees_fault_is_in_the_log_once(edge: Edge, kind: str) -> None:
    with capture_logs() as lines, pytest.raises(CalleeFailed):
        await edge.ask(kind)

    (line,) = [each for each in lines if each["log_level"] == "error"]
    assert line["event"] in {"call_failed", "request_failed"}, "in this process, or in its own"


@pytest.mark.parametrize(("kind", "told_s"), [("unavailable", 1), ("told", 7)])
async def test_how_long_a_callee_asks_to_be_left_alone_is_known(
    edge: Edge, kind: str, told_s: int
) -> None:
    with pytest.raises(Unavailable) as raised:
        await edge.ask(kind)

    assert raised.value.told_s == told_s
    assert edge.callee.asked == 1, "it asked to be left alone"


async def test_a_refusal_keeps_its_code_and_what_else_it_says(edge: Edge) -> None:
    with pytest.raises(Conflict) as raised:
        await edge.ask("conflict")

    assert raised.value.code == "closed"
    assert raised.value.extension == {"opensAt": "17:30", "dishes": [1, 2]}
    assert type(raised.value) is Conflict, "the callee's own class does not travel"


async def test_a_refusal_names_the_fields_that_it_is_about(edge: Edge) -> None:
    with pytest.raises(Invalid) as raised:
        await edge.ask("invalid")

    assert raised.value.problems == (FieldProblem("kind", "must be another"),)


@pytest.mark.alone  # it is about time
async def test_an_answer_that_does_not_come_in_time_is_given_up_in_time(edge: Edge) -> None:
    started = monotonic()

    with pytest.raises(DeadlineExceeded, match=r"no answer in 0\.(50|4\d) s"):
        await edge.ask("slow")

    assert 0.45 < monotonic() - started < 1.5


async def test_the_next_question_is_answered_all_the_same(edge: Edge) -> None:
    late = await asyncio.gather(*(edge.ask("slow") for _ in range(60)), return_exceptions=True)
    assert {type(each) for each in late} <= {DeadlineExceeded, BulkheadFull}

    edge.callee.may_answer.set()
    assert (await edge.ask()).kind == "good"


async def test_nobody_waits_longer_than_our_own_caller_does(edge: Edge) -> None:
    started = monotonic()

    with (
        context.entered(Context("c", deadline=monotonic() + 0.4)),
        pytest.raises(DeadlineExceeded, match=r"no answer in 0\.(30|2\d) s"),
    ):
        await edge.ask("slow")

    assert monotonic() - started < 0.4, "a quarter is left to do without"


async def test_without_time_left_nobody_is_asked(edge: Edge) -> None:
    with (
        context.entered(Context("c", deadline=monotonic() - 1)),
        pytest.raises(DeadlineExceeded, match="No time was left"),
    ):
        await edge.ask()

    assert edge.callee.asked == 0


async def test_the_callee_knows_how_long_it_has(edge: Edge) -> None:
    with context.entered(Context("c")):
        assert 0 < (await edge.ask()).remaining_s <= 0.5
    with context.entered(Context("c", deadline=monotonic() + 0.2)):
        assert 0 < (await edge.ask()).remaining_s <= 0.15


async def test_correlation_id_trace_and_priority_go_along(edge: Edge) -> None:
    behind = Context("the-request-behind-it", traceparent=TRACE, priority=Priority.BROWSE)
    with context.entered(behind):
        seen = await edge.ask()

    assert seen.correlation_id == "the-request-behind-it"
    assert str(seen.traceparent)[:35] == TRACE[:35]  # over HTTP, of the callee's own span
    assert seen.priority == "browse"


async def test_a_call_is_a_part_of_what_asks_and_what_the_callee_does_a_part_of_the_call(
    edge: Edge,
) -> None:
    spans = Spans()
    asking = spans.begin("server", "POST /orders", correlation_id="c", traceparent=TRACE)
    assert asking is not None
    with context.entered(Context("c", traceparent=TRACE).within(asking)):
        seen = await edge.ask()
        with pytest.raises(NotFound):
            await edge.ask("missing")

    calls = [each for each in spans.of_trace("c") if each.kind == "client"]
    assert [each.error for each in calls] == [None, "not_found"]
    assert {each.parent_id for each in calls} == {asking.id}
    assert {each.trace_id for each in calls} == {TRACE[3:35]}
    behind = read(seen.traceparent)
    assert behind is not None
    assert behind.trace_id == TRACE[3:35]
    assert behind.span_id not in {asking.id, calls[0].span_id}  # the callee has its own


async def test_the_callers_own_context_is_as_it_was(edge: Edge) -> None:
    at = Context("c", deadline=monotonic() + 100)

    with context.entered(at):
        await edge.ask()
        assert context.current() is at


async def test_asking_inside_a_transaction_is_a_mistake_of_ours(
    edge: Edge, database: Database
) -> None:
    async with database.transaction():
        with pytest.raises(AssertionError, match="callee is asked inside a transaction"):
            await edge.ask()

    assert edge.callee.asked == 0


async def test_many_can_ask_at_once(edge: Edge) -> None:
    answers = await asyncio.gather(*(edge.ask(f"good-{number}") for number in range(80)))

    assert [each.kind for each in answers] == [f"good-{number}" for number in range(80)]


async def test_who_stops_asking_disturbs_nobody(edge: Edge) -> None:
    async with asyncio.TaskGroup() as tasks:
        asking = [tasks.create_task(edge.ask("slow")) for _ in range(3)]
        await asyncio.sleep(0.05)
        for each in asking:
            each.cancel()

    assert (await edge.ask()).kind == "good"
