"""Asks other services. A call looks like a call: it may be remote, take time and fail."""

import asyncio
from collections.abc import Coroutine, Mapping
from time import monotonic
from typing import Any, Protocol, TypeVar

from msgspec import UNSET

from ordereats.chassis import context
from ordereats.chassis.calls.edges import Edges
from ordereats.chassis.db.pool import inside_transaction
from ordereats.chassis.errors import (
    Conflict,
    DeadlineExceeded,
    Invalid,
    NotFound,
    OrderEatsError,
    Unavailable,
)
from ordereats.contracts.calls import Call, Question, Reply
from ordereats.contracts.problems import Problem

PART = 0.75
"""Of the time that is left, a call gets so much."""

A = TypeVar("A")
B = TypeVar("B")


class CalleeFailed(Unavailable, code="callee_failed"):
    """The other service met an unexpected fault of its own, or did not understand us."""

    retryable = False


def refused_by(problem: Problem, extension: Mapping[str, object]) -> OrderEatsError | None:
    """What a callee's problem document means to us, if it is an answer and no fault.

    Its code and extension are kept, so that a caller may let it out as it is.
    """
    error: OrderEatsError
    if problem.status == Invalid.status and problem.errors is not UNSET:
        error = Invalid(*problem.errors)
    elif problem.status == NotFound.status and problem.code == NotFound.code:
        error = NotFound(problem.detail)
    elif problem.status == Conflict.status:
        error = Conflict(problem.detail)
    else:
        return None
    error.code, error.extension = problem.code, extension
    return error


def not_available(service: str, code: str, *, told_s: int | None) -> Unavailable:
    """What it means to us that a callee is not available.

    Args:
        service: the callee.
        code: that it gave.
        told_s: how long it asked to be left alone.
    """
    kind = DeadlineExceeded if code == DeadlineExceeded.code else Unavailable
    return kind(f"{service} is not available: {code}.", retry_after_s=told_s)


class Transport(Protocol):
    """A way to reach services. Every one raises the same errors."""

    async def ask(self, call: Call[Question, Reply], question: Question) -> Reply:
        """Ask; the context that is current goes along, with its deadline.

        Raises:
            NotFound: the callee knows that there is no such thing.
            Invalid, Conflict: it refuses; tell refusals apart by their `code`.
            Unavailable: it is down, overloaded or draining.
            DeadlineExceeded: it could not do it in the time.
            CalleeFailed: it answered with a fault.
        """
        ...


class Calls:
    """What a service asks others with."""

    def __init__(self, transports: Mapping[str, Transport], edges: Edges) -> None:
        """Prepare.

        Args:
            transports: how to reach each service, by its name.
            edges: what keeps a callee that is not well from doing harm.
        """
        self._transports = transports
        self._edges = edges

    async def ask(self, call: Call[Question, Reply], question: Question) -> Reply:
        """Ask one thing, and again if the callee may well answer then.

        It takes no longer than the call may, and leaves our own caller a quarter of the time that
        is left: to use the answer, or to do without.

        Raises:
            NotFound, Invalid, Conflict, Unavailable, CalleeFailed: see `Transport`.
            CircuitOpen, BulkheadFull: see `Edge.run`.
            DeadlineExceeded: no answer in time.
        """
        if inside_transaction():
            raise AssertionError(f"{call.service} is asked inside a transaction")
        at = context.current()
        within_s = at.remaining_s(call.deadline_ms / 1000 / PART) * PART
        if within_s <= 0:
            raise DeadlineExceeded(f"No time was left to ask {call.service}.")
        deadline = monotonic() + within_s
        edge = self._edges.edge(call.service, call.name, slow_s=call.slow_ms / 1000)
        transport = self._transports[call.service]
        attempt = 1
        with context.entered(at.until(deadline)):
            while True:
                try:
                    return await edge.run(
                        lambda: transport.ask(call, question), within_s=deadline - monotonic()
                    )
                except Unavailable as error:
                    pause_s = edge.pause_s(error, attempt, remaining_s=deadline - monotonic())
                    if pause_s is None:
                        raise
                attempt += 1
                await asyncio.sleep(pause_s)


async def at_once(first: Coroutine[Any, Any, A], second: Coroutine[Any, Any, B]) -> tuple[A, B]:
    """Wait for two calls at the same time; the first error ends both."""
    try:
        async with asyncio.TaskGroup() as tasks:
            one, other = tasks.create_task(first), tasks.create_task(second)
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return one.result(), other.result()
