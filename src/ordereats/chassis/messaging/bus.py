"""The bus: the port that carries events between services. It knows nothing of what they mean."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from msgspec import Struct


class Message(Struct, frozen=True):
    """An event under way: CloudEvents 1.0 attributes and the encoded fact.

    Attributes:
        id: UUIDv7; the same at each delivery of the same fact.
        type: the event's wire name, which is also its route.
        source: the service that published it.
        subject: the entity it is about, such as `order/17`; one entity's messages keep their order.
        version: the entity's version after the fact, from 1; shows order and gaps.
        time: when it happened.
        correlation_id: of the request that all this follows from.
        traceparent: W3C trace context, if there was one.
        data: the event, as JSON.
    """

    id: UUID
    type: str
    source: str
    subject: str
    version: int
    time: datetime
    correlation_id: str
    traceparent: str | None
    data: bytes


def order_of(subject: str) -> int | None:
    """The order that a subject such as `order/17` names."""
    kind, _, number = subject.partition("/")
    return int(number) if kind == "order" and number.isdecimal() else None


@dataclass(frozen=True, slots=True)
class Queue:
    """Where one consuming service gathers one family of events.

    Attributes:
        name: `<service>.<family>`, such as `payments.order`.
        types: the wire names of the events that go into it.
    """

    name: str
    types: tuple[str, ...]


class BusState(StrEnum):
    """What the bus says of itself."""

    UP = "up"
    """Messages are taken, and the queues of this process exist to take them."""
    BLOCKED = "blocked"
    """Connected, but the broker refuses to take messages (a memory or disk alarm)."""
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class ConsumerState:
    """What is known of the consumer of a queue, in this process.

    Attributes:
        queue: its name.
        is_consuming: the broker hands messages out to it.
        in_hand: messages that it was handed and has not answered.
    """

    queue: str
    is_consuming: bool
    in_hand: int


class BusDownError(Exception):
    """The broker did not take the messages, or did not say so in time. They may have arrived."""


class UnreadableError(Exception):
    """A handler's word that a message can never be handled; it goes to the dead letters."""


Handler = Callable[[Message, int], Awaitable[None]]
"""Is given a message, and how often it was handed out, to whomever, this time included: one that is
handed out again and again without an answer may be what kills whoever handles it.

Returns: the message is done with. Raises `UnreadableError`: dead letter. Raises anything else:
it is called again with the same message, after a pause that grows; those of the same subject wait,
the others do not."""


class Bus(Protocol):
    """What carries events. At least once, in the order of publishing for each subject.

    Made by `connect.open_bus`. Every implementation passes `tests/chassis/messaging/test_bus.py`
    and `test_bus_faults.py`.
    """

    @property
    def state(self) -> BusState:
        """Known without asking the broker."""
        ...

    def consumers(self) -> Sequence[ConsumerState]:
        """Those of this process, known without asking the broker."""
        ...

    async def start(self) -> None:
        """Begin to connect, and reconnect for as long as it runs. Does not wait for a broker."""
        ...

    async def declare(self, queues: Sequence[Queue]) -> None:
        """Make the queues and their routes exist, for good. Doing it again changes nothing.

        Routes are only ever added, for an older version of the service may still run beside this
        one. So a handler may meet a type that its queue does not name any more.

        Raises:
            BusDownError: no broker.
        """
        ...

    async def publish(self, messages: Sequence[Message]) -> Mapping[UUID, str]:
        """Hand over a batch, and wait until each message is safe on disk in every queue it goes to.

        Returns:
            The messages that were *not* taken, each with the reason; no queue for its type is one.

        Raises:
            BusDownError: nothing is known of any of them.
        """
        ...

    async def consume(self, queue: Queue, handler: Handler) -> None:
        """Hand this queue's messages to the handler until `stop_consuming`.

        Whatever happens to the broker meanwhile: when it is back, the queue is declared anew and
        has a consumer again within seconds.
        Messages of one subject are handled one after the other, others at the same time.
        Returns at once; the broker may be down.
        """
        ...

    async def stop_consuming(self) -> None:
        """Take no more; wait for the handlers that run; hand back what was taken and not begun."""
        ...

    async def close(self) -> None:
        """Let go of every connection. Call it last."""
        ...
