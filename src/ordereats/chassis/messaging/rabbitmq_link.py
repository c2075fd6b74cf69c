"""One connection to RabbitMQ that is made again whenever it is lost, and what the broker must have.

The library's own reconnecting connection is not used: what is published on it while it is away
waits for ever, and an error in its recovery leaves consumers dead.
"""

import asyncio
from collections.abc import Awaitable, Callable
from weakref import WeakSet

import structlog
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractQueue
from aio_pika.connection import Connection, make_url
from aio_pika.exceptions import ChannelNotFoundEntity

from ordereats.chassis.certificates import Certificates
from ordereats.chassis.messaging.bus import Queue
from ordereats.chassis.messaging.sessions import again_and_again, is_being_cancelled

log = structlog.get_logger(__name__)

EVENTS = "ordereats.events"
DEAD = "ordereats.dead"

CONNECT_S = 5.0
SETUP_S = 5.0
HEARTBEAT_S = 10
"""A client that is frozen, or gone without a word, loses its messages to others after two or three
of these. Not less: what is frozen for as long is seldom dead, and then all it holds comes twice."""
LOOK_EVERY_S = 5.0
"""How soon what was deleted at the broker is there again, and its silence is noticed."""
SILENT_AFTER_S = 10.0
"""An answer that takes longer than this does not come."""


class Link:
    """A connection that comes back.

    Attributes:
        name: of the connection, for the broker's own list of its clients.
    """

    def __init__(self, url: str, *, name: str, certificates: Certificates | None = None) -> None:
        self._url = url
        self._certificates = certificates or Certificates()
        self.name = name
        self._connection: Connection | None = None
        self._is_up = asyncio.Event()
        self._lost = asyncio.Event()
        self._watching = WeakSet[asyncio.Event]()

    async def connection(self, lost: asyncio.Event | None = None) -> AbstractConnection:
        """Give the connection, once there is one.

        Args:
            lost: is set when this connection is no more.
        """
        while self._connection is None:
            await self._is_up.wait()
        if lost is not None:
            self._watching.add(lost)
        return self._connection

    def drop(self, reason: str) -> None:
        """Let go of a connection on which the broker says nothing; another is made."""
        if self._connection is not None and not self._lost.is_set():
            log.warning("broker_silent", name=self.name, reason=reason)
            self._lost.set()

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
        self._lost = lost = asyncio.Event()
        connection.close_callbacks.add(lambda *_: lost.set())
        try:
            await self._connect(connection)
            self._connection = connection
            self._is_up.set()
            begun()
            await lost.wait()
        finally:
            self._is_up.clear()
            self._connection = None
            for each in list(self._watching):
                each.set()
            await closed(connection)

    async def _connect(self, connection: Connection) -> None:
        try:
            await connection.connect(timeout=CONNECT_S)
        except Exception as error:
            self._certificates.failed("broker", error)
            raise
        self._certificates.worked("broker")


async def closed(resource: AbstractChannel | AbstractConnection) -> None:
    """Close it, but do not wait long for a broker that says nothing any more."""
    try:
        async with asyncio.timeout(SETUP_S):
            await resource.close()
    except (Exception, asyncio.CancelledError) as error:
        if is_being_cancelled():
            raise
        log.debug("broker_close_failed", error=repr(error))


async def need_exchanges(connection: AbstractConnection) -> None:
    """Make the exchanges exist, and the queue of the dead letters with them, where they do not.

    Looks first: a user of one service may use them, and may not make them. It does not look at the
    queue: one that does not answer must not keep all others from their work.
    """
    looking = connection.channel(publisher_confirms=False)
    try:
        await looking.initialize()
        await looking.declare_exchange(EVENTS, "topic", passive=True)
        await looking.declare_exchange(DEAD, "fanout", passive=True)
    except ChannelNotFoundEntity:
        await make_exchanges(connection)
    finally:
        await closed(looking)


async def make_exchanges(connection: AbstractConnection) -> None:
    """Make the exchanges, and the queue of the dead letters; what is there stays as it is.

    Raises:
        ChannelAccessRefused: this user may not.
    """
    making = connection.channel(publisher_confirms=False)
    try:
        await making.initialize()
        await making.declare_exchange(EVENTS, "topic", durable=True)
        await making.declare_exchange(DEAD, "fanout", durable=True)
        dead = await _quorum_queue(making, DEAD)
        await dead.bind(DEAD, routing_key="")
    finally:
        await closed(making)


async def declare_queue(channel: AbstractChannel, queue: Queue) -> None:
    """Make a queue and its routes exist. Routes are only added: see `Bus.declare`."""
    declared = await _quorum_queue(channel, queue.name)
    for type_ in queue.types:
        await declared.bind(EVENTS, routing_key=type_)


async def look_until(lost: asyncio.Event, look: Callable[[], Awaitable[None]]) -> None:
    """Look every few seconds until a session's end; a look that hangs then does not hold it up.

    Raises:
        ExceptionGroup: of what a look has raised.
    """

    async def look_on() -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            await look()

    async with asyncio.TaskGroup() as group:
        looking = group.create_task(look_on())
        await lost.wait()
        looking.cancel()


async def _quorum_queue(channel: AbstractChannel, name: str) -> AbstractQueue:
    # No other argument: those of a queue can't be changed later, its policies can.
    return await channel.declare_queue(name, durable=True, arguments={"x-queue-type": "quorum"})
