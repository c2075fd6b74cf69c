"""uvicorn's server with an end of its own, in which no client is cut off that behaves.

uvicorn's would close the listener and every idle connection at once, and a request that is on its
way into one of them is lost. Here every answer says that its connection will be closed, so that
clients come back by another, to whoever listens then; an idle connection is closed when it has been
idle for longer than our own clients use one.
"""

import asyncio
import socket
from contextlib import nullcontext

import uvicorn

from ordereats.chassis.http.protocol import CLOSE, Protocol

LOOK_EVERY_S = 0.05
CUT_S = 0.5
"""How long what is cut off may take to notice."""


class Server(uvicorn.Server):
    """Answers until it is told to leave; it heeds no signal.

    Attributes:
        is_listening: set once it is.
    """

    capture_signals = staticmethod(nullcontext)  # type: ignore[assignment]  # used the same way

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.is_listening = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.is_listening.set()

    def say_goodbye(self) -> None:
        """From now on say with each answer that its connection closes. New ones may come."""
        self.config.encoded_headers.append(CLOSE)  # it makes the default headers anew each second
        self.server_state.default_headers = [*self.server_state.default_headers, CLOSE]
        for each in self._connections():
            each.say_goodbye()

    async def finish(self, *, within_s: float) -> int:
        """Listen no more, give the answers that are due, and cut off what takes longer.

        Returns:
            How many connections were cut off.
        """
        for listening in self.servers:
            listening.close()
        ends = asyncio.get_running_loop().time() + within_s
        while self.server_state.connections or self.server_state.tasks:
            for each in self._connections():
                each.close_if_quiet()
            if asyncio.get_running_loop().time() > ends:
                break
            await asyncio.sleep(LOOK_EVERY_S)
        cut = len(self.server_state.connections)
        await self._cut_off()
        return cut

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Nothing is left to do: `finish` has."""
        del sockets

    async def _cut_off(self) -> None:
        for each in self._connections():
            each.transport.abort()
        tasks = list(self.server_state.tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=CUT_S)

    def _connections(self) -> list[Protocol]:
        return [each for each in self.server_state.connections if isinstance(each, Protocol)]
