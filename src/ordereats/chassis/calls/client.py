"""Asks other services. A call looks like a call: it may be remote, take time and fail."""

import asyncio
from collections.abc import Coroutine, Mapping
from time import monotonic
from typing import Any, Protocol, TypeVar

from msgspec import UNSET

from ordereats.chassis import context
from ordereats.chassis.context import Context
from ordereats.chassis.db.pool import inside_transaction
from ordereats.chassis.errors import Conflict, DeadlineExceeded, Invalid, NotFound, OrderEatsError
from ordereats.contracts.calls import Call, Question, Reply
from ordereats.contracts.problems import Problem

A = TypeVar("A")
B = TypeVar("B")


class CalleeFailed(OrderEatsError, code="callee_failed"):
    """The other service met an unexpected fault of its own, or did not understand us."""


def refusal(problem: Problem, extension: Mapping[str, object]) -> OrderEatsError | None:
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


class Transport(Protocol):
    """A way to reach services. Every one raises the same errors."""

    async def ask(self, call: Call[Question, Reply], question: Question) -> Reply:
        """Ask; the context that is current goes along, with its deadline.

        Raises:
            NotFound: the callee knows that there is no such thing.
            Invalid, Conflict: it refuses; tell refusals apart by their `code`.
            Unavailable: it is down, overloaded or draining.
            CalleeFailed: it answered with a fault.
        """
        ...


class Calls:
    """What a service asks others with."""

    def __init__(self, transports: Mapping[str, Transport]) -> None:
        """Prepare.

        Args:
            transports: how to reach each service, by its name.
        """
        self._transports = transports

    async def ask(self, call: Call[Question, Reply], question: Question) -> Reply:
        """Ask one thing, and wait no longer than the call and our own caller have time for.

        Raises:
            NotFound, Invalid, Conflict, Unavailable, CalleeFailed: see `Transport`.
            DeadlineExceeded: no answer in time.
        """
        if inside_transaction():
            raise AssertionError(f"{call.service} is asked inside a transaction")
        at = context.current()
        within_s = at.remaining_s(call.deadline_ms / 1000)
        if within_s <= 0:
            raise DeadlineExceeded(f"No time was left to ask {call.service}.")
        passed_on = Context(at.correlation_id, at.principal, monotonic() + within_s, at.traceparent)
        try:
            async with asyncio.timeout(within_s):
                with context.entered(passed_on):
                    return await self._transports[call.service].ask(call, question)
        except TimeoutError:
            raise DeadlineExceeded(f"{call.service} gave no answer in {within_s:.2f} s.") from None


async def at_once(first: Coroutine[Any, Any, A], second: Coroutine[Any, Any, B]) -> tuple[A, B]:
    """Wait for two calls at the same time; the first error ends both."""
    try:
        async with asyncio.TaskGroup() as tasks:
            one, other = tasks.create_task(first), tasks.create_task(second)
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return one.result(), other.result()
