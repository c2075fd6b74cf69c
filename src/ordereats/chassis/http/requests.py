"""The front door: gives every request its place, context, deadline and line in the log.

Who can't be answered in time is turned away here, before anything is done.
"""

import re
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, Protocol, TypeAlias

import structlog
from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from ordereats.chassis import context, slots
from ordereats.chassis.config import Environment
from ordereats.chassis.context import Context, Priority
from ordereats.chassis.errors import DeadlineExceeded, Overloaded
from ordereats.chassis.failpoints import FAILPOINTS
from ordereats.chassis.headers import whole_number
from ordereats.chassis.http.priorities import Priorities
from ordereats.chassis.http.refusals import Refusal
from ordereats.chassis.http.shedding import Limiter
from ordereats.chassis.http.uploads import bounded
from ordereats.chassis.slots import Slot
from ordereats.chassis.telemetry import traceparent as traceparents
from ordereats.chassis.telemetry.requests import METHODS, Requests
from ordereats.chassis.telemetry.span import Span
from ordereats.chassis.telemetry.spans import Spans

log = structlog.get_logger(__name__)

Headers: TypeAlias = Iterable[tuple[bytes, bytes]]

PATIENCE_S = 10.0
MAX_PATIENCE_MS = 30_000
NO_ROUTE = "(none)"
"""In the log, where nothing answers at a path: the path itself could say anything of anyone."""
_PROBES = frozenset({"/health", "/health/live", "/health/ready", "/metrics"})
"""Never refused and not logged: who asks them wants to know how we are."""
_OPERATIONS = "/ops/"
"""Never refused either: it is in an overload that an operator wants to hold a breaker open."""
_PRIORITIES = {each.value.encode(): each for each in Priority}
_SLOT = "ordereats_slot"


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorSettings:
    """How a process takes requests.

    Attributes:
        patience_s: how long an answer may take where the client does not say.
        heeds_priority: `X-Priority` counts. A neighbour sends it, for whom this is only a part of
            something else; nobody else can, since the gateway takes it off.
        owners: the service that answers, by the first part of a path; for a process of several.
    """

    patience_s: float = PATIENCE_S
    heeds_priority: bool = False
    owners: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(
        cls,
        environment: Environment,
        *,
        has_neighbours: bool,
        owners: Mapping[str, str] | None = None,
    ) -> "DoorSettings":
        """Read it; who has neighbours and who owns what, the caller knows.

        Raises:
            Misconfigured: a setting can't be right.
        """
        return cls(
            patience_s=environment.seconds(
                "REQUEST_DEADLINE_SECONDS", PATIENCE_S, least=0.1, most=MAX_PATIENCE_MS / 1000
            ),
            heeds_priority=has_neighbours,
            owners=owners or {},
        )


class Watchers(Protocol):
    """What takes note of each request."""

    @property
    def requests(self) -> Requests:
        """Counts them."""
        ...

    @property
    def spans(self) -> Spans:
        """Keeps what each did, and when."""
        ...


