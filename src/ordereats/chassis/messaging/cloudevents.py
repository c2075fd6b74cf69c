"""CloudEvents 1.0 in binary mode: attributes as headers, the fact as the body. It sends nothing."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from ordereats.chassis.messaging.bus import Message, UnreadableError

T = TypeVar("T")

PREFIX = "cloudEvents:"
CONTENT_TYPE = "application/json"


def headers_of(message: Message) -> dict[str, str | int]:
    """The attributes of a message, and our extensions `correlationid`, `traceparent`, `version`.

    `version` is the entity's; the format's own is `specversion`.
    """
    headers: dict[str, str | int] = {
        "cloudEvents:specversion": "1.0",
        "cloudEvents:id": str(message.id),
        "cloudEvents:source": message.source,
        "cloudEvents:type": message.type,
        "cloudEvents:subject": message.subject,
        "cloudEvents:time": message.time.isoformat(),
        "cloudEvents:correlationid": message.correlation_id,
        "cloudEvents:version": message.version,
    }
    if message.traceparent is not None:
        headers["cloudEvents:traceparent"] = message.traceparent
    return headers


def message_of(headers: Mapping[str, object], body: bytes) -> Message:
    """Read what `headers_of` wrote, or another program that speaks CloudEvents.

    Raises:
        UnreadableError: an attribute is missing or can't be right; named, without its value.
    """
    if _read(headers, "specversion", str) != "1.0":
        raise UnreadableError("not CloudEvents 1.0")
    return checked(
        Message(
            id=_parsed(headers, "id", UUID),
            type=_read(headers, "type", str),
            source=_read(headers, "source", str),
            subject=_read(headers, "subject", str),
            version=_read(headers, "version", int),
            time=_parsed(headers, "time", datetime.fromisoformat),
            correlation_id=_read(headers, "correlationid", str),
            traceparent=(
                _read(headers, "traceparent", str) if f"{PREFIX}traceparent" in headers else None
            ),
            data=body,
        )
    )


def checked(message: Message) -> Message:
    """Give the message back if it is one.

    Raises:
        UnreadableError: an attribute can't be right; named, without its value.
    """
    for attribute in ("type", "source", "subject", "correlation_id"):
        if not getattr(message, attribute):
            raise UnreadableError(f"{attribute} is empty")
    if message.version < 1:
        raise UnreadableError("version is not counted from 1")
    if message.time.tzinfo is None:
        raise UnreadableError("time has no zone")
    return message


def _read(headers: Mapping[str, object], attribute: str, kind: type[T]) -> T:
    value = headers.get(PREFIX + attribute)
    if not isinstance(value, kind):
        raise UnreadableError(f"{PREFIX}{attribute} is missing or no {kind.__name__}")
    return value


def _parsed(headers: Mapping[str, object], attribute: str, parse: Callable[[str], T]) -> T:
    try:
        return parse(_read(headers, attribute, str))
    except ValueError:
        raise UnreadableError(f"{PREFIX}{attribute} can't be read") from None
