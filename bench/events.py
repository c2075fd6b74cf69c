"""What the way of an event costs, against bare aio-pika on the same RabbitMQ in the same run.

The relay carries a backlog from a real outbox to a quorum queue; bare aio-pika publishes as many
messages of the same size. Then facts are committed at a steady rate, and timed until the commit of
their effect; bare aio-pika's messages are timed from the publish to the consumer.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, process_time
from uuid import UUID

import aio_pika
import msgspec
import psutil
import uvloop
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage, AbstractQueue
from aiormq.abc import FieldTable

from bench.life import RATE, Spread
from bench.load import Failed
from bench.servers import database, rabbitmq, tree_cpu_s
from ordereats.chassis.background import Background, Hint, Job, Jobs
from ordereats.chassis.clock import SystemClock
from ordereats.chassis.db.migrations import migrate
from ordereats.chassis.db.pool import Database, Transaction
from ordereats.chassis.messaging.bus import Bus, Message
from ordereats.chassis.messaging.connect import open_bus
from ordereats.chassis.messaging.inbox import Inbox
from ordereats.chassis.messaging.outbox import Outbox
from ordereats.chassis.messaging.relay import Relay
from ordereats.chassis.messaging.subscriptions import effect, subscribe
from ordereats.chassis.telemetry import logs
from ordereats.contracts.ids import OrderId, RestaurantId, UserId
from ordereats.contracts.money import Money
from ordereats.contracts.orders import OrderPlaced
from ordereats.contracts.wire import decode, encode
from ordereats.topology import loading
from ordereats.topology.local.part import Process

BARE, OURS = "bare aio-pika", "OrderEats"
AT_LEAST = 0.5
"""Of bare aio-pika's messages a second, by budgets.md."""
BACKLOG = 5_000
"""Messages of a round."""
IN_FLIGHT = 200
"""Messages that bare aio-pika publishes before it awaits their confirms, as many as our batch."""
FILLED_AT_ONCE = 1000
ARRIVED_WITHIN_S = 30.0
BARE_QUEUE = "bench.bare"

CLOCK = SystemClock()


class EventRound(msgspec.Struct, frozen=True):
    """Messages carried as fast as it goes, in one process.

    Attributes:
        rate: messages a second.
        cpu_us: CPU of the process for a message.
        postgres_us: PostgreSQL's CPU for a message.
    """

    rate: float
    cpu_us: float
    postgres_us: float


class EventCosts(msgspec.Struct, frozen=True):
    """By who carried them: bare aio-pika first, then OrderEats.

    Attributes:
        carried: the rounds of a backlog.
        arrived: how long one took at a steady rate.
    """

    carried: Mapping[str, Sequence[EventRound]]
    arrived: Mapping[str, Spread]


async def event_costs(
    postgres: Process, folder: Path, *, seconds: float, rounds: int
) -> EventCosts:
    """Measure both in turn, in a process like a service's own.

    Args:
        postgres: holds the outbox and the inbox.
        folder: for the broker.
        seconds: of the steady rate.
        rounds: of a backlog.

    Raises:
        CannotStart: there is no RabbitMQ here.
        Failed: a message did not arrive.
    """
    async with rabbitmq(folder) as broker, database(postgres, "events") as (url, _):
        await migrate(url, loading.migrations(()))
        arguments = (url, broker.url, str(postgres.pid), str(seconds), str(rounds))
        measuring = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bench.events", *arguments), stdout=asyncio.subprocess.PIPE
        )
        said, _ = await measuring.communicate()
    if measuring.returncode:
        raise Failed(f"The events ended with {measuring.returncode}.")
    return decode(said.splitlines()[-1], EventCosts)  # before it stands what was logged


