"""Listens to what passes through RabbitMQ, in a queue of its own that ends with the connection."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

import aio_pika
from aio_pika.abc import AbstractConnection, AbstractIncomingMessage
from aio_pika.exceptions import AMQPError, ChannelNotFoundEntity

from ordereats.chassis.messaging.bus import BusDownError, Message, Queue, UnreadableError
from ordereats.chassis.messaging.cloudevents import message_of
from ordereats.chassis.messaging.rabbitmq_link import CONNECT_S, EVENTS, SETUP_S, closed

MOST_WAITING = 1000
"""Then the broker drops the oldest: who listens must not use up its memory."""
PREFETCH = 100


@asynccontextmanager
async def tail(url: str, queues: Sequence[Queue]) -> AsyncIterator[AsyncIterator[Message]]:
    """As `connect.open_tail` says."""
    try:
        connection = await aio_pika.connect(
            url, timeout=CONNECT_S, client_properties={"connection_name": "ordereats tail"}
        )
        try:
            async with asyncio.timeout(SETUP_S):
                heard = await _begin(connection, await _types(connection, queues))
            yield _passing(heard)
        finally:
            await closed(connection)
    except (AMQPError, OSError, TimeoutError) as error:
        raise BusDownError(f"{type(error).__name__}: {error}") from error


async def _types(connection: AbstractConnection, queues: Sequence[Queue]) -> set[str]:
    """What somebody else hears, too.

    Of nothing else may we become the only hearer: the broker would tell the relay that an event was
    taken which no service has a queue for yet, and the relay would forget it.
    """
    types: set[str] = set()
    for queue in queues:
        channel = await connection.channel()  # one that asks in vain is closed by the broker
        with suppress(ChannelNotFoundEntity):
            await channel.declare_queue(queue.name, passive=True)
            types |= {*queue.types}
        await closed(channel)
    return types


async def _begin(
    connection: AbstractConnection, types: set[str]
) -> asyncio.Queue[AbstractIncomingMessage | None]:
    channel = await connection.channel(publisher_confirms=False)
    heard: asyncio.Queue[AbstractIncomingMessage | None] = asyncio.Queue()
    channel.close_callbacks.add(lambda *_: heard.put_nowait(None))
    await channel.set_qos(PREFETCH)
    queue = await channel.declare_queue(
        exclusive=True,
        auto_delete=True,
        arguments={"x-max-length": MOST_WAITING, "x-overflow": "drop-head"},
    )
    for type_ in sorted(types):
        await queue.bind(EVENTS, routing_key=type_)
    await queue.consume(heard.put)
    return heard


async def _passing(
    heard: asyncio.Queue[AbstractIncomingMessage | None],
) -> AsyncIterator[Message]:
    while (taken := await heard.get()) is not None:
        with suppress(UnreadableError):  # it is for its consumer to say so
            yield message_of(taken.headers, taken.body)
        await taken.ack()
    raise BusDownError("the connection was lost")
