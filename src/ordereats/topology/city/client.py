"""The platform as its clients see it: over HTTP, and asked again when that is safe and needed."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from time import monotonic
from typing import Literal, TypeVar
from urllib.parse import urlsplit

import aiohttp
import msgspec
from msgspec import Struct

from ordereats.chassis.errors import Misconfigured
from ordereats.chassis.headers import whole_number
from ordereats.contracts.wire import decode, encode
from ordereats.topology.city.chance import dice
from ordereats.topology.city.tally import OK, UNKNOWN, Tally

T = TypeVar("T")

AT_ONCE = 48
"""Connections: enough to keep a local platform busy, and far from its limits."""

PATIENCE_S = 30.0
"""For one request, with all its repetitions."""

_TIMEOUT = aiohttp.ClientTimeout(total=10, sock_connect=3)
_TRY_AGAIN = frozenset({429, 502, 503, 504})
_NOTHING_WAS_DONE = frozenset({429, 503})

Method = Literal["GET", "POST", "PUT", "PATCH"]


class NotReachable(Misconfigured):
    """There is no platform at the address that was given, or it is none."""


class Failed(Exception):
    """There is no answer that says what became of a request.

    Attributes:
        maybe_done: it may have been done all the same.
    """

    def __init__(self, what: str, *, maybe_done: bool) -> None:
        self.maybe_done = maybe_done
        super().__init__(what)


class Refused(Exception):
    """The platform said no.

    Attributes:
        code: stable.
        body: the whole problem document.
        maybe_done: an earlier try got no answer, so that this may be the refusal to do it twice.
    """

    def __init__(self, what: str, status: int, body: bytes, *, maybe_done: bool) -> None:
        self.status = status
        self.body = body
        self.code = _code(body)
        self.maybe_done = maybe_done
        super().__init__(f"{what}: {status} {self.code}")


class Reply(Struct, frozen=True):
    """An answer.

    Attributes:
        replayed: it is the first answer to an earlier request with the same key.
        following: where the list goes on.
    """

    body: bytes
    replayed: bool
    following: str | None


class Api:
    """The public API. Every request may be repeated: it asks, has a key, or says what is to be.

    Attributes:
        tally: what became of all that was asked.
    """

    def __init__(self, http: aiohttp.ClientSession, tally: Tally) -> None:
        self.tally = tally
        self._http = http
        self._dice = dice("back-off")

    @classmethod
    @asynccontextmanager
    async def at(cls, url: str, tally: Tally) -> "AsyncIterator[Api]":
        """Speak to the platform at an address.

        Raises:
            NotReachable: none answers there, or it is no address.
        """
        if not _is_address(url):
            raise NotReachable("--url must be an address such as http://localhost:3000.")
        connector = aiohttp.TCPConnector(limit=AT_ONCE)
        async with aiohttp.ClientSession(url, connector=connector, timeout=_TIMEOUT) as http:
            try:
                async with http.get("/health") as answer:
                    fine = answer.status == 200
            except (aiohttp.ClientError, TimeoutError):
                fine = False
            if not fine:
                raise NotReachable(
                    f"No platform answers at {url}: `ordereats up` starts one, or --url names it."
                )
            yield cls(http, tally)

    async def ask(
        self, what: str, kind: type[T], method: Method, path: str, body: Struct | None = None
    ) -> T:
        """Do something that is safe to repeat, and read the answer.

        Args:
            what: its name in the summary.
            kind: of the answer.
            method: of the request.
            path: with its query.
            body: of the request.

        Raises:
            Refused: the platform said no.
            Failed: it broke, or did not answer in time.
        """
        return decode((await self.send(what, method, path, body)).body, kind)

    async def create(
        self, what: str, kind: type[T], path: str, body: Struct, *, key: str
    ) -> tuple[T, bool]:
        """Create something once, whatever happens on the way; the errors are those of `ask`.

        Returns:
            It, and whether it was there before.
        """
        reply = await self.send(what, "POST", path, body, key=key)
        return decode(reply.body, kind), reply.replayed

    async def send(
        self,
        what: str,
        method: Method,
        path: str,
        body: Struct | None = None,
        *,
        key: str | None = None,
    ) -> Reply:
        """Send a request until there is an answer, with back-off; the errors are those of `ask`."""
        headers = {} if key is None else {"Idempotency-Key": key}
        data = None if body is None else encode(body)
        if data is not None:
            headers["Content-Type"] = "application/json"
        started = monotonic()
        maybe_done = False
        for tries in count(1):
            got = await self._try(method, path, data, headers)
            if isinstance(got, _Answered):
                return self._judge(what, got, monotonic() - started, maybe_done=maybe_done)
            maybe_done |= got.maybe_done
            pause = max(got.retry_after_s, min(2.0, 0.1 * 2**tries) * self._dice.uniform(0.5, 1))
            if monotonic() - started + pause > PATIENCE_S:
                self.tally.count(what, UNKNOWN if maybe_done else f"failed {got.why}")
                raise Failed(f"{what}: {got.why}, {tries} times", maybe_done=maybe_done)
            self.tally.repeated(what)
            await asyncio.sleep(pause)
        raise AssertionError("counting never ends")

    async def _try(
        self, method: Method, path: str, data: bytes | None, headers: dict[str, str]
    ) -> "_Answered | _Trouble":
        try:
            async with self._http.request(method, path, data=data, headers=headers) as got:
                body = await got.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            never_sent = isinstance(error, aiohttp.ClientConnectorError)
            return _Trouble(type(error).__name__, maybe_done=not never_sent)
        if got.status in _TRY_AGAIN:
            retry_after_s = whole_number(got.headers.get("Retry-After")) or 0
            done = got.status not in _NOTHING_WAS_DONE
            return _Trouble(str(got.status), maybe_done=done, retry_after_s=retry_after_s)
        return _Answered(got.status, body, got.headers)

    def _judge(self, what: str, got: "_Answered", took_s: float, *, maybe_done: bool) -> Reply:
        if got.status >= 500:
            self.tally.count(what, f"failed {got.status}", took_s)
            raise Failed(f"{what}: {got.status} {_code(got.body)}", maybe_done=True)
        if got.status >= 400:
            refused = Refused(what, got.status, got.body, maybe_done=maybe_done)
            self.tally.count(what, f"refused {refused.code}", took_s)
            raise refused
        self.tally.count(what, OK, took_s)
        link = got.headers.get("Link", "")
        return Reply(
            got.body,
            replayed=got.headers.get("Idempotency-Replayed") == "true",
            following=link.partition("<")[2].partition(">")[0] or None,
        )


@dataclass(frozen=True, slots=True)
class _Answered:
    status: int
    body: bytes
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Trouble:
    """Worth another try."""

    why: str
    maybe_done: bool
    retry_after_s: float = 0.0


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


class _Coded(Struct):
    code: str = ""


def _code(body: bytes) -> str:
    try:
        return msgspec.json.decode(body, type=_Coded).code or "no_code"
    except msgspec.DecodeError:
        return "no_problem_document"
