"""Sends sampled spans to a collector where there is one. It slows nobody, and reads no span."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import unquote

import aiohttp
import structlog

from ordereats.chassis.background import Background
from ordereats.chassis.config import Environment
from ordereats.chassis.errors import Misconfigured
from ordereats.chassis.telemetry import otlp
from ordereats.chassis.telemetry.spans import Spans

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Collector:
    """Where spans are sent, by OTLP over HTTP.

    Attributes:
        endpoint: its base; spans go to `/v1/traces` below it.
        headers: to be sent along: a token, say.
    """

    endpoint: str
    headers: Mapping[str, str]

    @classmethod
    def read(cls, environment: Environment) -> "Collector | None":
        """Read where it is, if there is one.

        Raises:
            Misconfigured: a setting can't be right.
        """
        endpoint = environment.url("OTEL_EXPORTER_OTLP_ENDPOINT", ("http", "https"))
        if endpoint is None:
            return None
        given = environment.text("OTEL_EXPORTER_OTLP_HEADERS", "")
        return cls(endpoint.rstrip("/"), _headers(given))


@asynccontextmanager
async def exported(
    spans: Spans, collector: Collector | None, *, service: str
) -> AsyncIterator[None]:
    """Send the sampled spans of a process for the length of a block.

    A collector that is down or slow costs spans and nothing else: the end of the block waits for it
    no longer than `otlp.LAST_WORDS_S`.

    Args:
        spans: those.
        collector: where to; None: nowhere.
        service: what the process is called there.
    """
    if collector is None or not spans.is_on:
        yield
        return
    headers = {**collector.headers, "Content-Type": "application/json"}
    timeout = aiohttp.ClientTimeout(total=otlp.TIMEOUT_S)
    async with aiohttp.ClientSession(headers=headers, timeout=timeout) as http:
        sender = otlp.Sender(spans, http, collector.endpoint, service=service)
        async with Background.open() as background:
            sending = background.start(sender.run(), name="export of spans")
            spans.export = sender.send
            try:
                yield
            finally:
                spans.export = None
                sending.cancel()
                await asyncio.wait([sending])
                await _last_words(sender)


async def _last_words(sender: otlp.Sender) -> None:
    """Send what waits, if that goes fast."""
    try:
        async with asyncio.timeout(otlp.LAST_WORDS_S):
            await sender.flush()
    except TimeoutError:
        log.warning("last_spans_not_exported")


def _headers(given: str) -> dict[str, str]:
    """`name=value,name=value`, with values as in an address (`%20`): OpenTelemetry's own form."""
    headers = {}
    for pair in filter(None, given.split(",")):
        name, equals, value = pair.partition("=")
        if not equals or not name.strip():
            raise Misconfigured(
                "OTEL_EXPORTER_OTLP_HEADERS must be such as authorization=Bearer%20…,x-team=food."
            )
        headers[name.strip()] = unquote(value.strip())
    return headers
