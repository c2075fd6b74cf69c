"""What every transport of the bus promises while its broker, or a consumer, is being killed."""

import asyncio
import gc
import sys
import warnings
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from time import monotonic
from uuid import UUID

import pytest

from chassis.messaging.brokers import Broker, Buses, Heard, a_message, a_queue, publish, until
from ordereats.chassis.background import Background
from ordereats.chassis.messaging.bus import (
    Bus,
    BusDownError,
    BusState,
    ConsumerState,
    Message,
    Queue,
)
from ordereats.chassis.messaging.connect import open_bus
from support.builders import until_true

# A consumer in a process of its own, whose handler never ends.
HANGS = """
import asyncio, sys
from ordereats.chassis.background import Background
from ordereats.chassis.messaging.bus import Queue
from ordereats.chassis.messaging.connect import open_bus
from ordereats.chassis.messaging.postgres import PostgresBus

async def hang(message, handed_out):
    print("begun", file=sys.stderr, flush=True)
    await asyncio.Event().wait()

async def main(url, queue, type_):
    async with Background.open() as background:
        if url.startswith("postgres"):
            bus = PostgresBus(url, name="hangs", background=background, lease_s=1.5)
        else:
            bus = open_bus(url, name="hangs", background=background)
        await bus.start()
        await bus.consume(Queue(queue, (type_,)), hang)
        await asyncio.Event().wait()

asyncio.run(main(*sys.argv[1:]))
"""


async def test_a_message_goes_to_another_when_its_consumer_is_killed_in_the_handler(
    broker: Broker, buses: Buses, queue: Queue
) -> None:
    bus, heard = await buses.open(broker), Heard()
    await bus.declare([queue])
    messages = [a_message(queue, version=version) for version in (1, 2, 3)]
    async with _hanging_consumer(broker, queue) as process:
        await bus.publish(messages)
        assert process.stderr
        async with asyncio.timeout(10):
            assert await process.stderr.readline() == b"begun\n"
        await bus.consume(queue, heard)

        process.kill()

        await heard.until([each.id for each in messages])
    assert heard.messages == messages


async def test_what_was_reported_taken_outlives_the_broker_and_consumers_come_back(
    broker: Broker, buses: Buses
) -> None:
    queues = [a_queue() for _ in range(3)]
    bus, heard, taken = await buses.open(broker), Heard(), list[UUID]()
    await bus.declare(queues)
    for queue in queues:
        await bus.consume(queue, heard)
        await broker.settled(queue)
    is_over = asyncio.Event()

    async def publish_on() -> None:
        while not is_over.is_set():
            batch = [
                a_message(queue, subject=f"order/{number}")
                for number in range(20)
                for queue in queues
            ]
            try:
                refused = await bus.publish(batch)
            except BusDownError:
                await asyncio.sleep(0.02)
                continue
            taken.extend(each.id for each in batch if each.id not in refused)

    async with asyncio.TaskGroup() as group:
        group.create_task(publish_on())
        await until(lambda: len(taken) > 300)
        async with broker.killed():
            before = len(taken)
        await until(lambda: len(taken) > before + 300)
        for queue in queues:
            assert await _is_consumed(bus, queue, heard)
        is_over.set()

    await heard.until(taken, within_s=20)


async def test_publishing_while_the_broker_is_down_fails_soon(
    broker: Broker, buses: Buses, queue: Queue
) -> None:
    bus = await buses.open(broker)
    await bus.declare([queue])
    await broker.settled(queue)
    async with broker.killed():
        await until(lambda: bus.state is BusState.DOWN)
        started = monotonic()

        with pytest.raises(BusDownError):
            await bus.publish([a_message(queue)])
        with pytest.raises(BusDownError):
            await bus.declare([queue])

        assert monotonic() - started < 6

    await until(lambda: bus.state is BusState.UP)
    await bus.declare([queue])  # RabbitMQ may forget a binding that it was told of a moment ago
    assert await bus.publish([a_message(queue)]) == {}


async def test_a_publish_that_is_under_way_when_the_broker_is_killed_ends_soon(
    broker: Broker, buses: Buses, queue: Queue
) -> None:
    bus = await buses.open(broker)
    await bus.declare([queue])
    await broker.settled(queue)
    whole = [a_message(queue, data=b"x" * 5_000) for _ in range(8000)]

    async with asyncio.TaskGroup() as group:
        publishing = group.create_task(_outcome(bus, whole))
        await asyncio.wait({publishing}, timeout=0.1)
        async with broker.killed():
            async with asyncio.timeout(6):
                outcome = await publishing

    assert outcome == "down"


async def test_a_bus_that_starts_before_its_broker_begins_when_that_is_there(
    broker: Broker, buses: Buses, queue: Queue
) -> None:
    heard, message = Heard(), a_message(queue)
    async with broker.killed():
        started = monotonic()
        bus = await buses.open(broker)
        await bus.consume(queue, heard)
        assert monotonic() - started < 2
        assert bus.state is BusState.DOWN
        assert bus.consumers() == [ConsumerState(queue.name, is_consuming=False, in_hand=0)]

    async def is_taken() -> bool:
        try:
            return await bus.publish([message]) == {}
        except BusDownError:
            return False

    await until_true(is_taken)
    await heard.until([message.id])
    idle = [ConsumerState(queue.name, is_consuming=True, in_hand=0)]
    await until(lambda: bus.consumers() == idle)


async def test_a_bus_can_be_stopped_while_the_broker_is_down(
    broker: Broker, buses: Buses, queue: Queue
) -> None:
    bus, heard = await buses.open(broker), Heard()
    await bus.declare([queue])
    await broker.settled(queue)
    await bus.consume(queue, heard)
    await publish(bus, [a_message(queue)])
    await until(lambda: bool(heard.messages))
    async with broker.killed():
        await until(lambda: bus.state is BusState.DOWN)

        async with asyncio.timeout(5):
            await bus.stop_consuming()
            await bus.close()


async def test_a_closed_bus_leaves_no_task_and_no_open_socket(broker: Broker, queue: Queue) -> None:
    async def use() -> None:
        async with Background.open() as background:
            bus, heard = open_bus(broker.url, name="test", background=background), Heard()
            await bus.start()
            await bus.declare([queue])
            await bus.consume(queue, heard)
            await bus.publish([a_message(queue, subject=f"order/{n}") for n in range(50)])
            await until(lambda: len(heard.messages) == 50)
            await bus.stop_consuming()
            await bus.close()

    await use()  # once, for what is made only once
    gc.collect()
    before = asyncio.all_tasks()

    with warnings.catch_warnings(record=True, action="always") as caught:
        await use()
        gc.collect()

    await until(lambda: asyncio.all_tasks() == before, within_s=1)
    assert [str(each.message) for each in caught if each.category is ResourceWarning] == []


async def _outcome(bus: Bus, messages: Sequence[Message]) -> str:
    try:
        await bus.publish(messages)
    except BusDownError:
        return "down"
    return "taken"


async def _is_consumed(bus: Bus, queue: Queue, heard: Heard) -> bool:
    message = a_message(queue)
    await publish(bus, [message])
    await heard.until([message.id])
    return True


@asynccontextmanager
async def _hanging_consumer(
    broker: Broker, queue: Queue
) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        HANGS,
        broker.url,
        queue.name,
        queue.types[0],
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
