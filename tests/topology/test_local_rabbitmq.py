"""Local RabbitMQ has its exchanges from the first moment, keeps its data, leaves nothing behind."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import NoReturn

import aio_pika
import psutil
import pytest

from ordereats.topology.local.part import CannotStart, Process, free_ports
from ordereats.topology.local.rabbitmq import RabbitMQ


def session_of(leader: int) -> list[str]:
    return [
        process.name()
        for process in psutil.process_iter()
        if os.getsid(process.pid) == leader and process.status() != psutil.STATUS_ZOMBIE
    ]


async def test_a_dead_letter_lands_in_the_dead_letter_queue(rabbitmq_server: Process) -> None:
    async with await aio_pika.connect(rabbitmq_server.url) as connection:
        channel = await connection.channel()
        await (await channel.get_queue("ordereats.dead")).purge()
        events = await channel.get_exchange("ordereats.events")
        queue = await channel.declare_queue(
            "testing.dead", durable=True, arguments={"x-queue-type": "quorum"}
        )
        await queue.bind(events, "testing.dead")
        await events.publish(aio_pika.Message(b"unreadable"), "testing.dead")
        taken = await until_message(queue)

        await taken.reject(requeue=False)

        dead = await until_message(await channel.get_queue("ordereats.dead"))
        assert dead.body == b"unreadable"
        await dead.ack()
        await queue.delete(if_unused=False, if_empty=False)


async def until_message(
    queue: aio_pika.abc.AbstractQueue,
) -> aio_pika.abc.AbstractIncomingMessage:
    async with asyncio.timeout(5), queue.iterator() as messages:
        return await anext(aiter(messages))


async def test_nobody_comes_in_as_guest(rabbitmq_server: Process) -> None:
    port = rabbitmq_server.url.rsplit(":", 1)[1]

    with pytest.raises(aio_pika.exceptions.ProbableAuthenticationError):
        await aio_pika.connect(f"amqp://guest:guest@127.0.0.1:{port}")


async def test_messages_survive_sigkill_and_no_process_does(
    rabbitmq_server: Process, until: Callable[..., Awaitable[None]]
) -> None:
    leader = rabbitmq_server.pid
    assert leader
    assert "epmd" in session_of(leader)
    async with await aio_pika.connect(rabbitmq_server.url) as connection:
        channel = await connection.channel()
        queue = await channel.declare_queue(
            "testing.kept", durable=True, arguments={"x-queue-type": "quorum"}
        )
        kept = aio_pika.Message(b"kept", delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
        await channel.default_exchange.publish(kept, queue.name)
    await until(lambda: is_on_disk(rabbitmq_server, queue.name))

    await rabbitmq_server.kill()
    left = session_of(leader)
    await rabbitmq_server.start()

    assert left == []
    async with await aio_pika.connect(rabbitmq_server.url) as connection:
        channel = await connection.channel()
        message = await until_message(await channel.get_queue("testing.kept"))
        assert message.body == b"kept"
        await message.ack()
        await channel.queue_delete("testing.kept")


def is_on_disk(server: Process, queue: str) -> bool:
    """RabbitMQ writes a new quorum queue's name half a second later, and needs it to recover."""
    mnesia = server.log.parent / "rabbitmq" / "mnesia"
    return any(queue.encode() in names.read_bytes() for names in mnesia.rglob("names.dets"))


async def test_it_ends_when_asked_and_finds_its_data_on_another_port(
    open_folder: Path, missing: Callable[[str], NoReturn]
) -> None:
    try:
        rabbitmq = RabbitMQ(open_folder / "rabbitmq")
    except CannotStart as reason:
        missing(str(reason))
    first = Process(rabbitmq.part(free_ports(1)[0]), open_folder / "log")
    await first.start()
    leader = first.pid
    assert leader
    async with await aio_pika.connect(first.url) as connection:
        await (await connection.channel()).declare_queue("testing.found", durable=True)

    assert await first.stop()

    assert session_of(leader) == []
    second = Process(rabbitmq.part(free_ports(1)[0]), open_folder / "log")
    await second.start()
    async with await aio_pika.connect(second.url) as connection:
        await (await connection.channel()).get_queue("testing.found")
    await second.kill()
