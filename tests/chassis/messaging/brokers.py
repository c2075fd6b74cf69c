"""Both transports of the bus behind one shape, so that one suite runs on both."""

import asyncio
from abc import ABC, abstractmethod
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from urllib.parse import urlsplit
from uuid import UUID

import aio_pika
import asyncpg
from aio_pika.abc import AbstractChannel

from ordereats.chassis.background import Background
from ordereats.chassis.clock import SystemClock
from ordereats.chassis.messaging.bus import Bus, BusDownError, Handler, Message, Queue
from ordereats.chassis.messaging.connect import open_bus
from ordereats.topology.local.part import Process
from support.builders import until_true

CLOCK = SystemClock()

Asked = Callable[[], Awaitable[bool]]


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """What stands among the dead letters."""

    body: bytes
    queue: str
    reason: str


class Broker(ABC):
    """A real broker: what can be done to it behind the bus's back, and what it can be asked."""

    def __init__(self, server: Process, url: str) -> None:
        self.server = server
        self.url = url

    @asynccontextmanager
    async def killed(self) -> AsyncIterator[None]:
        """Kill the broker with SIGKILL, and start it again after the block."""
        await self.server.kill()
        try:
            yield
        finally:
            await self.server.start()

    @abstractmethod
    async def put_garbage(self, queue: Queue, body: bytes) -> None:
        """Put something that is no message of ours into a queue that exists."""

    @abstractmethod
    async def dead_letters(self, queue: Queue) -> list[DeadLetter]:
        """Take the dead letters of a queue."""

    @abstractmethod
    async def left_in(self, queue: Queue) -> int:
        """Count the messages of a queue that nobody has acknowledged."""

    @abstractmethod
    async def settled(self, queue: Queue) -> None:
        """Wait until a queue that was just made survives SIGKILL."""


class RabbitBroker(Broker):
    async def put_garbage(self, queue: Queue, body: bytes) -> None:
        async with self.channel() as channel:
            garbage = aio_pika.Message(
                body,
                headers={"cloudEvents:id": 7, "cloudEvents:type": "", "other": [1.5, {"a": True}]},
                delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
                user_id=urlsplit(self.url).username,
            )
            await channel.default_exchange.publish(garbage, queue.name)

    async def dead_letters(self, queue: Queue) -> list[DeadLetter]:
        found = []
        async with self.channel() as channel:
            dead = await channel.get_queue("ordereats.dead")
            while message := await dead.get(fail=False, no_ack=True):
                letter = DeadLetter(
                    message.body,
                    str(message.headers["ordereats-queue"]),
                    str(message.headers["ordereats-reason"]),
                )
                found.append(letter)
        return [letter for letter in found if letter.queue == queue.name]

    async def left_in(self, queue: Queue) -> int:
        """Count what is not with a consumer; closing the consumer brings the rest back."""
        async with self.channel() as channel:
            declared = await channel.declare_queue(queue.name, passive=True)
            return declared.declaration_result.message_count or 0

    async def consumers_of(self, queue: Queue) -> int:
        async with self.channel() as channel:
            declared = await channel.declare_queue(queue.name, passive=True)
            return declared.declaration_result.consumer_count or 0

    async def settled(self, queue: Queue) -> None:
        # RabbitMQ writes a new quorum queue's name half a second later, and needs it to recover.
        mnesia = self.server.log.parent / "rabbitmq" / "mnesia"
        name = queue.name.encode()
        await until(lambda: any(name in names.read_bytes() for names in mnesia.rglob("names.dets")))

    async def control(self, *arguments: str) -> None:
        """Run the server's own `rabbitmqctl`."""
        part = self.server.part
        program = Path(part.command[-1]).with_name("rabbitmqctl")
        process = await asyncio.create_subprocess_exec(program, *arguments, env=dict(part.env))
        assert await process.wait() == 0

    @asynccontextmanager
    async def channel(self) -> AsyncIterator[AbstractChannel]:
        async with await aio_pika.connect(self.url) as connection:
            yield await connection.channel(on_return_raises=True)


