"""What was asked and how it went: a line in the log for each request, and the latest by the API."""

import time
from collections.abc import MutableSequence
from datetime import datetime

import structlog
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from msgspec import Struct

from ordereats.sandbox.actions import World

KEPT = 2000
"""Requests; older ones are forgotten."""


class Asked(Struct, frozen=True, rename="camel"):
    """One request for Stripe's part of the API, as `GET /sandbox/requests` shows it.

    Attributes:
        at: when it came.
        query: as it was sent.
        status: of the answer; None if it was cut off.
    """

    at: datetime
    method: str
    path: str
    query: str
    idempotency_key: str | None
    status: int | None
    ms: float


class Journal:
    """ASGI middleware that names each request (`Request-Id`, as Stripe does), logs and keeps it.

    The log never has what was in one.
    """

    def __init__(self, app: ASGIApp, world: World, kept: MutableSequence[Asked]) -> None:
        self._app = app
        self._world = world
        self._kept = kept
        self._log = structlog.get_logger()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        at, began = self._world.now(), time.monotonic()
        request_id = self._world.new_id("req")
        status: int | None = None

        async def named(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [
                    *message["headers"],
                    (b"request-id", request_id.encode()),
                ]
            await send(message)

        try:
            await self._app(scope, receive, named)
        finally:
            ms = round((time.monotonic() - began) * 1000, 1)
            if scope["path"].startswith("/v1/"):
                self._kept.append(_asked(scope, at, status, ms))
            self._log.info(
                "request",
                method=scope.get("method"),
                path=scope["path"],
                status=status,  # none: the connection was cut
                ms=ms,
                request_id=request_id,
            )


def _asked(scope: Scope, at: datetime, status: int | None, ms: float) -> Asked:
    key = next((value for name, value in scope["headers"] if name == b"idempotency-key"), None)
    return Asked(
        at=at,
        method=str(scope.get("method")),
        path=scope["path"],
        query=scope["query_string"].decode("latin-1"),
        idempotency_key=None if key is None else key.decode("latin-1"),
        status=status,
        ms=ms,
    )
