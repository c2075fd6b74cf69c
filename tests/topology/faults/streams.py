"""Sockets on both sides of the fault proxy, for tests."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from time import monotonic

import pytest

from topology.faults.conftest import RunningProxy

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Until = Callable[..., Awaitable[None]]
SOON_S = 10
"""For what happens at once, on a machine that has much else to do."""
NOT_YET_S = 0.3
"""For what must not happen."""


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
        writer.write_eof()
    writer.close()


@asynccontextmanager
async def target(
    proxy: RunningProxy, answer: Callable[..., Awaitable[None]] = echo
) -> AsyncIterator[None]:
    port = proxy.way.leads_to
    async with await asyncio.start_server(answer, "127.0.0.1", port, backlog=2048):
        yield


@asynccontextmanager
async def answering(proxy: RunningProxy, answer: bytes) -> AsyncIterator[list[bytes]]:
    """Lead to one who takes a question, gives this answer and hangs up; what was asked."""
    asked: list[bytes] = []

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.read(100))
        writer.write(answer)
        writer.close()

    async with target(proxy, listen):
        yield asked


async def connected(proxy: RunningProxy) -> Streams:
    return await asyncio.open_connection("127.0.0.1", proxy.way.port)


async def comes_back(streams: Streams, data: bytes = b"ping") -> float:
    """Send and get an echo; how long that took."""
    reader, writer = streams
    began = monotonic()
    writer.write(data)
    await writer.drain()
    assert await asyncio.wait_for(reader.readexactly(len(data)), SOON_S) == data
    return monotonic() - began


async def nothing_comes(reader: asyncio.StreamReader) -> None:
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(reader.read(1), NOT_YET_S)


async def is_reset(reader: asyncio.StreamReader) -> bool:
    try:
        return await asyncio.wait_for(reader.read(), SOON_S) is None
    except ConnectionResetError:
        return True


def reset(writer: asyncio.StreamWriter) -> None:
    linger = struct.pack("ii", 1, 0)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.transport.abort()


async def send_and_receive(streams: Streams, data: bytes) -> bytes:
    """Send while receiving, then say that no more comes; all that came back until its end."""
    reader, writer = streams

    async def send() -> None:
        writer.write(data)
        await writer.drain()
        writer.write_eof()

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(send())
        got = tasks.create_task(reader.read())
    return got.result()
