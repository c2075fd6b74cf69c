"""Spans in OpenTelemetry's words, and what sends them: its protocol over HTTP, in JSON.

The words are those of the protocol's own definition: opentelemetry/proto/trace/v1/trace.proto, with
ids in hexadecimal, as OTLP has them in JSON, and 64-bit numbers as text.
"""

import asyncio
from asyncio import Event
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import aiohttp
import msgspec
import structlog

from ordereats.chassis.telemetry.span import Span
from ordereats.chassis.telemetry.spans import Spans

log = structlog.get_logger(__name__)

WAITING = 2048
"""Spans that wait to be sent, at most: then the oldest make room."""
BATCH = 128
"""To turn so many into JSON takes a millisecond, in which this process does nothing else."""
EVERY_S = 2.0
TIMEOUT_S = 5.0
"""For one batch."""
LAST_WORDS_S = 1.0
"""How long stopping waits for what is still to be sent."""
NAME = "ordereats"

_KINDS = {"server": 2, "client": 3, "publish": 4, "consume": 5}
_INTERNAL = 1
_SAMPLED = 1
_ERROR = 2
_ANOTHER_TIME = frozenset({429, 502, 503, 504})
_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


class Sender:
    """Sends the spans of a process, a batch at a time. One that is not taken now is sent again."""

    def __init__(
        self, spans: Spans, http: aiohttp.ClientSession, endpoint: str, *, service: str
    ) -> None:
        """Send nothing yet.

        Args:
            spans: whose they are: they tell when each began.
            http: a session with what the collector wants to be told in headers.
            endpoint: the base of its address.
            service: what this process is called there.
        """
        self._spans = spans
        self._http = http
        self._address = f"{endpoint}/v1/traces"
        self._resource = _attributes({"service.name": service, "service.namespace": NAME})
        self._waiting: deque[Span] = deque(maxlen=WAITING)
        self._batch: list[Span] = []
        self._is_much = Event()
        self._fails = False

    def send(self, span: Span) -> None:
        """Take a span that has ended."""
        self._waiting.append(span)
        if len(self._waiting) >= BATCH:
            self._is_much.set()

    async def run(self) -> None:
        """Send what has come, again and again."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(EVERY_S):
                    await self._is_much.wait()
            self._is_much.clear()
            await self.flush()
            if self._fails:
                await asyncio.sleep(EVERY_S)

    async def flush(self) -> None:
        """Send all that waits, or as much as the collector takes."""
        while self._batch or self._waiting:
            if not self._batch:
                count = min(BATCH, len(self._waiting))
                self._batch = [self._waiting.popleft() for _ in range(count)]
            if not await self._is_taken():
                return
            self._batch = []

    async def _is_taken(self) -> bool:
        """Send the batch; whether it is over with, one way or the other."""
        try:
            async with self._http.post(
                self._address, data=self._written(), allow_redirects=False
            ) as answer:
                status = answer.status
        except (aiohttp.ClientError, OSError):  # a time limit's error is one of these
            status = None
        is_taken = status is not None and status < 300
        if is_taken and self._fails:
            log.info("spans_exported_again")
        elif not is_taken and not self._fails:
            log.warning("spans_not_exported", count=len(self._batch), status=status)
        self._fails = not is_taken
        return status is not None and status not in _ANOTHER_TIME

    def _written(self) -> bytes:
        began_at = self._spans.dating()
        spans = [_one(each, began_at(each)) for each in self._batch]
        scoped = {"scope": {"name": NAME}, "spans": spans}
        of_us = {"resource": {"attributes": self._resource}, "scopeSpans": [scoped]}
        return msgspec.json.encode({"resourceSpans": [of_us]})


def _one(span: Span, began_at: datetime) -> dict[str, Any]:
    began_ns = (began_at - _EPOCH) // timedelta(microseconds=1) * 1000
    written = {
        "traceId": span.trace_id,
        "spanId": span.id,
        "flags": _SAMPLED,
        "name": span.name,
        "kind": _KINDS.get(span.kind, _INTERNAL),
        "startTimeUnixNano": str(began_ns),
        "endTimeUnixNano": str(began_ns + int(span.took_s * 1e9)),
        "attributes": _attributes(
            {
                "ordereats.kind": span.kind,
                "ordereats.service": span.service or None,
                "ordereats.correlation_id": span.correlation_id,
                "ordereats.order_id": span.order_id,
                "ordereats.waited_ms": round(span.waited_s * 1000, 3) or None,
                "ordereats.attempt": span.attempt or None,
                "http.response.status_code": span.status or None,
                "error.type": span.error,
            }
        ),
    }
    if span.parent_id is not None:
        written["parentSpanId"] = span.parent_id
    if span.error is not None:
        written["status"] = {"code": _ERROR, "message": span.error}
    return written


def _attributes(known: Mapping[str, str | float | None]) -> list[dict[str, Any]]:
    """Those that are known."""
    return [
        {"key": name, "value": _value(value)} for name, value in known.items() if value is not None
    ]


def _value(value: str | float) -> dict[str, Any]:
    if isinstance(value, str):
        return {"stringValue": value}
    return {"intValue": str(value)} if isinstance(value, int) else {"doubleValue": value}
