"""What this process did, when and for how long: the last of its spans, kept in memory.

It sends nothing and writes nothing. What is wanted elsewhere, `export` takes there. Each is made
and kept, for an operator looks for the one order that went wrong, which no sample would hold.
"""

from collections import deque
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain
from time import perf_counter

from ordereats.chassis.clock import Clock, SystemClock
from ordereats.chassis.config import Environment
from ordereats.chassis.telemetry.span import Kind, Span
from ordereats.chassis.telemetry.traceparent import Sampling, read
from ordereats.contracts.wire import Answer

KEPT = 10_000
"""Spans; about 4 MB."""
READS_SHARE = 4
"""Of those kept, one in so many may be of reading: that is most of the traffic, and tells least."""
MOST_SHOWN = 2000
"""Of one trace or order."""


class SpanShown(Answer, frozen=True, kw_only=True):
    """A span as operators see it.

    Attributes:
        at: when it began, by the clock of its process.
        took_ms: how long it took.
        waited_ms: how long before that its event had waited, or it for a connection.
    """

    trace_id: str
    span_id: str
    parent_id: str | None
    correlation_id: str
    kind: str
    service: str
    name: str
    at: datetime
    took_ms: float
    waited_ms: float
    order_id: int | None
    status: int
    attempt: int
    error: str | None


@dataclass(frozen=True, slots=True)
class TraceSettings:
    """What of it all is noted.

    Attributes:
        is_on: spans are made; off: a `traceparent` is passed on as it came.
        sampling: the share of traces that is exported, if there is somewhere to export to.
        kept: spans in memory.
    """

    is_on: bool = True
    sampling: float = 0.1
    kept: int = KEPT

    @classmethod
    def read(cls, environment: Environment) -> "TraceSettings":
        """Read them.

        Raises:
            Misconfigured: one can't be right.
        """
        return cls(
            is_on=environment.choice("TRACES", "on", ("on", "off")) == "on",
            sampling=environment.share("TRACE_SAMPLING", 0.1),
            kept=environment.whole("TRACE_SPANS_KEPT", KEPT, least=100, most=1_000_000),
        )


class Spans:
    """The spans of a process.

    Attributes:
        is_on: whether any are made.
        export: is given each that is sampled, when it has ended; must return at once.
    """

    def __init__(
        self,
        settings: TraceSettings | None = None,
        *,
        service: str = "",
        clock: Clock | None = None,
    ) -> None:
        """Begin with none.

        Args:
            settings: if not the defaults.
            service: of those that do not say so: the process has one only.
            clock: the system's, if not another.
        """
        settings = settings or TraceSettings()
        self.is_on = settings.is_on
        self.export: Callable[[Span], None] | None = None
        self._service = service
        self._clock = clock or SystemClock()
        self._sampling = Sampling(settings.sampling)
        self._changes: deque[Span] = deque(maxlen=settings.kept)
        self._reads: deque[Span] = deque(maxlen=settings.kept // READS_SHARE)

    def begin(
        self,
        kind: Kind,
        name: str,
        *,
        correlation_id: str,
        traceparent: str | None,
        service: str = "",
    ) -> Span | None:
        """Begin what nothing in this process is the parent of; None: spans are off.

        Args:
            kind: what it is.
            name: of it.
            correlation_id: of the request behind it.
            traceparent: of its parent elsewhere. One that can't be right counts for nothing: then
                a trace begins here.
            service: whose it is, where the process has several.
        """
        if not self.is_on:
            return None
        parent = read(traceparent)
        if parent is None:
            trace_id, is_sampled = self._sampling.new_trace()
            parent_id = None
        else:
            trace_id, parent_id, is_sampled = parent
        return Span(self, kind, name, service, trace_id, parent_id, correlation_id, is_sampled)

    def waited_s(self, since: datetime) -> float:
        """How long something has waited. Two machines' clocks may be behind it."""
        return max(0.0, (self._clock.now() - since).total_seconds())

    def keep(self, span: Span) -> None:
        """Keep one that has ended, in the place of the oldest."""
        (self._reads if span.is_read else self._changes).append(span)
        if span.is_sampled and self.export is not None:
            self.export(span)

    def of_trace(self, name: str) -> list[SpanShown]:
        """Those of a trace, by its id, or of a request, by its correlation id."""
        return self._shown(
            each
            for each in chain(self._changes, self._reads)
            if name in (each.trace_id, each.correlation_id)
        )

    def of_order(self, order_id: int, traces: Collection[str] = ()) -> list[SpanShown]:
        """Those of all traces that changed something about an order.

        Args:
            order_id: its id.
            traces: that did so elsewhere; here nobody may have known what it was about.
        """
        traces = {
            *traces,
            *(each.trace_id for each in self._changes if each.order_id == order_id),
        }
        return self._shown(each for each in self._changes if each.trace_id in traces)

    def dating(self) -> Callable[[Span], datetime]:
        """What tells when a span began by the clock, as exact as that has been since.

        Spans that are shown together are dated by one of these: what lies between them is exact.
        """
        now, counter = self._clock.now(), perf_counter()
        return lambda span: now - timedelta(seconds=counter - span.began)

    def _shown(self, spans: Iterable[Span]) -> list[SpanShown]:
        found = list(spans)[-MOST_SHOWN:]
        found.sort(key=lambda each: each.began)
        began_at = self.dating()
        return [self._one(each, began_at(each)) for each in found]

    def _one(self, span: Span, began_at: datetime) -> SpanShown:
        return SpanShown(
            trace_id=span.trace_id,
            span_id=span.id,
            parent_id=span.parent_id,
            correlation_id=span.correlation_id,
            kind=span.kind,
            service=span.service or self._service,
            name=span.name,
            at=began_at,
            took_ms=round(span.took_s * 1000, 3),
            waited_ms=round(span.waited_s * 1000, 3),
            order_id=span.order_id,
            status=span.status,
            attempt=span.attempt,
            error=span.error,
        )


def off() -> Spans:
    """Spans that are off: nobody looks."""
    return Spans(TraceSettings(is_on=False))
