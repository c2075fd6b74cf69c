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
    try:
        status, body = await answer(port, path, within_s=2)
    except TimeoutError:
        return False
    enough = {"ready", "ok"} | ({"degraded"} if degraded_is_enough else set())
    return status == 200 and _status(body) in enough


async def answer(port: int, path: str, *, within_s: float) -> tuple[int, bytes]:
    """The status and the body of what it answers to a GET.

    Raises:
        OSError: it doesn't listen, or not in time (`TimeoutError`), or breaks off.
    """
    async with asyncio.timeout(within_s):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            request = f"GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n\r\n"
            writer.write(request.encode())
            head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        finally:
            writer.close()
    status = head.split(b" ")[1:2]
    return int(status[0]) if status and status[0].isdigit() else 0, body


def _status(body: bytes) -> str:
    try:
        return msgspec.json.decode(body, type=_Answer).status
    except msgspec.DecodeError:
        return "not JSON"
