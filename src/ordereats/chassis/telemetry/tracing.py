"""Runs code as a part of a span: what it leads to, here and elsewhere, knows where it belongs."""

from collections.abc import Iterator
from contextlib import contextmanager

from ordereats.chassis import context
from ordereats.chassis.context import Context
from ordereats.chassis.telemetry.spans import Kind, Span, Spans


def under_way() -> Span | None:
    """The span that the code running now is a part of, if there is one."""
    at = context.known()
    return None if at is None else at.span


def failed(error: BaseException) -> None:
    """Note what went wrong in what is under way, where that is no error to whoever runs it."""
    span = under_way()
    if span is not None:
        span.fail(error)


@contextmanager
def part(kind: Kind, name: str, service: str | None = None) -> Iterator[Span | None]:
    """Run a block as a part of the span that is under way; where none is, just run it."""
    at = context.known()
    if at is None or at.span is None:
        yield None
        return
    span = at.span.child(kind, name, service)
    with context.entered(at.within(span)):
        try:
            yield span
        except BaseException as error:
            span.end(error)
            raise
    span.end()


@contextmanager
def resumed(
    spans: Spans, kind: Kind, name: str, at: Context, *, service: str
) -> Iterator[Span | None]:
    """Run a block as a part of what began elsewhere, before: an event's, or a stored row's.

    Args:
        spans: where it is kept; off: the trace goes on through the block unseen.
        kind: of the span.
        name: likewise.
        at: what goes along; its `traceparent` is the parent's.
        service: whose it is.
    """
    span = spans.begin(
        kind,
        name,
        correlation_id=at.correlation_id,
        traceparent=at.traceparent,
        service=service,
    )
    if span is None:
        with context.entered(at):
            yield None
        return
    with context.entered(at.within(span)):
        try:
            yield span
        except BaseException as error:
            span.end(error)
            raise
    span.end()
