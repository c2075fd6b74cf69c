"""The proxy passes on what a network does: every byte, each end and reset, and who is slow."""

import asyncio
import os
import resource
from contextlib import suppress

import aiohttp
from aiohttp import web

from ordereats.topology.faults.toxics import Latency
from topology.faults.conftest import RunningProxy
from topology.faults.streams import (
    SOON_S,
    Until,
    comes_back,
    connected,
    is_reset,
    reset,
    send_and_receive,
    target,
)


async def test_what_is_sent_comes_whole_in_both_directions(proxy: RunningProxy) -> None:
    data = os.urandom(16 << 20)

    async with target(proxy):
        got = await send_and_receive(await connected(proxy), data)

    assert got == data


async def test_who_sends_at_once_gets_the_whole_answer(proxy: RunningProxy) -> None:
    """The first bytes come before the target is connected: uvloop reads though told to pause."""
    data = os.urandom(100_000)

    async with target(proxy):
        got = [await send_and_receive(await connected(proxy), data) for _ in range(200)]

    assert all(each == data for each in got)


async def test_a_target_that_does_not_listen_is_refused_as_without_a_proxy(
    proxy: RunningProxy,
) -> None:
    async def refused() -> None:
        while True:
            with suppress(ConnectionResetError):  # the first, by whom the proxy notices
                try:
                    reader, _ = await connected(proxy)
                except ConnectionRefusedError:
                    return
                assert await is_reset(reader)

    await asyncio.wait_for(refused(), SOON_S)

    async with target(proxy):
        async with asyncio.timeout(SOON_S):
            while True:
                with suppress(ConnectionRefusedError):
                    await comes_back(await connected(proxy))
                    break
                await asyncio.sleep(0.02)


async def test_a_reset_of_either_side_reaches_the_other(proxy: RunningProxy, until: Until) -> None:
    seen: list[bool] = []

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if await reader.readexactly(2) == b"go":
            reset(writer)
        else:
            writer.write(b"heard")
            seen.append(await is_reset(reader))
            writer.close()

    async with target(proxy, listen):
        reader, writer = await connected(proxy)
        writer.write(b"go and more")
        assert await is_reset(reader)

        reader, writer = await connected(proxy)
        writer.write(b"no")
        assert await asyncio.wait_for(reader.readexactly(5), SOON_S) == b"heard"
        reset(writer)
        await until(lambda: seen == [True])


async def test_who_reads_slowly_slows_down_who_writes(proxy: RunningProxy) -> None:
    may_read, counted = asyncio.Event(), asyncio.Queue[int]()

    async def read_later(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await may_read.wait()
        counted.put_nowait(len(await reader.read()))
        writer.close()

    async with target(proxy, read_later):
        _, writer = await connected(proxy)
        sent, is_stopped = 0, False
        while not is_stopped:
            assert sent < 256 << 20
            writer.write(b"x" * (1 << 20))
            sent += 1 << 20
            try:
                await asyncio.wait_for(writer.drain(), 1)
            except TimeoutError:
                is_stopped = True
        may_read.set()
        writer.write_eof()

        assert await asyncio.wait_for(counted.get(), SOON_S) == sent
        writer.close()


async def test_a_thousand_connections_go_through_at_once(proxy: RunningProxy) -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    proxy.add(Latency(ms=100))

    async with target(proxy):
        crowd = [await connected(proxy) for _ in range(1000)]
        took = await asyncio.gather(*[comes_back(streams) for streams in crowd])
        for _, writer in crowd:
            writer.close()

    assert min(took) >= 0.1


async def test_kept_connections_of_http_stay(proxy: RunningProxy) -> None:
    ports = set()

    async def answer(request: web.Request) -> web.Response:
        assert request.transport
        ports.add(request.transport.get_extra_info("peername"))
        return web.Response(body=await request.read())

    app = web.Application(client_max_size=1 << 22)
    app.add_routes([web.post("/", answer)])
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", proxy.way.leads_to).start()
    try:
        async with aiohttp.ClientSession() as http:
            for size in (0, 1, 100_000, 1_000_000, 1):
                body = os.urandom(size)
                async with http.post(f"http://127.0.0.1:{proxy.way.port}/", data=body) as got:
                    assert await got.read() == body
    finally:
        await runner.cleanup()

    assert len(ports) == 1
