"""The AsyncAPI document: every event, who says it and who hears it, read from the code."""

from collections.abc import Iterator, Sequence
from importlib import import_module
from typing import Any, TypeAlias

import msgspec
from msgspec.inspect import DateTimeType, Metadata, StructType, Type, UnionType, type_info

from ordereats.chassis.docstrings import told
from ordereats.chassis.messaging.cloudevents import CONTENT_TYPE, PREFIX
from ordereats.chassis.messaging.rabbitmq_link import EVENTS
from ordereats.chassis.service import Service
from ordereats.contracts.events import Event, type_of
from ordereats.contracts.money import Money
from ordereats.topology.asyncapi_examples import example

Json: TypeAlias = dict[str, Any]

_TEXT = {"type": "string"}
_HEADERS: Json = {
    "specversion": {"const": "1.0"},
    "id": _TEXT | {"format": "uuid", "description": "UUIDv7; the same at each delivery."},
    "source": _TEXT | {"description": "The service that says it."},
    "type": _TEXT | {"description": "The event's wire name, which is also its routing key."},
    "subject": _TEXT | {"description": "The entity: `order/17`. Its events keep their order."},
    "time": _TEXT | {"format": "date-time"},
    "correlationid": _TEXT | {"description": "Of the request that all this follows from."},
    "version": {
        "type": "integer",
        "minimum": 1,
        "description": "The entity's after the fact: shows order and gaps.",
    },
    "traceparent": _TEXT | {"description": "W3C trace context, if there was one."},
}
_MONEY: Json = {
    "title": "Money",
    "description": "Never negative.",
    "type": "object",
    "properties": {
        "amount": _TEXT | {"pattern": r"^[0-9]+\.[0-9]{2}$"},
        "currency": _TEXT | {"pattern": "^[A-Z]{3}$"},
    },
    "required": ["amount", "currency"],
}


def document(services: Sequence[Service]) -> Json:
    """Describe the events of these services.

    A service says the events of its own contracts' module, each of them and no others: a rule of
    `tests/architecture/`. What it hears, its subscriptions say.
    """
    said = [(its.name, event) for its in services for event in _said_by(its)]
    heard = [(its.name, queue, event) for its in services for queue, event in _heard_by(its)]
    events = sorted({event for _, event in said} | {event for *_, event in heard}, key=type_of)
    sends = {f"{name}.sends.{_short(event)}": _sends(name, event) for name, event in said}
    schemas = _schemas(events)
    hears = {
        f"{name}.hears.{_short(event)}": _hears(name, queue, event) for name, queue, event in heard
    }
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "OrderEats",
            "version": "1",
            "description": (
                "The events that services tell one another: CloudEvents 1.0 in binary mode,"
                f" through the durable topic exchange `{EVENTS}` (where PostgreSQL carries them,"
                " the same attributes are columns). At least once; those of one subject in their"
                " order. A consumer ignores fields that it does not know."
            ),
        },
        "defaultContentType": CONTENT_TYPE,
        "channels": {type_of(event): _channel(event) for event in events},
        "operations": dict(sorted((sends | hears).items())),
        "components": {
            "messages": {event.__name__: _message(event, schemas) for event in events},
            "messageTraits": {"cloudEvent": _cloud_event()},
            "schemas": schemas,
        },
    }


def _said_by(service: Service) -> Iterator[type[Event]]:
    module = import_module(f"{Event.__module__.rpartition('.')[0]}.{service.name}")
    for each in vars(module).values():
        if (
            isinstance(each, type)
            and issubclass(each, Event)
            and each.__module__ == module.__name__
        ):
            yield each


def _heard_by(service: Service) -> Iterator[tuple[str, type[Event]]]:
    for subscription in service.subscriptions:
        for effect in subscription.effects.values():
            yield subscription.queue.name, effect.event


