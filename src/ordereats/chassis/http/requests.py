"""The front door: gives every request its context, its deadline and its line in the log."""

from collections.abc import Callable
from time import monotonic, perf_counter

import structlog
from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from ordereats.chassis import context
from ordereats.chassis.context import Context
from ordereats.chassis.http.problems import problem_bytes
from ordereats.contracts.problems import MEDIA_TYPE

log = structlog.get_logger(__name__)

MAX_PATIENCE_MS = 30_000
NO_ROUTE = "(none)"
"""In the log, where nothing answers at a path: the path itself could say anything of anyone."""
_QUIET = frozenset({"/health", "/health/live", "/health/ready", "/metrics"})


class FrontDoor:
    """Wraps an app. A correlation id is taken from the request or made, and always comes back."""

    def __init__(self, app: ASGIApp, *, principal: Callable[[Scope], context.Principal]) -> None:
        self._app = app
        self._principal = principal

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        await self._answer(scope, receive, send)

    async def _answer(self, scope: HTTPScope, receive: Receive, send: Send) -> None:
        started = perf_counter()
        at = self._context(scope)
        status = 500

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                own = (b"x-correlation-id", at.correlation_id.encode())
                message["headers"] = [*message["headers"], own]
            await send(message)

        with context.entered(at):
            try:
                if at.deadline is not None and at.deadline <= monotonic():
                    await _too_late(answer)
                else:
                    await self._app(scope, receive, answer)
            finally:
                if scope["path"] not in _QUIET:
                    log.info(
                        "request",
                        method=scope["method"],
                        route=scope.get("path_template") or NO_ROUTE,
                        status=status,
                        ms=round((perf_counter() - started) * 1000, 2),
                    )

    def _context(self, scope: Scope) -> Context:
        correlation_id = traceparent = deadline = None
        for name, value in scope["headers"]:
            if name == b"x-correlation-id":
                correlation_id = _word(value, at_most=100)
            elif name == b"traceparent":
                traceparent = _word(value, at_most=100)
            elif name == b"x-deadline-ms" and value.isdigit():
                deadline = monotonic() + min(int(value[:9]), MAX_PATIENCE_MS) / 1000
        return Context(
            correlation_id=correlation_id or context.new_id(),
            principal=self._principal(scope),
            deadline=deadline,
            traceparent=traceparent,
        )


def _word(value: bytes, *, at_most: int) -> str | None:
    """A header that is safe to log and pass on: printable, without spaces, not long."""
    if not 0 < len(value) <= at_most or not all(33 <= byte <= 126 for byte in value):
        return None
    return value.decode("ascii")


async def _too_late(send: Send) -> None:
    body = problem_bytes(
        503, "deadline_exceeded", "Took too long", "The deadline had passed before the work began."
    )
    headers = [
        (b"content-type", MEDIA_TYPE.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"retry-after", b"1"),
    ]
    await send({"type": "http.response.start", "status": 503, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})
