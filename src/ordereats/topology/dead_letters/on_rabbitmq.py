"""Dead letters of RabbitMQ, which lie in the queue `ordereats.dead`.

A letter that is looked at is taken and not acknowledged. So it goes back to its place when the
connection ends, however that ends.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractIncomingMessage, HeadersType
from aio_pika.exceptions import AMQPError, ChannelNotFoundEntity, DeliveryError, PublishError

from ordereats.chassis.messaging.bus import BusDownError
from ordereats.chassis.messaging.cloudevents import PREFIX
from ordereats.chassis.messaging.rabbitmq_link import DEAD
from ordereats.topology.dead_letters.letter import Chooses, Letter, Opened, Refused, Waiting, an_id
from ordereats.topology.dead_letters.tables import text

_PATIENCE_S = 10.0
_OURS = ("ordereats-queue", "ordereats-reason")
_BROKERS = ("x-death", "x-first-death-", "x-last-death-", "x-delivery-count", "x-acquired-count")


class OnRabbitMQ:
    """`Store` of a RabbitMQ."""

    name = "RabbitMQ"

    def __init__(self, url: str) -> None:
        self._url = url

    async def waiting(self, queues: Sequence[str]) -> Waiting:
        """Ask for each queue."""
        async with _connection(self._url) as connection:
            counts = {each: await _count(connection, each) for each in queues}
            dead = await _count(connection, DEAD)
        return Waiting({each: count for each, count in counts.items() if count}, dead)

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[AsyncIterator[Opened]]:
        """Take each that is there now, and put all back when the block ends."""
        async with _connection(self._url) as connection:
            yield _opened(connection)

    async def redrive(self, chooses: Chooses) -> tuple[Sequence[Letter], Sequence[Refused]]:
        """Put them into the queue that they came from, confirmed, and only then take them away."""
        went, refused = [], []
        async with _connection(self._url) as connection:
            channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
            async for taken in _taken(connection):
                letter = _letter(taken)
                if not chooses(letter):
                    continue
                why = await _sent_back(channel, taken, letter.queue)
                if why is None:
                    await taken.ack()
                    went.append(letter)
                else:
                    refused.append(Refused(letter, why))
        return went, refused


@asynccontextmanager
async def _connection(url: str) -> AsyncIterator[AbstractConnection]:
    """Use a connection for the length of a block.

    Raises:
        BusDownError: there is no broker, or it breaks off.
    """
    try:
        connection = await aio_pika.connect(
            url, timeout=_PATIENCE_S, client_properties={"connection_name": "ordereats dlq"}
        )
        async with connection:
            yield connection
    except (AMQPError, OSError, TimeoutError) as error:
        raise BusDownError(f"{type(error).__name__}: {error}") from error


async def _count(connection: AbstractConnection, queue: str) -> int:
    """How many messages are there that nobody has taken; none, where there is no such queue."""
    channel = await connection.channel()  # which the broker closes if there is none
    try:
        found = await channel.declare_queue(queue, passive=True, timeout=_PATIENCE_S)
    except ChannelNotFoundEntity:
        return 0
    await channel.close()
    return found.declaration_result.message_count or 0


async def _taken(connection: AbstractConnection) -> AsyncIterator[AbstractIncomingMessage]:
    """Take as many as there are when it begins: one that comes back at once is not met again."""
    count = await _count(connection, DEAD)
    channel = await connection.channel()
    dead = await channel.get_queue(DEAD, ensure=False)
    for _ in range(count):
        taken = await dead.get(no_ack=False, fail=False, timeout=_PATIENCE_S)
        if taken is None:  # somebody else looks, too
            return
        yield taken


async def _opened(connection: AbstractConnection) -> AsyncIterator[Opened]:
    async for taken in _taken(connection):
        yield Opened(
            letter=_letter(taken),
            attributes={name: str(value) for name, value in sorted(taken.headers.items())},
            body=text(taken.body),
        )


async def _sent_back(
    channel: AbstractChannel, taken: AbstractIncomingMessage, queue: str | None
) -> str | None:
    """Publish it to the one queue; why not, if it did not get there."""
    if queue is None:
        return "where it came from is not known"
    again = aio_pika.Message(
        taken.body,
        headers=_as_first_sent(taken.headers),
        content_type=taken.content_type,
        delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
        message_id=taken.message_id,
    )
    try:
        await channel.default_exchange.publish(
            again, routing_key=queue, mandatory=True, timeout=_PATIENCE_S
        )
    except PublishError:
        return f"there is no queue {queue}"
    except DeliveryError:
        return f"{queue} does not take it: it may be full"
    return None


def _as_first_sent(headers: HeadersType) -> HeadersType:
    """Without what was added on the way here: a consumer counts by one of these."""
    return {
        name: value
        for name, value in headers.items()
        if name not in _OURS and not name.startswith(_BROKERS)
    }


def _letter(taken: AbstractIncomingMessage) -> Letter:
    death = _last_death(taken.headers)
    queue = _word(taken.headers, "ordereats-queue") or _word(death, "queue")
    reason = _word(taken.headers, "ordereats-reason") or _word(death, "reason") or "not known"
    since = taken.timestamp or death.get("time")
    return Letter(
        id=an_id("dead", queue, taken.message_id, reason, taken.body),
        where="broker",
        queue=queue,
        type=_word(taken.headers, f"{PREFIX}type"),
        subject=_word(taken.headers, f"{PREFIX}subject"),
        reason=reason,
        since=since if isinstance(since, datetime) else None,
        attempts=None,
    )


def _last_death(headers: HeadersType) -> Mapping[str, object]:
    """What the broker noted when it gave a message up by itself."""
    deaths = headers.get("x-death")
    last = deaths[0] if isinstance(deaths, list) and deaths else None
    return last if isinstance(last, Mapping) else {}


def _word(among: Mapping[str, object], name: str) -> str | None:
    value = among.get(name)
    return value if isinstance(value, str) and value else None
