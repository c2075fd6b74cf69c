"""While the proxy does not listen on an edge's port, somebody else may take it: it waits for it."""

import asyncio
import socket
from contextlib import suppress

import pytest
from structlog.testing import capture_logs

from ordereats.topology.faults.control import Add, Clear
from ordereats.topology.faults.edges import ProxiedEdge
from ordereats.topology.faults.proxy import Proxy
from ordereats.topology.faults.toxics import Down
from ordereats.topology.local.part import free_ports
from ordereats.topology.local.ways import Way
from support.builders import until_true
from topology.faults.streams import SOON_S, echo


def a_way() -> Way:
    port, leads_to = free_ports(2)
    return Way(source="one", target="other", port=port, leads_to=leads_to)


async def answers(port: int) -> bool:
    """Whether there is an echo from a port."""
    with suppress(OSError, TimeoutError):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"ping")
        try:
            return await asyncio.wait_for(reader.read(4), SOON_S) == b"ping"
        finally:
            writer.close()
    return False


async def is_refused(port: int) -> None:
    async with asyncio.timeout(SOON_S):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except ConnectionRefusedError:
                return
            writer.close()
            await asyncio.sleep(0.02)


async def test_a_port_that_is_taken_while_the_target_is_away_ends_no_edge() -> None:
    taken, other = a_way(), a_way()
    async with (
        Proxy.open([taken, other], free_ports(1)[0]),
        await asyncio.start_server(echo, "127.0.0.1", other.leads_to),
    ):
        await is_refused(taken.port)
        with socket.create_server(("127.0.0.1", taken.port)):
            async with await asyncio.start_server(echo, "127.0.0.1", taken.leads_to):
                await asyncio.sleep(0.2)  # it looks every 50 ms
                assert await answers(other.port)
        async with await asyncio.start_server(echo, "127.0.0.1", taken.leads_to):
            await until_true(lambda: answers(taken.port))


async def test_a_port_that_is_taken_while_the_edge_is_down_is_taken_back_later() -> None:
    way = a_way()
    async with (
        Proxy.open([way], free_ports(1)[0]) as proxy,
        await asyncio.start_server(echo, "127.0.0.1", way.leads_to),
    ):
        await proxy.obey(Add("any", "any", Down()))
        with socket.create_server(("127.0.0.1", way.port)), capture_logs() as lines:
            told = await proxy.obey(Clear())
            assert [each.toxics for each in told.edges] == [()]
            assert lines[0]["event"] == "edge_port_taken"

        await until_true(lambda: answers(way.port))


@pytest.mark.parametrize("turns", range(12))
async def test_who_finds_the_target_away_as_the_proxy_closes_does_not_keep_it(turns: int) -> None:
    way = a_way()
    async with asyncio.timeout(SOON_S), asyncio.TaskGroup() as tasks:
        edge = ProxiedEdge(way, tasks)
        await edge.settle()
        client = socket.create_connection(("127.0.0.1", way.port))

        for _ in range(turns):
            await asyncio.sleep(0)
        edge.close()

    client.close()
    assert not await answers(way.port)
