"""One connection to RabbitMQ that is made again whenever it is lost, and what the broker must have.

The library's own reconnecting connection is not used: what is published on it while it is away
waits for ever, and an error in its recovery leaves consumers dead.
"""

import asyncio
from collections.abc import Callable

import structlog
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractQueue
from aio_pika.connection import Connection, make_url

from ordereats.chassis.messaging.bus import Queue
from ordereats.chassis.messaging.sessions import again_and_again, is_being_cancelled

log = structlog.get_logger(__name__)

EVENTS = "ordereats.events"
DEAD = "ordereats.dead"

CONNECT_S = 5.0
SETUP_S = 5.0
HEARTBEAT_S = 15


class Link:
    """A connection that comes back.

    Attributes:
        name: of the connection, for the broker's own list of its clients.
    """

    def __init__(self, url: str, *, name: str) -> None:
        self._url = url
        self.name = name
        self._connection: Connection | None = None
        self._is_up = asyncio.Event()

    async def connection(self) -> AbstractConnection:
        """Give the connection, once there is one."""
        while self._connection is None:
            await self._is_up.wait()
        return self._connection

    @property
    def is_blocked(self) -> bool:
        """Whether the broker has said that it reads nothing from this connection (an alarm)."""
        transport = self._connection.transport if self._connection else None
        if transport is None:
            return False
        # The library keeps the flag to itself, but `ready` runs through, without waiting for
        # anything, exactly when it is not blocked.
        ready = transport.connection.ready()
        try:
            ready.send(None)
        except StopIteration:
            return False
        finally:
            ready.close()
        return True

    async def run(self) -> None:
        """Connect, again and again. Never returns."""
        await again_and_again(self._session, what="connection", name=self.name)

    async def _session(self, begun: Callable[[], None]) -> None:
        connection = Connection(
            make_url(self._url, heartbeat=HEARTBEAT_S),
            client_properties={"connection_name": self.name},
        )
        lost = asyncio.Event()
        connection.close_callbacks.add(lambda *_: lost.set())
        try:
            await connection.connect(timeout=CONNECT_S)
            self._connection = connection
            self._is_up.set()
            begun()
            await lost.wait()
        finally:
            self._is_up.clear()
            self._connection = None
            await closed(connection)


async def closed(resource: AbstractChannel | AbstractConnection) -> None:
    """Close it, but do not wait long for a broker that says nothing any more."""
    try:
        async with asyncio.timeout(SETUP_S):
            await resource.close()
    except (Exception, asyncio.CancelledError) as error:
        if is_being_cancelled():
            raise
        log.debug("broker_close_failed", error=repr(error))


async def declare_exchanges(channel: AbstractChannel) -> None:
    """Make the exchanges exist, and the queue of the dead letters."""
    await channel.declare_exchange(EVENTS, "topic", durable=True)
    await channel.declare_exchange(DEAD, "fanout", durable=True)
    dead = await _quorum_queue(channel, DEAD)
    await dead.bind(DEAD, routing_key="")


async def declare_queue(channel: AbstractChannel, queue: Queue) -> None:
    """Make a queue and its routes exist. Routes are only added: see `Bus.declare`."""
    declared = await _quorum_queue(channel, queue.name)
    for type_ in queue.types:
        await declared.bind(EVENTS, routing_key=type_)


async def _quorum_queue(channel: AbstractChannel, name: str) -> AbstractQueue:
    # No other argument: those of a queue can't be changed later, its policies can.
    return await channel.declare_queue(name, durable=True, arguments={"x-queue-type": "quorum"})