@dataclass(frozen=True, slots=True)
class _Ours:
    """A service's backbone: outbox, relay, bus and inbox."""

    database: Database
    outbox: Outbox
    relay: Relay
    bus: Bus
    jobs: Jobs

    async def fill(self, count: int) -> None:
        """Commit facts, for somebody to carry."""
        for first in range(0, count, FILLED_AT_ONCE):
            numbers = range(first, min(count, first + FILLED_AT_ONCE))
            async with self.database.transaction() as tx:
                await self.outbox.add_all(tx, [self._message(each) for each in numbers])

    async def carry(self, count: int) -> None:
        """Publish the backlog."""
        await asyncio.gather(*(_until_done(job) for job in self.relay.jobs()))
        left = await self.database.fetch("select from outbox limit 1")
        if left:
            raise Failed(f"The relay left some of {count} facts.")

    async def hear(self, arrivals: "_Arrivals") -> None:
        """Begin to publish what is committed, and to note each fact whose effect is committed."""
        queue = _SUBSCRIPTION.queue
        handle = Inbox(self.database, [_SUBSCRIPTION]).handler(queue.name)

        async def handle_and_note(message: Message, handed_out: int) -> None:
            await handle(message, handed_out)
            arrivals.note(message.id)

        await self.bus.consume(queue, handle_and_note)
        for job in self.relay.jobs():
            self.jobs.start(job)

    async def commit(self, number: int) -> UUID:
        """State a fact; its id, as soon as it is committed."""
        message = self._message(number)
        async with self.database.transaction() as tx:
            await self.outbox.add_all(tx, [message])
        return message.id

    def _message(self, number: int) -> Message:
        return self.outbox.message(a_fact(number), subject=f"order/{number}", version=1)


@dataclass(frozen=True, slots=True)
class _Bare:
    """What one would write without us: a message is published from memory, once."""

    channel: AbstractChannel
    queue: AbstractQueue

    async def carry(self, count: int) -> None:
        """Publish this many, a batch after the other."""
        for first in range(0, count, IN_FLIGHT):
            numbers = range(first, min(count, first + IN_FLIGHT))
            await asyncio.gather(*(self.publish(each) for each in numbers))

    async def publish(self, number: int) -> UUID:
        """Publish one, and wait until the broker has it."""
        id_ = CLOCK.new_id()
        await self.channel.default_exchange.publish(
            aio_pika.Message(
                encode(a_fact(number)),
                message_id=str(id_),
                delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
            ),
            BARE_QUEUE,
        )
        return id_


class _Arrivals:
    """When each message arrived."""

    def __init__(self) -> None:
        self.at: dict[UUID, float] = {}
        self._is_new = asyncio.Event()

    def note(self, id_: UUID) -> None:
        """It is here now."""
        self.at[id_] = perf_counter()
        self._is_new.set()

    async def until(self, count: int) -> None:
        """Wait for this many."""
        async with asyncio.timeout(ARRIVED_WITHIN_S):
            while len(self.at) < count:
                self._is_new.clear()
                await self._is_new.wait()


async def _measure(
    url: str, broker: str, *, postgres: psutil.Process, seconds: float, rounds: int
) -> EventCosts:
    async with _backbone(url, broker) as own, _bare(broker) as bare:
        carried: dict[str, list[EventRound]] = {BARE: [], OURS: []}
        for number in range(rounds + 1):
            await own.fill(BACKLOG)
            for name, carry in {BARE: bare.carry, OURS: own.carry}.items():
                measured = await _round(carry, postgres)
                if number:  # the first is a warm-up
                    carried[name].append(measured)
            for queue in (BARE_QUEUE, _SUBSCRIPTION.queue.name):
                await (await bare.channel.get_queue(queue)).purge()
        arrived = {BARE: await _arrived_bare(bare, seconds=seconds)}
        arrivals = _Arrivals()
        await own.hear(arrivals)
        arrived[OURS] = await _arrived(own.commit, arrivals, seconds=seconds)
        await own.jobs.stop(within_s=ARRIVED_WITHIN_S)
        await own.bus.stop_consuming()
    return EventCosts(carried, arrived)