class PostgresBroker(Broker):
    async def put_garbage(self, queue: Queue, body: bytes) -> None:
        await self.run(
            "insert into bus_message"
            " (queue, id, type, source, subject, version, time, correlation_id, data)"
            " values ($1, $2, '', '', '', 0, 'infinity', '', $3)",
            queue.name,
            CLOCK.new_id(),
            body,
        )

    async def dead_letters(self, queue: Queue) -> list[DeadLetter]:
        rows = await self.run("delete from bus_dead where queue = $1 returning *", queue.name)
        return [DeadLetter(row["data"], row["queue"], row["reason"]) for row in rows]

    async def left_in(self, queue: Queue) -> int:
        rows = await self.run("select from bus_message where queue = $1", queue.name)
        return len(rows)

    async def settled(self, queue: Queue) -> None:
        """What is committed is on disk."""

    async def run(self, statement: str, *arguments: object) -> "list[asyncpg.Record]":
        connection = await asyncpg.connect(self.url)
        try:
            return list(await connection.fetch(statement, *arguments))
        finally:
            await connection.close()


class Buses:
    """Opens buses; each is a process of its own as far as the broker can tell."""

    def __init__(self, background: Background) -> None:
        self._background = background
        self._opened: list[Bus] = []

    async def open(self, broker: Broker) -> Bus:
        bus = open_bus(broker.url, name="test", background=self._background)
        return await self.started(bus)

    async def started(self, bus: Bus) -> Bus:
        await bus.start()
        self._opened.append(bus)
        return bus

    async def close(self) -> None:
        for bus in self._opened:
            await bus.close()


def a_queue(*types: str) -> Queue:
    name = token_hex(4)
    return Queue(f"testing.{name}", types or (f"ordereats.{name}.placed.v1",))


def a_message(
    queue: Queue, subject: str = "order/1", version: int = 1, data: bytes = b'{"orderId": 1}'
) -> Message:
    return Message(
        id=CLOCK.new_id(),
        type=queue.types[0],
        source="testing",
        subject=subject,
        version=version,
        time=CLOCK.now(),
        correlation_id="a-correlation-id",
        traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        data=data,
    )


class Heard:
    """A handler that notes what it is given; it may be told to wait or to fail."""

    def __init__(self) -> None:
        self.begun: list[Message] = []
        self.handed_out: dict[UUID, int] = {}
        self.messages: list[Message] = []
        self.may_go_on = asyncio.Event()
        self.may_go_on.set()

    async def __call__(self, message: Message, handed_out: int) -> None:
        self.begun.append(message)
        self.handed_out[message.id] = handed_out
        await self.may_go_on.wait()
        self.messages.append(message)

    @property
    def ids(self) -> list[UUID]:
        return [message.id for message in self.messages]

    async def until(self, ids: Sequence[UUID], *, within_s: float = 10) -> None:
        """Wait until each of these has been handled."""
        await until(lambda: set(ids) <= set(self.ids), within_s=within_s)


class InOrder:
    """A handler that takes its time, and notes what would be wrong with the order."""

    def __init__(self) -> None:
        self.versions = defaultdict[str, list[int]](list)
        self.overlaps: list[str] = []
        self.shares: Counter[str] = Counter()
        self._busy: set[str] = set()

    def by(self, consumer: str) -> Handler:
        async def handle(message: Message, _handed_out: int) -> None:
            subject = message.subject
            if subject in self._busy:
                self.overlaps.append(subject)
            self._busy.add(subject)
            await asyncio.sleep(0.001 * (message.id.int % 3))
            self._busy.discard(subject)
            self.versions[subject].append(message.version)
            self.shares[consumer] += 1

        return handle

    def is_whole(self, subjects: int, versions: int) -> bool:
        return [*self.versions.values()] == [[*range(1, versions + 1)]] * subjects


def versions_of(queue: Queue, *, subjects: int, versions: int) -> list[Message]:
    return [
        a_message(queue, subject=f"order/{subject}", version=version)
        for version in range(1, versions + 1)
        for subject in range(subjects)
    ]


async def until(condition: Callable[[], bool], *, within_s: float = 10) -> None:
    """Wait for a condition, where nothing tells when it comes true."""
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110  # what happens in the broker sends no event
            await asyncio.sleep(0.01)


async def publish(bus: Bus, messages: Sequence[Message], *, within_s: float = 10) -> None:
    """Publish, as the relay does: again until the broker says that it has taken all of them."""
    async with asyncio.timeout(within_s):
        while True:
            try:
                assert await bus.publish(messages) == {}
            except BusDownError:
                await asyncio.sleep(0.05)
            else:
                return


async def dead_letters_of(broker: Broker, queue: Queue) -> list[DeadLetter]:
    found: list[DeadLetter] = []

    async def is_there() -> bool:
        found.extend(await broker.dead_letters(queue))
        return bool(found)

    await until_true(is_there)
    return found
