"""Events: facts, named in the past tense, with a wire name and a version."""

from msgspec import Struct


class Event(Struct, frozen=True, rename="camel"):
    """A fact that has happened. Consumers ignore fields that they do not know.

    A subclass gives its wire name as its tag:
    `class OrderPlaced(Event, frozen=True, tag="ordereats.order.placed.v1")`.
    """


def type_of(event: Event | type[Event]) -> str:
    """The wire name, such as `ordereats.order.placed.v1`."""
    return str(event.__struct_config__.tag)


def event_types() -> dict[str, type[Event]]:
    """Every event whose module has been imported, by its wire name."""
    return {type_of(kind): kind for kind in Event.__subclasses__()}