async def _round(carry: Callable[[int], Awaitable[None]], postgres: psutil.Process) -> EventRound:
    theirs, cpu, began = tree_cpu_s(postgres), process_time(), perf_counter()
    await carry(BACKLOG)
    took, used = perf_counter() - began, process_time() - cpu
    return EventRound(
        rate=BACKLOG / took,
        cpu_us=used / BACKLOG * 1e6,
        postgres_us=(tree_cpu_s(postgres) - theirs) / BACKLOG * 1e6,
    )


async def _arrived_bare(bare: _Bare, *, seconds: float) -> Spread:
    arrivals = _Arrivals()

    async def take(message: AbstractIncomingMessage) -> None:
        arrivals.note(UUID(message.message_id))
        await message.ack()

    await bare.channel.set_qos(50)
    tag = await bare.queue.consume(take)
    spread = await _arrived(bare.publish, arrivals, seconds=seconds, is_from_end=False)
    await bare.queue.cancel(tag)
    return spread


async def _arrived(
    send: Callable[[int], Awaitable[UUID]],
    arrivals: _Arrivals,
    *,
    seconds: float,
    is_from_end: bool = True,
) -> Spread:
    """Send at fixed times, whatever becomes of earlier ones; how long until each arrived.

    Args:
        send: gives the message's id.
        arrivals: of them.
        seconds: for how long.
        is_from_end: time it from when `send` is done (a commit), not from when it began.
    """
    sent: dict[UUID, float] = {}
    started, count = perf_counter(), round(seconds * RATE)

    async def one(number: int) -> None:
        await asyncio.sleep(started + number / RATE - perf_counter())
        began = perf_counter()
        id_ = await send(number)
        sent[id_] = perf_counter() if is_from_end else began

    async with asyncio.TaskGroup() as tasks:
        for number in range(count):
            tasks.create_task(one(number))
    await arrivals.until(count)
    return Spread.of([(arrivals.at[id_] - at) * 1000 for id_, at in sent.items()])


@asynccontextmanager
async def _backbone(url: str, broker: str) -> AsyncIterator[_Ours]:
    async with AsyncExitStack() as stack:
        background = await stack.enter_async_context(Background.open())
        opened = await stack.enter_async_context(Database.open(url, name="bench", size=20))
        await opened.execute("create table noted (order_id bigint not null)")
        bus, hint = open_bus(broker, name="bench", background=background), Hint()
        stack.push_async_callback(bus.close)
        await bus.start()
        await bus.declare([_SUBSCRIPTION.queue])
        relay = Relay(opened, bus, CLOCK, hint=hint)
        yield _Ours(opened, Outbox("bench", CLOCK, hint.give), relay, bus, Jobs(background))


@asynccontextmanager
async def _bare(broker: str) -> AsyncIterator[_Bare]:
    async with await aio_pika.connect(broker) as connection:
        channel = await connection.channel()
        arguments: FieldTable = {"x-queue-type": "quorum"}
        queue = await channel.declare_queue(BARE_QUEUE, durable=True, arguments=arguments)
        yield _Bare(channel, queue)


async def _until_done(job: Job) -> None:
    while await job.run():
        pass


def a_fact(number: int) -> OrderPlaced:
    """An order that was placed."""
    return OrderPlaced(
        order_id=OrderId(number + 1),
        user_id=UserId(1),
        restaurant_id=RestaurantId(1),
        total=Money(2500),
        payment_method="pm_card_visa",
    )


async def _note(tx: Transaction, fact: OrderPlaced) -> None:
    await tx.execute("insert into noted (order_id) values ($1)", fact.order_id)


_SUBSCRIPTION = subscribe("bench", "order", [effect(OrderPlaced, _note)])


if __name__ == "__main__":
    logs.configure(level="warning", form="console", service="bench")
    where, carried_by, server = sys.argv[1:4]
    measured = uvloop.run(
        _measure(
            where,
            carried_by,
            postgres=psutil.Process(int(server)),
            seconds=float(sys.argv[4]),
            rounds=int(sys.argv[5]),
        )
    )
    sys.stdout.buffer.write(encode(measured))
