"""A span: a small record of something that takes time. It knows no clock and sends nothing.

Making one costs about a microsecond, so that everything worth looking at can have one.
"""

from time import perf_counter
from typing import Literal, Protocol

from msgspec import Struct, field

from ordereats.chassis.telemetry.traceparent import new_span_id, written

Kind = Literal["server", "client", "transaction", "publish", "consume", "job"]


class Keeper(Protocol):
    """Where spans begin and are kept: see `spans.Spans`."""

    def begin(
        self,
        kind: Kind,
        name: str,
        *,
        correlation_id: str,
        traceparent: str | None,
        service: str = "",
    ) -> "Span | None":
        """Begin what nothing in this process is the parent of; None: spans are off."""
        ...

    def keep(self, span: "Span") -> None:
        """Keep one that has ended."""
        ...


# No garbage collection: one refers to its keeper alone, which lives as long as the process.
class Span(Struct, eq=False, gc=False):
    """Something that takes time, and what it is a part of.

    Attributes:
        spans: where it is kept when it has ended.
        kind: what it is.
        name: a route's template, a call, an event's type. Nothing that a client chose.
        service: whose; empty: the process has one only.
        trace_id: of all that follows from one request.
        parent_id: of the span that it is a part of, perhaps in another process; None: it is first.
        correlation_id: of the request behind it.
        is_sampled: it is exported, where something is.
        is_read: nothing is changed by what it is a part of.
        order_id: whose story it belongs to, if it is an order's.
        id: its own.
        began: by `perf_counter`.
        took_s: how long; known when it has ended.
        waited_s: how long before that what it is about had waited.
        status: of an HTTP answer.
        attempt: which it was; 0: it is not counted.
        error: what went wrong: a code or the name of a kind, never a text.
    """

    spans: "Keeper"
    kind: Kind
    name: str
    service: str
    trace_id: str
    parent_id: str | None
    correlation_id: str
    is_sampled: bool
    is_read: bool = False
    order_id: int | None = None
    id: str = field(default_factory=new_span_id)
    began: float = field(default_factory=perf_counter)
    took_s: float = 0.0
    waited_s: float = 0.0
    status: int = 0
    attempt: int = 0
    error: str | None = None

    def child(self, kind: Kind, name: str, service: str | None = None) -> "Span":
        """Begin a part of it."""
        return Span(
            self.spans,
            kind,
            name,
            self.service if service is None else service,
            self.trace_id,
            self.id,
            self.correlation_id,
            self.is_sampled,
            self.is_read,
            self.order_id,
        )

    def end(self, error: BaseException | None = None) -> None:
        """It is over, and kept from now on. Once."""
        self.took_s = perf_counter() - self.began
        if error is not None:
            self.fail(error)
        self.spans.keep(self)

    def fail(self, error: BaseException) -> None:
        """Note what went wrong: its code, or its kind. Its text might say something of someone."""
        self.error = getattr(error, "code", None) or type(error).__name__

    @property
    def traceparent(self) -> str:
        """For what it leads to elsewhere."""
        return written(self.trace_id, self.id, is_sampled=self.is_sampled)
