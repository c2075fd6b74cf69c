"""The fault proxy: all edges of a platform, and the commands that it hears."""

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Self

import msgspec
import structlog

from ordereats.topology.faults.control import Add, Clear, Command, OnEdge, Told, chosen
from ordereats.topology.faults.edges import ProxiedEdge
from ordereats.topology.faults.toxics import kind, with_toxic
from ordereats.topology.local.ways import Way

log = structlog.get_logger(__name__)

_LINE = 4096


class Proxy:
    """It stands on edges, without a toxic at first."""

    def __init__(self, ways: Sequence[Way], tasks: asyncio.TaskGroup) -> None:
        self._edges = [ProxiedEdge(way, tasks) for way in ways]

    @classmethod
    @asynccontextmanager
    async def open(cls, ways: Sequence[Way], port: int) -> AsyncIterator[Self]:
        """Let connections through, and hear commands on this port, for the length of a block.

        Raises:
            OSError: a port is taken.
        """
        async with asyncio.TaskGroup() as tasks:
            proxy = cls(ways, tasks)
            try:
                for each in proxy._edges:
                    await each.settle()
                listener = socket.create_server(("127.0.0.1", port))
                async with await asyncio.start_server(proxy._hear, sock=listener, limit=_LINE):
                    yield proxy
            finally:
                for each in proxy._edges:
                    each.close()

    async def obey(self, command: Command) -> Told:
        """Do it; when this returns, it is so."""
        if isinstance(command, Add):
            return Told([await self._add(each, command) for each in self._chosen(command)])
        if isinstance(command, Clear):
            return Told([await self._clear(each) for each in self._chosen(command)])
        return Told([_shown(each) for each in self._edges])

    async def _hear(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, ValueError, msgspec.MsgspecError):  # no command: no answer
            command = msgspec.json.decode(await reader.readline(), type=Command)
            writer.write(msgspec.json.encode(await self.obey(command)) + b"\n")
            await writer.drain()
        writer.close()

    def _chosen(self, command: Add | Clear) -> list[ProxiedEdge]:
        is_meant = chosen(command.source, command.target)
        return [each for each in self._edges if is_meant(each.way.source, each.way.target)]

    async def _add(self, on: ProxiedEdge, command: Add) -> OnEdge:
        await on.come_under(with_toxic(on.toxics, command.toxic))
        toxic = msgspec.to_builtins(command.toxic)
        log.warning("fault_added", edge=f"{on.way.source} {on.way.target}", **toxic)
        return _shown(on)

    async def _clear(self, on: ProxiedEdge) -> OnEdge:
        if on.toxics:
            kinds = ", ".join(kind(each) for each in on.toxics)
            await on.come_under(())
            log.warning("fault_cleared", edge=f"{on.way.source} {on.way.target}", kinds=kinds)
        return _shown(on)


def _shown(on: ProxiedEdge) -> OnEdge:
    return OnEdge(on.way.source, on.way.target, on.toxics, on.met)
