"""Calls over HTTP: to services in other processes."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Self
from urllib.parse import quote

import aiohttp
import msgspec

from ordereats.chassis import context
from ordereats.chassis.calls.client import CalleeFailed
from ordereats.chassis.errors import NotFound, Unavailable
from ordereats.contracts.calls import Call, Question, Reply
from ordereats.contracts.problems import Problem
from ordereats.contracts.wire import decode

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
        address = self._url + _path(call.path, question)
        try:
            async with self._session.get(address, headers=_headers()) as response:
                body = await response.read()
        except (aiohttp.ClientError, OSError) as error:
            raise Unavailable(f"{call.service} can't be reached.") from error
        if response.status == 200:
            try:
                return decode(body, call.reply)
            except msgspec.MsgspecError as error:
                raise CalleeFailed(f"{call.service} answered something else") from error
        raise _error(call.service, response.status, body)


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
    if status == 404 and problem.code == NotFound.code:
        return NotFound(problem.detail)
    if status in {429, 503}:
        return Unavailable(f"{service} is not available: {problem.code}.")
    return CalleeFailed(f"{service} failed: {problem.code}")
