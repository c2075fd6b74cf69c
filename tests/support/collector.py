"""A collector of spans, for tests: it takes what OpenTelemetry's protocol sends, or hangs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
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
        self.requests.append((request, Sent.FromString(await request.read())))
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
