"""Calls over HTTP: to services in other processes."""

import re
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Self
from urllib.parse import quote

import aiohttp
import msgspec
import structlog

from ordereats.chassis import context
from ordereats.chassis.calls.client import CalleeFailed, not_available, refused_by
from ordereats.chassis.errors import Unavailable
from ordereats.chassis.headers import whole_number
from ordereats.chassis.slots import elsewhere
from ordereats.contracts.calls import Call, Question, Reply
from ordereats.contracts.problems import Problem
from ordereats.contracts.wire import decode, encode

log = structlog.get_logger(__name__)


IDLE_S = 1.0
"""So long a connection that is idle may be used again: less than a server that stops keeps one."""


class Http:
    """Reaches one service by its address."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self._url = url.rstrip("/")
        self._session = session

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str) -> AsyncIterator[Self]:
        """Keep connections to a service for the length of a block."""
        connector = aiohttp.TCPConnector(
            limit=0, keepalive_timeout=IDLE_S
        )  # a bulkhead bounds them
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=1)
        async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
            yield cls(url, session)

    async def ask(self, call: Call[Question, Reply], question: Question) -> Reply:
        try:
            with elsewhere():
                async with self._request(call, question) as response:
                    status, headers, body = response.status, response.headers, await response.read()
        except (aiohttp.ClientError, OSError) as error:
            raise Unavailable(f"{call.service} can't be reached.") from error
        if status == 200:
            try:
                return decode(body, call.reply)
            except msgspec.MsgspecError as error:
                log.exception("call_failed", callee=call.service, kind=call.name)
                raise CalleeFailed(f"{call.service} answered something else") from error
        raise _error(call.service, status, body, told_s=whole_number(headers.get("Retry-After")))

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
        "X-Priority": at.priority.value,
    }
    if at.traceparent:
        headers["traceparent"] = at.traceparent
    return headers


def _error(service: str, status: int, body: bytes, *, told_s: int | None) -> Exception:
    try:
        problem = decode(body, Problem)
    except msgspec.MsgspecError:  # a proxy between us, perhaps: a 404 of its own proves nothing
        said = f"{service} answered {status} without saying why."
        return Unavailable(said, retry_after_s=told_s)
    refused = refused_by(problem, _extension(body))
    if refused is not None:
        return refused
    if status in {429, 503}:
        return not_available(service, problem.code, told_s=told_s)
    return CalleeFailed(f"{service} failed: {problem.code}")


def _extension(body: bytes) -> dict[str, object]:
    everything = decode(body, dict[str, Any])
    return {name: value for name, value in everything.items() if name not in _MEMBERS}


_MEMBERS = frozenset(each.encode_name for each in msgspec.structs.fields(Problem))
