"""The bus on a PostgreSQL queue, for where no RabbitMQ is. It knows no table but its own."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from uuid import UUID

import asyncpg

from ordereats.chassis.background import Background
from ordereats.chassis.db.pool import Database, columns, one
from ordereats.chassis.errors import DatabaseError
from ordereats.chassis.messaging.bus import (
    BusDownError,
    BusState,
    ConsumerState,
    Handler,
    Message,
    Queue,
)
from ordereats.chassis.messaging.postgres_consumer import Consumer, declare
from ordereats.chassis.messaging.postgres_tail import ASKS, SAID, Overheard
from ordereats.chassis.messaging.sessions import again_and_again, ended

CHANNEL = "ordereats_bus"
CONNECTED_WITHIN_S = 2.0
NOTIFY_EVERY_S = 0.005
"""NOTIFY takes a lock on the whole server at its commit, so it is sent seldom and by itself."""
ALIVE_EVERY_S = 10.0
SETUP_S = 5.0

_LOCK = 0x6F726465_62757331  # any number that nobody else takes
_PUBLISH = """
with given as (
    select * from unnest(
        $1::uuid[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::timestamptz[],
        $7::text[], $8::text[], $9::bytea[]
    ) with ordinality as given (
        id, type, source, subject, version, time, correlation_id, traceparent, data, place
    )
), put as (
    insert into bus_message (
        queue, id, type, source, subject, version, time, correlation_id, traceparent, data
    )
    select queue, id, type, source, subject, version, time, correlation_id, traceparent, data
    from given join bus_route using (type) order by place
    returning queue
)
select
    array(select distinct queue from put) as queues,
    array(
        select id from given
        where not exists (select from bus_route where bus_route.type = given.type)
    ) as unrouted
"""
_NOTIFY = "select pg_notify($1, said) from unnest($2::text[]) as said"


class PostgresBus:
    """`Bus` on PostgreSQL 13 and later; makes its tables by itself.

    The order of one subject holds also when several consumers share a queue.

    A publish is one statement, which is in every queue or in none when it has committed. Whoever
    takes a message has it for the length of a lease, which is renewed as long as the handler runs.
    """

    def __init__(
        self,
        url: str,
        *,
        name: str,
        background: Background,
        prefetch: int = 50,
        lease_s: float = 15.0,
    ) -> None:
        """Prepare; connects to nothing.

        Args:
            url: `postgres://…`, the database that holds the queue.
            name: who connects, for the server's own list of its clients.
            background: owns the tasks.
            prefetch: messages of one queue that are here at the same time.
            lease_s: after how long the messages of a consumer that has died go to another.
        """
        self._url = url
        self._name = name
        self._background = background
        self._prefetch = prefetch
        self._lease_s = lease_s
        self._stack = AsyncExitStack()
        self._opened: Database | None = None
        self._is_up = asyncio.Event()
        self._consumers: dict[Consumer, asyncio.Task[None]] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._to_notify: set[str] = set()
        self._has_to_notify = asyncio.Event()
        self._overheard = Overheard()

    @property
    def state(self) -> BusState:
        """Whether the connection that listens stands, and each queue of ours takes messages."""
        is_up = self._is_up.is_set() and all(each.is_declared for each in self._consumers)
        return BusState.UP if is_up else BusState.DOWN

    def consumers(self) -> Sequence[ConsumerState]:
        """Those of this process."""
        is_up = self._is_up.is_set()
        return [
            ConsumerState(each.queue.name, is_up and each.is_consuming, each.in_hand)
            for each in self._consumers
        ]

    async def start(self) -> None:
        """Begin to connect."""
        self._opened = await self._stack.enter_async_context(
            Database.open(self._url, name=f"{self._name} bus", size=4)
        )
        listening = again_and_again(self._listen, what="listener", name=self._name)
        self._tasks.append(self._background.start(listening, name="bus listener"))
        self._tasks.append(self._background.start(self._notify(), name="bus notifier"))

    async def declare(self, queues: Sequence[Queue]) -> None:
        """Make the routes exist."""
        database = await self._connected()
        try:
            await declare(database, queues)
        except _FAULTS as error:
            raise BusDownError(str(error)) from error

    async def publish(self, messages: Sequence[Message]) -> Mapping[UUID, str]:
        """Publish a batch in one statement."""
        database = await self._connected()
        try:
            row = one(await database.fetch_one(_PUBLISH, *columns(_rows(messages), 9)))
        except _FAULTS as error:
            raise BusDownError(str(error)) from error
        self._overheard.note(each for each in messages if each.id not in row["unrouted"])
        self._wake(row["queues"])
        types = {message.id: message.type for message in messages}
        return {id_: f"no queue takes {types[id_]}" for id_ in row["unrouted"]}

    async def consume(self, queue: Queue, handler: Handler) -> None:
        """Begin to consume a queue."""
        if self._opened is None:
            raise RuntimeError("start the bus before it consumes")
        consumer = Consumer(
            queue, handler, self._opened, prefetch=self._prefetch, lease_s=self._lease_s
        )
        task = self._background.start(consumer.run(), name=f"bus consumer {queue.name}")
        self._consumers[consumer] = task
        if self._is_up.is_set():
            consumer.wake()

    async def stop_consuming(self) -> None:
        """Hand back what was not begun, and wait for the handlers that run."""
        await asyncio.gather(*(consumer.stop() for consumer in self._consumers))
        if self._consumers:
            await asyncio.wait(self._consumers.values())
        self._wake([consumer.queue.name for consumer in self._consumers])

    async def close(self) -> None:
        """Let go of every connection. A handler that still runs is cancelled."""
        await ended([*self._consumers.values(), *self._tasks])
        await self._stack.aclose()

    async def _connected(self) -> Database:
        try:
            async with asyncio.timeout(CONNECTED_WITHIN_S):
                await self._is_up.wait()
        except TimeoutError:
            raise BusDownError("no connection to the queue's database") from None
        if self._opened is None:
            raise BusDownError("the bus is not started")
        return self._opened

    async def _listen(self, begun: Callable[[], None]) -> None:
        connection = await asyncpg.connect(
            self._url,
            timeout=SETUP_S,
            command_timeout=SETUP_S,
            server_settings={"application_name": f"ordereats {self._name} bus listens"},
        )
        lost = asyncio.Event()
        connection.add_termination_listener(lambda _: lost.set())
        try:
            await connection.execute(tables())
            await connection.add_listener(CHANNEL, lambda *said: self._hear(str(said[-1])))
            self._is_up.set()
            begun()
            for consumer in self._consumers:
                consumer.wake()
            while not lost.is_set():
                with suppress(TimeoutError):
                    async with asyncio.timeout(ALIVE_EVERY_S):
                        await lost.wait()
                await connection.fetchval("select 1")  # a server that is gone may not say so
        finally:
            self._is_up.clear()
            connection.terminate()

    def _hear(self, queue: str) -> None:
        if queue == ASKS:
            self._overheard.asked()
        for consumer in self._consumers:
            if consumer.queue.name == queue:
                consumer.wake()

    def _wake(self, queues: Sequence[str]) -> None:
        self._to_notify.update(queues)
        if self._to_notify:
            self._has_to_notify.set()

    async def _notify(self) -> None:
        """Wake consumers elsewhere. A hint: what is lost costs time, for they also look."""
        while True:
            await self._has_to_notify.wait()
            self._has_to_notify.clear()
            queues, self._to_notify = self._to_notify, set()
            if self._opened is not None:
                with suppress(*_FAULTS):
                    await self._opened.execute(_NOTIFY, CHANNEL, list(queues))
                    if said := self._overheard.take():
                        await self._opened.execute(_NOTIFY, SAID, said)
            await asyncio.sleep(NOTIFY_EVERY_S)


# The second is what the driver says of a server that dies at this moment.
_FAULTS: tuple[type[Exception], ...] = (DatabaseError, asyncpg.InternalClientError)


def tables() -> str:
    """The script that makes the tables; any number may run it, and at the same moment."""
    script = Path(__file__).with_name("queue.sql").read_text()
    return f"select pg_advisory_xact_lock({_LOCK});\n{script}"


def _rows(messages: Sequence[Message]) -> list[Sequence[object]]:
    return [
        (
            each.id,
            each.type,
            each.source,
            each.subject,
            each.version,
            each.time,
            each.correlation_id,
            each.traceparent,
            each.data,
        )
        for each in messages
    ]
