"""The edges that the proxy stands on: each listens for one part, and leads to another."""

import asyncio
import socket
from collections.abc import Sequence
from pathlib import Path

import msgspec
import structlog

from ordereats.topology.faults.connection import Connection
from ordereats.topology.faults.toxics import Down, Toxic
from ordereats.topology.local.ways import Way

log = structlog.get_logger(__name__)

_LOOK_AGAIN_S = 0.05


def read(path: Path) -> list[Way]:
    """The ways of a plan, as it wrote them down."""
    return msgspec.json.decode(path.read_bytes(), type=list[Way])


class ProxiedEdge:
    """An edge at work, with its connections and toxics.

    Attributes:
        met: how often what came has met a toxic since one was last put here.
    """

    def __init__(self, way: Way, tasks: asyncio.TaskGroup) -> None:
        self.way = way
        self.toxics: tuple[Toxic, ...] = ()
        self.met = 0
        self._tasks = tasks
        self._connections: set[Connection] = set()
        self._listener: asyncio.Server | None = None
        self._target_listens = True
        self._is_port_taken = False
        self._looking_after: asyncio.Task[None] | None = None
        self._is_closed = False
        self._settling = asyncio.Lock()

    async def come_under(self, toxics: Sequence[Toxic]) -> None:
        """Have these toxics and no others, on open connections too."""
        self.toxics = tuple(toxics)
        if toxics:  # what was met is still told of an edge that is well again
            self.met = 0
        if not await self._could_settle():
            self._look_after()
        for connection in list(self._connections):
            if self._is_down:
                self._has_met()
                connection.reset()
            else:
                connection.strike(self.toxics)

    def close(self) -> None:
        """Listen no more, and drop all connections."""
        self._is_closed = True
        if self._listener is not None:
            self._listener.close()
        if self._looking_after is not None:
            self._looking_after.cancel()
        for connection in list(self._connections):
            connection.close()

    async def settle(self) -> None:
        """Listen if connections are welcome, and else refuse them, as the target would.

        Raises:
            OSError: the port is taken.
        """
        async with self._settling:
            is_welcome = self._target_listens and not self._is_down and not self._is_closed
            if is_welcome and self._listener is None:
                listener = socket.create_server(("127.0.0.1", self.way.port))
                loop = asyncio.get_running_loop()
                self._listener = await loop.create_server(
                    self._welcome, sock=listener, backlog=1024
                )
            elif not is_welcome and self._listener is not None:
                self._listener.close()
                self._listener = None

    @property
    def _is_down(self) -> bool:
        return any(isinstance(toxic, Down) for toxic in self.toxics)

    def _welcome(self) -> asyncio.Protocol:
        return Connection(self._connected, self._connections.discard, self._has_met).client

    def _has_met(self) -> None:
        self.met += 1

    def _connected(self, connection: Connection) -> None:
        if self._is_down or self._is_closed:  # it had come before we listened no more
            connection.refuse()
            return
        self._connections.add(connection)
        connection.strike(self.toxics)
        self._tasks.create_task(self._lead(connection))

    async def _lead(self, connection: Connection) -> None:
        loop = asyncio.get_running_loop()
        try:
            await loop.create_connection(lambda: connection.server, "127.0.0.1", self.way.leads_to)
        except OSError:
            connection.refuse()
            self._target_listens = False
            self._look_after()

    def _look_after(self) -> None:
        if self._looking_after is None and not self._is_closed:
            self._looking_after = self._tasks.create_task(self._until_all_is_well())

    async def _until_all_is_well(self) -> None:
        """Do as the target does: who is refused knows that nothing was done, and may try again.

        While nobody listens on our port, somebody else may take it; then we wait for that too.
        """
        while not (await self._could_settle() and self._target_listens):
            await asyncio.sleep(_LOOK_AGAIN_S)
            self._target_listens = await _listens(self.way.leads_to)
        self._looking_after = None

    async def _could_settle(self) -> bool:
        try:
            await self.settle()
        except OSError as error:
            if not self._is_port_taken:
                edge = f"{self.way.source} {self.way.target}"
                log.warning("edge_port_taken", edge=edge, error=str(error))
            self._is_port_taken = True
        else:
            self._is_port_taken = False
        return not self._is_port_taken


async def _listens(port: int) -> bool:
    loop = asyncio.get_running_loop()
    try:
        transport, _ = await loop.create_connection(asyncio.Protocol, "127.0.0.1", port)
    except OSError:
        return False
    transport.close()
    return True
