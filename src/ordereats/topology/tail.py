"""What passes on the bus now, and of it what somebody asked for."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec

from ordereats.chassis.messaging.bus import Message
from ordereats.chassis.messaging.connect import open_tail
from ordereats.topology.broker.queues import queues
from ordereats.topology.wire_names import means


class _OfOrder(msgspec.Struct, rename="camel"):
    order_id: object = None


@asynccontextmanager
async def passing(
    broker: str, *, pattern: str | None = None, order_id: int | None = None
) -> AsyncIterator[AsyncIterator[Message]]:
    """Listen for the length of a block.

    Args:
        broker: its address.
        pattern: of the type; `*` is anything.
        order_id: only what is about this order: its own events, its ticket's, its delivery's ….

    Raises:
        BusDownError: no broker, or no more.
    """
    async with open_tail(broker, queues()) as messages:
        yield (
            each
            async for each in messages
            if (pattern is None or means(pattern, each.type))
            and (order_id is None or is_about(each, order_id))
        )


def is_about(message: Message, order_id: int) -> bool:
    """Whether it is about an order: by its subject, or because the fact says so."""
    if message.subject == f"order/{order_id}":
        return True
    try:
        return msgspec.json.decode(message.data, type=_OfOrder).order_id == order_id
    except msgspec.DecodeError:
        return False
