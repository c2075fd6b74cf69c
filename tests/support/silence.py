"""A way to a server that can fall silent: what is sent is swallowed, and nothing comes back."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Self
from urllib.parse import urlsplit


class Way:
    """It leads to one server.

    Attributes:
        url: the server's, by this way.
        is_silent: nothing goes through any more.
    """

    def __init__(self, url: str) -> None:
        self._target = urlsplit(url)
        self.url = url
        self.is_silent = False

    @classmethod
    @asynccontextmanager
    async def to(cls, url: str) -> AsyncIterator[Self]:
        """Lead to the server at this address for the length of a block."""
        way = cls(url)
        async with asyncio.TaskGroup() as group:

            def come(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                coming.append(group.create_task(way._lead(reader, writer)))

            coming: list[asyncio.Task[None]] = []
            server = await asyncio.start_server(come, "127.0.0.1", 0)
            port = server.sockets[0].getsockname()[1]
            before, at, _ = way._target.netloc.rpartition("@")
            way.url = way._target._replace(netloc=f"{before}{at}127.0.0.1:{port}").geturl()
            yield way
            server.close()
            for each in coming:
                each.cancel()

    async def _lead(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host, port = self._target.hostname, self._target.port
        there, back = await asyncio.open_connection(host, port)
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._pass_on(reader, back))
                both.create_task(self._pass_on(there, writer))
        finally:
            writer.close()
            back.close()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65_536):
                if not self.is_silent:
                    writer.write(data)
                    await writer.drain()
        with suppress(OSError, RuntimeError):
            if not self.is_silent:
                writer.write_eof()
