"""Our spans in OpenTelemetry's words, and its library's thread that sends them. Import it late."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from threading import Thread

import structlog
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, TraceFlags
from opentelemetry.trace.status import Status, StatusCode

from ordereats.chassis.telemetry.span import Span
from ordereats.chassis.telemetry.spans import Spans

log = structlog.get_logger(__name__)

WAITING = 2048
"""Spans that wait to be sent, at most: then the oldest make room."""
BATCH = 512
EVERY_S = 2.0
TIMEOUT_S = 5.0
"""For one batch, its retries included."""
LAST_WORDS_S = 1.0
"""How long stopping waits for what is still to be sent."""
LAST_THREAD = "last spans"
NAME = "ordereats"

_KINDS = {
    "server": SpanKind.SERVER,
    "client": SpanKind.CLIENT,
    "publish": SpanKind.PRODUCER,
    "consume": SpanKind.CONSUMER,
}
_SAMPLED = TraceFlags(TraceFlags.SAMPLED)
_SCOPE = InstrumentationScope(NAME)
_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


class Sender:
    """Sends the spans of a process. Taking one costs a microsecond; the rest is its thread's."""

    def __init__(
        self, spans: Spans, endpoint: str, headers: Mapping[str, str], *, service: str
    ) -> None:
        # It logs each batch that could not be sent; `_Exporter` says it once.
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
        self._exporter = _Exporter(
            spans,
            OTLPSpanExporter(f"{endpoint}/v1/traces", headers=dict(headers), timeout=TIMEOUT_S),
            Resource({"service.name": service, "service.namespace": NAME}),
        )
        self._processor = BatchSpanProcessor(
            self._exporter,
            max_queue_size=WAITING,
            schedule_delay_millis=EVERY_S * 1000,
            max_export_batch_size=BATCH,
        )

    def send(self, span: Span) -> None:
        """Take a span that has ended."""
        self._processor.on_end(_Taken(span))

    async def close(self) -> None:
        """Send what waits, if that goes fast."""
        loop, done = asyncio.get_running_loop(), asyncio.Event()

        def shut_down() -> None:
            self._processor.shutdown()  # type: ignore[no-untyped-call]  # as the library has it
            with suppress(RuntimeError):  # nobody waits any more: the loop is closed
                loop.call_soon_threadsafe(done.set)

        Thread(target=shut_down, name=LAST_THREAD, daemon=True).start()
        try:
            async with asyncio.timeout(LAST_WORDS_S):
                await done.wait()
        except TimeoutError:
            self._exporter.shutdown()  # it begins no further attempt
            log.warning("last_spans_not_exported")


class _Taken(ReadableSpan):
    """A span on its way to the thread that turns it into the library's."""

    def __init__(self, span: Span) -> None:
        self.span = span
        self._context = _ANY


class _Exporter(SpanExporter):
    """Turns spans into the library's own, in its thread, and says when sending fails."""

    def __init__(self, spans: Spans, sends: OTLPSpanExporter, resource: Resource) -> None:
        self._spans = spans
        self._sends = sends
        self._resource = resource
        self._fails = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        began_at = self._spans.dating()
        taken = [each.span for each in spans if isinstance(each, _Taken)]
        whole = [self._whole(each, began_at(each)) for each in taken]
        result = self._sends.export(whole)
        fails = result is not SpanExportResult.SUCCESS
        if fails and not self._fails:
            log.warning("spans_not_exported", count=len(whole))
        elif self._fails and not fails:
            log.info("spans_exported_again")
        self._fails = fails
        return result

    def shutdown(self) -> None:
        self._sends.shutdown()  # type: ignore[no-untyped-call]  # as above

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._sends.force_flush(timeout_millis)

    def _whole(self, span: Span, began_at: datetime) -> ReadableSpan:
        parent = None if span.parent_id is None else _context(span.trace_id, span.parent_id)
        return ReadableSpan(
            span.name,
            context=_context(span.trace_id, span.id),
            parent=parent,
            resource=self._resource,
            attributes=_attributes(span),
            kind=_KINDS.get(span.kind, SpanKind.INTERNAL),
            status=Status(StatusCode.ERROR, span.error) if span.error else Status(StatusCode.UNSET),
            start_time=_ns(began_at),
            end_time=_ns(began_at + timedelta(seconds=span.took_s)),
            instrumentation_scope=_SCOPE,
        )


def _attributes(span: Span) -> dict[str, str | int | float]:
    known: dict[str, str | int | float | None] = {
        "ordereats.kind": span.kind,
        "ordereats.service": span.service or None,
        "ordereats.correlation_id": span.correlation_id,
        "ordereats.order_id": span.order_id,
        "ordereats.waited_ms": round(span.waited_s * 1000, 3) or None,
        "ordereats.attempt": span.attempt or None,
        "http.response.status_code": span.status or None,
        "error.type": span.error,
    }
    return {name: value for name, value in known.items() if value is not None}


def _context(trace_id: str, span_id: str) -> SpanContext:
    return SpanContext(int(trace_id, 16), int(span_id, 16), is_remote=False, trace_flags=_SAMPLED)


def _ns(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(microseconds=1) * 1000


_ANY = _context("1".zfill(32), "1".zfill(16))
