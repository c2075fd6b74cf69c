"""Asks a local HTTP server one question. Only what readiness needs; not a client for anything."""

import asyncio

import msgspec


class _Answer(msgspec.Struct):
    status: str = ""


async def says_ready(
    port: int, path: str = "/health/ready", *, degraded_is_enough: bool = False
) -> bool:
    """Whether it answers 200, and names no other status than ready (or ok, or degraded).

    Raises:
        OSError: it doesn't listen yet.
    """
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        request = f"GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n\r\n"
        writer.write(request.encode())
        async with asyncio.timeout(2):
            head, _, body = (await reader.read(65_536)).partition(b"\r\n\r\n")
            body += await reader.read(65_536)
    except TimeoutError:
        return False
    finally:
        writer.close()
    enough = {"ready", "ok"} | ({"degraded"} if degraded_is_enough else set())
    return head.split(b" ")[1:2] == [b"200"] and _status(body) in enough


def _status(body: bytes) -> str:
    try:
        return msgspec.json.decode(body, type=_Answer).status
    except msgspec.DecodeError:
        return "not JSON"
