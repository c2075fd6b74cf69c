"""A server that does next to nothing: the other side of a call whose price is asked for."""

import asyncio
import sys
from typing import cast

import uvloop

from bench.calls import ANSWER


class Tiny(asyncio.Protocol):
    """Says the same to each request without a body, whatever it asks."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's own is none by descent

    def data_received(self, data: bytes) -> None:
        self._transport.write(_SAYS * data.count(b"\r\n\r\n"))


_SAYS = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (
    len(ANSWER),
    ANSWER,
)


async def _serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Tiny, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1])))
