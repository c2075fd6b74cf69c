"""A collector of spans, for tests: it takes what OpenTelemetry's protocol sends, or hangs."""

import asyncio
import json
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from google.protobuf.json_format import ParseDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest as Sent,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span as WireSpan


class FakeCollector:
    """Takes what is sent to it; or hangs, or fails.

    Attributes:
        requests: what was sent, with its headers.
        status: that it answers.
        may_answer: it waits for this.
    """

    def __init__(self) -> None:
        self.requests: list[tuple[web.Request, Sent]] = []
        self.status = 200
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.url = ""

    async def take(self, request: web.Request) -> web.Response:
        self.requests.append((request, _read(await request.read())))
        await self.may_answer.wait()
        return web.Response(status=self.status)

    @property
    def spans(self) -> list[WireSpan]:
        return [
            span
            for _, sent in self.requests
            for resource in sent.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]


def _read(body: bytes) -> Sent:
    """By the protocol's own definition, which refuses what it does not know.

    Ids are its exception from how its definition is written in JSON: hexadecimal, not base64.
    """

    def in_base64(found: dict[str, Any]) -> dict[str, Any]:
        for name in {"traceId", "spanId", "parentSpanId"} & found.keys():
            found[name] = b64encode(bytes.fromhex(found[name])).decode()
        return found

    sent: Sent = ParseDict(json.loads(body, object_hook=in_base64), Sent())
    return sent


@asynccontextmanager
async def collecting() -> AsyncIterator[FakeCollector]:
    """Listen for the length of a block."""
    fake, app = FakeCollector(), web.Application()
    app.router.add_post("/base/v1/traces", fake.take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    fake.url = f"http://127.0.0.1:{runner.addresses[0][1]}/base"
    try:
        yield fake
    finally:
        fake.may_answer.set()
        await runner.cleanup()
