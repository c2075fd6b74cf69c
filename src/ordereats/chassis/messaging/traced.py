"""What a consumer does about a message, as a part of what the message follows from."""

from ordereats.chassis.context import Context
from ordereats.chassis.messaging.bus import Message, order_of
from ordereats.chassis.telemetry import tracing
from ordereats.chassis.telemetry.spans import Spans
from ordereats.contracts.events import Event


def received(spans: Spans, consumer: str, message: Message, *, attempt: int) -> tracing.resumed:
    """Handle a message in a block: under its correlation id, as a part of its publishing."""
    at = Context(message.correlation_id, traceparent=message.traceparent)
    name, service = f"{consumer} {message.type}", consumer.partition(".")[0]
    handled = tracing.resumed(spans, "consume", name, at, service=service)
    if handled.span is not None:
        handled.span.order_id = order_of(message.subject)
        handled.span.attempt = attempt
        handled.span.waited_s = spans.waited_s(message.time)
    return handled


def tells_of(event: Event) -> None:
    """What is under way is about the order that the event is about."""
    span = tracing.under_way()
    if span is not None:
        span.order_id = getattr(event, "order_id", None)
