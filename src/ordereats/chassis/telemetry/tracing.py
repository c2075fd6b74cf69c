"""Runs code as a part of a span: what it leads to, here and elsewhere, knows where it belongs."""

from ordereats.chassis import context
from ordereats.chassis.context import Context
from ordereats.chassis.telemetry.span import Keeper, Kind, Span


def under_way() -> Span | None:
    """The span that the code running now is a part of, if there is one."""
    at = context.known()
    return None if at is None else at.span


def failed(error: BaseException) -> None:
    """Note what went wrong in what is under way, where that is no error to whoever runs it."""
    span = under_way()
    if span is not None:
        span.fail(error)


class part:  # noqa: N801  # used as the function that it would be, if that were as fast
    """Run a block as a part of the span that is under way; where none is, just run it.

    A class, for it stands around every call: as a generator it took three times as long.
    """

    __slots__ = ("_kind", "_name", "_service", "_span", "_token")

    def __init__(self, kind: Kind, name: str, service: str | None = None) -> None:
        self._kind: Kind = kind
        self._name = name
        self._service = service

    def __enter__(self) -> Span | None:
        at = context.known()
        if at is None or at.span is None:
            self._span = None
            return None
        self._span = span = at.span.child(self._kind, self._name, self._service)
        self._token = context.enter(at.within(span))
        return span

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _trace: object
    ) -> None:
        if self._span is not None:
            context.leave(self._token)
            self._span.end(error)


class resumed:  # noqa: N801  # as above
    """Run a block as a part of what began elsewhere, before: an event's, or a stored row's.

    Attributes:
        span: None: spans are off.
    """

    __slots__ = ("_at", "_token", "span")

    def __init__(self, spans: Keeper, kind: Kind, name: str, at: Context, *, service: str) -> None:
        """Begin.

        Args:
            spans: where it is kept; off: the trace goes on through the block unseen.
            kind: of the span.
            name: likewise.
            at: what goes along; its `traceparent` is the parent's.
            service: whose it is.
        """
        self._at = at
        self.span = spans.begin(
            kind,
            name,
            correlation_id=at.correlation_id,
            traceparent=at.traceparent,
            service=service,
        )

    def __enter__(self) -> Span | None:
        at, span = self._at, self.span
        self._token = context.enter(at if span is None else at.within(span))
        return span

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _trace: object
    ) -> None:
        context.leave(self._token)
        if self.span is not None:
            self.span.end(error)
