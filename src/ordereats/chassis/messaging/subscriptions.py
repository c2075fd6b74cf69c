"""What a service does about the events that it hears; `inbox` is what sees to it."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from ordereats.chassis.db.pool import Transaction
from ordereats.chassis.messaging.bus import Queue
from ordereats.contracts.events import Event, type_of

E = TypeVar("E", bound=Event)


@dataclass(frozen=True, slots=True)
class Subscription:
    """One queue of a service, and what it does about each event in it. Made by `subscribe`.

    Attributes:
        queue: where the events gather; its name is also the consumer's in the inbox.
        effects: by the event's wire name; run in the transaction that notes the message.
    """

    queue: Queue
    effects: Mapping[str, "Effect"]


@dataclass(frozen=True, slots=True)
class Effect:
    """What one event does, given itself and the version of its subject after it."""

    event: type[Event]
    run: Callable[[Transaction, Any, int], Awaitable[None]]


def effect(event: type[E], run: Callable[[Transaction, E], Awaitable[None]]) -> Effect:
    """Pair an event with its handler. The handler is idempotent through the inbox alone.

    If the business answer is "no", the handler publishes that; it raises only what a retry or a
    person can mend.
    """

    async def run_alike(tx: Transaction, fact: E, _version: int) -> None:
        await run(tx, fact)

    return Effect(event, run_alike)


def versioned(event: type[E], run: Callable[[Transaction, E, int], Awaitable[None]]) -> Effect:
    """Pair an event with a handler that goes by the version of the entity after the fact.

    One that keeps a copy, for instance: an older version must never take the place of a newer one.
    """
    return Effect(event, run)


def subscribe(service: str, family: str, effects: Sequence[Effect]) -> Subscription:
    """Say what a service does about one family of events: `subscribe("payments", "order", …)`."""
    by_type = {type_of(each.event): each for each in effects}
    return Subscription(Queue(f"{service}.{family}", tuple(by_type)), by_type)
