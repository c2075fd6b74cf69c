"""One line in the log for each request: what was asked and how it went, never what was in it."""

import time
from collections.abc import Callable

import structlog
from litestar.types import ASGIApp, Message, Receive, Scope, Send


class Journal:
    """ASGI middleware that names each request (`Request-Id`, as Stripe does) and logs it."""

    def __init__(self, app: ASGIApp, new_id: Callable[[str], str]) -> None:
        self._app = app
        self._new_id = new_id
        self._log = structlog.get_logger()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = time.monotonic()
        request_id = self._new_id("req")
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
            self._log.info(
                "request",
                method=scope.get("method"),
                path=scope["path"],
                status=status,  # none: the connection was cut
                ms=round((time.monotonic() - began) * 1000, 1),
                request_id=request_id,
            )
