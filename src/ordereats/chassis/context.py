"""Who asks, and under which correlation id: what goes along with a request, call and event."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar, Token
from dataclasses import dataclass
from enum import StrEnum
from time import monotonic

import uuid_utils
from msgspec import Struct

from ordereats.chassis.telemetry.span import Span


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks.

    Attributes:
        name: of the person or program.
        roles: what it may do; `operator` may do everything.
    """

    name: str
    roles: frozenset[str]


OPERATOR = Principal("operator", frozenset({"operator"}))
"""Everyone, as long as the platform runs open (on loopback, unless told otherwise)."""


class Priority(StrEnum):
    """What matters most when not everything can be done, the first of all first.

    Probes are not among them: they are always answered.
    """

    CHANGE = "change"
    READ = "read"
    BROWSE = "browse"


class Context(Struct, frozen=True):
    """What goes along. A struct, since many are made: a frozen dataclass takes seven times as long.

    Attributes:
        correlation_id: one for all that follows from one request.
        principal: who asks.
        deadline: by the monotonic clock, when the caller stops waiting; None: nobody waits.
        traceparent: W3C trace context: what follows from this is a part of that span.
        priority: of what all this is for, also where it takes reading one thing at a neighbour.
        span: that one, if it is this process's.
    """

    correlation_id: str
    principal: Principal = OPERATOR
    deadline: float | None = None
    traceparent: str | None = None
    priority: Priority = Priority.CHANGE
    span: Span | None = None

    def within(self, span: Span) -> "Context":
        """The same, for what is a part of a span."""
        return Context(
            self.correlation_id,
            self.principal,
            self.deadline,
            span.traceparent,
            self.priority,
            span,
        )

    def until(self, deadline: float | None) -> "Context":
        """The same, with another deadline."""
        return Context(
            self.correlation_id,
            self.principal,
            deadline,
            self.traceparent,
            self.priority,
            self.span,
        )

    def remaining_s(self, at_most: float) -> float:
        """How long there is to wait: until the deadline, and no longer than `at_most`."""
        return at_most if self.deadline is None else min(at_most, self.deadline - monotonic())


def new_id() -> str:
    """A correlation id: a UUIDv7, so that ids sort by time."""
    return str(uuid_utils.uuid7())


def current() -> Context:
    """What goes along with the code that is running now; made where there is none yet."""
    context = _CURRENT.get()
    if context is None:
        context = Context(new_id())
        _CURRENT.set(context)
    return context


def known() -> Context | None:
    """What goes along with the code that is running now, if anything does."""
    return _CURRENT.get()


def enter(context: Context) -> "Token[Context | None]":
    """Go on with this context, until it is left by what this returns; see `entered`."""
    return _CURRENT.set(context)


def leave(token: "Token[Context | None]") -> None:
    """Go on with the context before."""
    _CURRENT.reset(token)


@contextmanager
def entered(context: Context) -> Iterator[Context]:
    """Run a block with this context."""
    token = _CURRENT.set(context)
    try:
        yield context
    finally:
        _CURRENT.reset(token)


_CURRENT: ContextVar[Context | None] = ContextVar("ordereats_context", default=None)
