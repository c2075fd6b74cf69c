"""The real servers are reached through the proxy as without it."""

import asyncio
import os
from pathlib import Path
from urllib.parse import urlsplit

import aio_pika
import asyncpg
import pytest

from ordereats.topology.faults.toxics import BlackHole, Latency
from ordereats.topology.local.part import Process, free_ports
from ordereats.topology.local.ways import ThroughProxy, address
from topology.faults.conftest import running


def straight_to(url: str) -> tuple[ThroughProxy, str]:
    """The proxy's way to a server, and the server's address through it."""
    ways = ThroughProxy(lambda: free_ports(1)[0])
    return ways, address(ways, "test", "server", url)


async def test_postgresql_answers_and_copies_exactly(database_url: str, tmp_path: Path) -> None:
    ways, url = straight_to(database_url)
    blob = os.urandom(3_000_000)

    with running(ways.taken, tmp_path) as proxy:
        connection = await asyncpg.connect(url)
        assert await connection.fetchval("select $1::bytea", blob) == blob
        proxy.add(BlackHole())
        with pytest.raises(TimeoutError):
            await connection.fetchval("select 1", timeout=0.3)
        proxy.clear()
        await connection.close()


async def test_rabbitmq_confirms_and_delivers(rabbitmq_server: Process, tmp_path: Path) -> None:
    ways, url = straight_to(rabbitmq_server.url)
    body = os.urandom(500_000)

    with running(ways.taken, tmp_path) as proxy:
        proxy.add(Latency(ms=20))
        async with await aio_pika.connect(url) as connection:
            channel = await connection.channel()
            queue = await channel.declare_queue(exclusive=True)
            await channel.default_exchange.publish(aio_pika.Message(body), queue.name)
            async with asyncio.timeout(20):
                async with queue.iterator() as messages:
                    async for message in messages:
                        await message.ack()
                        break
        assert message.body == body


async def test_what_was_killed_comes_back_on_its_ports_without_a_toxic(tmp_path: Path) -> None:
    ways, url = straight_to("http://127.0.0.1:9")
    (port,) = free_ports(1)

    for _ in range(2):
        with running(ways.taken, tmp_path, port) as proxy:
            assert [each.toxics for each in proxy.all()] == [[]]
            proxy.add(BlackHole())
    assert urlsplit(url).port == ways.taken[0].port
