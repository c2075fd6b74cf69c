"""Calls over HTTP: to services in other processes."""

import re
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Self
from urllib.parse import quote

import aiohttp
import msgspec

from ordereats.chassis import context
from ordereats.chassis.calls.client import CalleeFailed, refusal
from ordereats.chassis.errors import Unavailable
from ordereats.contracts.calls import Call, Question, Reply
from ordereats.contracts.problems import Problem
from ordereats.contracts.wire import decode, encode

MAX_CONNECTIONS = 50
"""To one service, from one process."""


class Http:
    """Reaches one service by its address."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self._url = url.rstrip("/")
        self._session = session

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str) -> AsyncIterator[Self]:
        """Keep connections to a service for the length of a block."""
        connector = aiohttp.TCPConnector(limit=MAX_CONNECTIONS, keepalive_timeout=15)
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=1)
        async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
            yield cls(url, session)

    async def ask(self, call: Call[Question, Reply], question: Question) -> Reply:
        try:
            status, body = await self._send_again(call, question)
        except (aiohttp.ClientError, OSError) as error:
            raise Unavailable(f"{call.service} can't be reached.") from error
        if status == 200:
            try:
                return decode(body, call.reply)
            except msgspec.MsgspecError as error:
                raise CalleeFailed(f"{call.service} answered something else") from error
        raise _error(call.service, status, body)

    async def _send_again(
        self, call: Call[Question, Reply], question: Question
    ) -> tuple[int, bytes]:
        """Send, and once more if a kept connection turns out to be closed.

        The library does so for a GET; a POST of ours may be repeated as well, see `Call`.
        """
        try:
            return await self._send(call, question)
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
            if call.method == "GET":
                raise
            return await self._send(call, question)

    async def _send(self, call: Call[Question, Reply], question: Question) -> tuple[int, bytes]:
        async with self._request(call, question) as response:
            return response.status, await response.read()

    def _request(
        self, call: Call[Question, Reply], question: Question
    ) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        address, headers = self._url + _path(call.path, question), _headers()
        if call.method == "GET":
            return self._session.get(address, headers=headers)
        headers["Content-Type"] = "application/json"
        body = encode(getattr(question, "body"))  # noqa: B009  # of a POST only: see `Call`
        return self._session.post(address, data=body, headers=headers)


def _path(template: str, question: msgspec.Struct) -> str:
    return re.sub(
        r"{(\w+)}", lambda name: quote(str(getattr(question, name[1])), safe=""), template
    )


def _headers() -> dict[str, str]:
    at = context.current()
    headers = {
        "X-Correlation-ID": at.correlation_id,
        "X-Deadline-Ms": str(max(0, int(at.remaining_s(60) * 1000))),
    }
    if at.traceparent:
        headers["traceparent"] = at.traceparent
    return headers


def _error(service: str, status: int, body: bytes) -> Exception:
    try:
        problem = decode(body, Problem)
    except msgspec.MsgspecError:  # a proxy between us, perhaps: a 404 of its own proves nothing
        return Unavailable(f"{service} answered {status} without saying why.")
    said = refusal(problem, _extension(body))
    if said is not None:
        return said
    if status in {429, 503}:
        return Unavailable(f"{service} is not available: {problem.code}.")
    return CalleeFailed(f"{service} failed: {problem.code}")


def _extension(body: bytes) -> dict[str, object]:
    everything = decode(body, dict[str, Any])
    return {name: value for name, value in everything.items() if name not in _MEMBERS}


_MEMBERS = frozenset(each.encode_name for each in msgspec.structs.fields(Problem))