class FrontDoor:
    """Wraps an app. A correlation id is taken from the request or made, and always comes back."""

    def __init__(
        self,
        app: ASGIApp,
        settings: DoorSettings,
        limiter: Limiter,
        *,
        priorities: Priorities,
        principal: Callable[[Scope], context.Principal],
        watched: Watchers,
    ) -> None:
        self._app = app
        self._settings = settings
        self._limiter = limiter
        self._priorities = priorities
        self._principal = principal
        self._watched = watched

    def knock(self, method: str, path: str, headers: Headers) -> Slot | None:
        """A place for a request, or None: it is to be turned away."""
        if path in _PROBES or path.startswith(_OPERATIONS):
            return self._limiter.let_by()
        priority = self._priorities.of(method, path)
        if self._settings.heeds_priority:
            for name, value in headers:
                if name == b"x-priority":
                    priority = _PRIORITIES.get(value, priority)
        return self._limiter.admit(priority)

    def turn_away(self, headers: Headers) -> Refusal:
        """What to say to a request for which there is no place."""
        said = Overloaded(
            "It was not begun: ask again in a moment.",
            retry_after_s=self._limiter.retry_after_s(),
        )
        return Refusal.of(said, _correlation_id(headers))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        slot = scope.get("state", {}).get(_SLOT) or self.knock(
            scope["method"], scope["path"], scope["headers"]
        )
        if slot is None:
            await self.turn_away(scope["headers"]).send(send)
            return
        with slots.entered(slot):
            await self._answer(slot, scope, receive, send)

    async def _answer(self, slot: Slot, scope: HTTPScope, receive: Receive, send: Send) -> None:
        started = perf_counter()
        FAILPOINTS.begin(lambda: _kind(scope))
        at = self._context(slot, scope)
        status = 500

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                own = (b"x-correlation-id", at.correlation_id.encode())
                message["headers"] = [*message["headers"], own]
                slot.end(_kind(scope), has_failed=status >= 500)
            await send(message)

        with context.entered(at):
            try:
                if at.remaining_s(1) <= 0:
                    slot.give_up()
                    late = DeadlineExceeded("The deadline had passed before the work began.")
                    status = late.status
                    await Refusal.of(late, at.correlation_id).send(send)
                else:
                    await self._app(scope, bounded(receive, at), answer)
            finally:
                slot.end(_kind(scope), has_failed=True)
                if scope["path"] not in _PROBES:
                    self._note(scope, at.span, status, perf_counter() - started)

    def _note(self, scope: HTTPScope, span: Span | None, status: int, seconds: float) -> None:
        """It has been answered: count it, keep its span, log it."""
        method, route = scope["method"], scope.get("path_template") or NO_ROUTE
        self._watched.requests.note(method, route, status, seconds)
        if span is not None:
            span.name = f"{method if method in METHODS else 'other'} {route}"
            span.status = status
            if status >= 500:
                span.error = span.error or "fault"
            order_id = scope.get("path_params", {}).get("order_id")
            if isinstance(order_id, int) and status < 400:
                span.order_id = order_id
            span.end()
        log.info(
            "request",
            method=method,
            route=route,
            status=status,
            ms=round(seconds * 1000, 2),
        )

    def _context(self, slot: Slot, scope: HTTPScope) -> Context:
        correlation_id = traceparent = None
        patience_s = self._settings.patience_s
        for name, value in scope["headers"]:
            if name == b"x-correlation-id":
                correlation_id = _word(value)
            elif name == b"traceparent":
                # Of two nobody knows which one is meant.
                traceparent = _word(value) if traceparent is None else _NO_TRACE
            elif name == b"x-deadline-ms":
                told_ms = whole_number(value.decode("latin-1"))
                if told_ms is not None:
                    patience_s = min(told_ms, MAX_PATIENCE_MS) / 1000
        correlation_id = correlation_id or context.new_id()
        span = self._span(slot, scope["path"], correlation_id, traceparent)
        return Context(
            correlation_id,
            self._principal(scope),
            slot.began + patience_s,
            traceparent=_valid(traceparent) if span is None else span.traceparent,
            priority=slot.priority,
            span=span,
        )

    def _span(
        self, slot: Slot, path: str, correlation_id: str, traceparent: str | None
    ) -> Span | None:
        """Who asks how we are is not worth one."""
        if path in _PROBES or path.startswith(_OPERATIONS):
            return None
        span = self._watched.spans.begin(
            "server",
            "",  # known when it is routed
            correlation_id=correlation_id,
            traceparent=traceparent,
            service=self._settings.owners.get(path.split("/", 2)[1], ""),
        )
        if span is not None:
            span.is_read = slot.priority is not Priority.CHANGE
        return span


def keep_slot(state: MutableMapping[str, Any], slot: Slot) -> None:
    """Note in a request's `state` that it has knocked, and come in."""
    state[_SLOT] = slot


def _correlation_id(headers: Headers) -> str:
    for name, value in headers:
        if name == b"x-correlation-id":
            return _word(value) or context.new_id()
    return context.new_id()


def _kind(scope: HTTPScope) -> str:
    """What requests are compared by: what may take long on one route is too long on another."""
    return f"{scope['method']} {scope.get('path_template') or NO_ROUTE}"


def _valid(traceparent: str | None) -> str | None:
    """What may be passed on."""
    return None if traceparents.read(traceparent) is None else traceparent


def _word(value: bytes) -> str | None:
    """A header that is safe to log and pass on: printable, without spaces, not long."""
    return value.decode("ascii") if _WORD.fullmatch(value) else None


_NO_TRACE = ""
_WORD = re.compile(rb"[!-~]{1,100}")