def _channel(event: type[Event]) -> Json:
    return {
        "address": type_of(event),
        "messages": {event.__name__: _ref("messages", event.__name__)},
        "bindings": {
            "amqp": {
                "is": "routingKey",
                "exchange": {"name": EVENTS, "type": "topic", "durable": True},
            }
        },
    }


def _sends(name: str, event: type[Event]) -> Json:
    binding = {"deliveryMode": 2, "mandatory": True}
    return _operation("send", name, event, binding) | {"summary": f"{name} says it"}


def _hears(name: str, queue: str, event: type[Event]) -> Json:
    summary = f"{name} hears it, in the queue {queue}"
    operation = _operation("receive", name, event, {"ack": True})
    return operation | {"summary": summary, "x-queue": queue}


def _operation(action: str, name: str, event: type[Event], binding: Json) -> Json:
    channel = f"#/channels/{type_of(event)}"
    return {
        "action": action,
        "channel": {"$ref": channel},
        "messages": [{"$ref": f"{channel}/messages/{event.__name__}"}],
        "tags": [{"name": name}],
        "bindings": {"amqp": binding},
    }


def _message(event: type[Event], schemas: Json) -> Json:
    summary, _ = told(event)
    return {
        "name": type_of(event),
        "title": event.__name__,
        "summary": summary,
        "contentType": CONTENT_TYPE,
        "traits": [_ref("messageTraits", "cloudEvent")],
        "payload": _ref("schemas", event.__name__),
        "examples": [{"payload": example(schemas[event.__name__], schemas)}],
    }


def _cloud_event() -> Json:
    properties = {PREFIX + name: schema for name, schema in _HEADERS.items()}
    always = [name for name in properties if name != f"{PREFIX}traceparent"]
    return {
        "headers": {"type": "object", "properties": properties, "required": always},
        "correlationId": {"location": f"$message.header#/{PREFIX}correlationid"},
    }


def _schemas(events: Sequence[type[Event]]) -> Json:
    _, schemas = msgspec.json.schema_components(
        events, schema_hook=_hook, ref_template="#/components/schemas/{name}"
    )
    kinds = {kind.cls: kind for event in events for kind in _structs(type_info(event))}
    for cls, kind in kinds.items():
        _complete(schemas[cls.__name__], kind)
    return {"Money": _MONEY, **dict(sorted(schemas.items()))}


def _hook(kind: type) -> Json:
    if kind is Money:
        return _ref("schemas", "Money")
    raise NotImplementedError(f"{kind.__name__} has no schema")


def _complete(schema: Json, kind: StructType) -> None:
    """Add what msgspec leaves out: what the docstring says of each field, and that times are so."""
    schema["description"], meanings = told(kind.cls)
    for field in kind.fields:
        its = schema["properties"][field.encode_name]
        meaning = meanings.get(field.encode_name)
        if any(isinstance(each, DateTimeType) for each in _parts(field.type)):
            for each in its.get("anyOf", [its]):
                if each.get("type") == "string":
                    each["format"] = "date-time"
        if meaning:
            if "$ref" in its:  # beside which nothing else counts
                its["allOf"] = [{"$ref": its.pop("$ref")}]
            its["description"] = meaning


def _structs(kind: Type) -> Iterator[StructType]:
    for part in _parts(kind):
        if isinstance(part, StructType):
            yield part
            for field in part.fields:
                yield from _structs(field.type)


def _parts(kind: Type) -> Iterator[Type]:
    """A type, or those that it is put together of: of `list[X] | None` also `X` and `None`."""
    yield kind
    if isinstance(kind, Metadata):
        yield from _parts(kind.type)
    elif isinstance(kind, UnionType):
        for each in kind.types:
            yield from _parts(each)
    elif hasattr(kind, "item_type"):
        yield from _parts(kind.item_type)


def _short(event: type[Event]) -> str:
    """`order.placed.v1`."""
    return type_of(event).removeprefix("ordereats.")


def _ref(kind: str, name: str) -> Json:
    return {"$ref": f"#/components/{kind}/{name}"}
