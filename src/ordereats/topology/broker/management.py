"""RabbitMQ's management HTTP API, as far as it is used here. It knows nothing of OrderEats."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Self
from urllib.parse import unquote, urlsplit

import aiohttp
import msgspec
from yarl import URL

from ordereats.chassis.errors import Misconfigured

ANSWER_S = 15.0


class Management:
    """Asks one broker."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        parts = urlsplit(url)
        self._host = f"{parts.hostname}:{parts.port or 15672}"
        self._api = f"{parts.scheme}://{self._host}{parts.path.rstrip('/')}/api/"
        self._session = session

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str) -> AsyncIterator[Self]:
        """Talk to it for the length of a block.

        Args:
            url: `http://user:password@host:15672`; the user is an administrator.
        """
        parts = urlsplit(url)
        name, password = unquote(parts.username or ""), unquote(parts.password or "")
        headers = {
            "Authorization": aiohttp.encode_basic_auth(name, password),
            "Content-Type": "application/json",
        }
        timeout = aiohttp.ClientTimeout(total=ANSWER_S)
        async with aiohttp.ClientSession(headers=headers, timeout=timeout) as session:
            yield cls(url, session)

    async def get(self, path: str) -> Any:
        """What is there, or None if nothing is.

        Raises:
            Misconfigured: it does not answer, or not to us.
        """
        return await self._ask("GET", path)

    async def put(self, path: str, body: Mapping[str, object]) -> None:
        """Make a thing; once more changes nothing, or brings it to what is said.

        Raises:
            Misconfigured: it refuses, or does not answer.
        """
        await self._ask("PUT", path, body)

    async def post(self, path: str, body: Mapping[str, object]) -> None:
        """Add to a collection. Raises as `put`."""
        await self._ask("POST", path, body)

    async def _ask(self, method: str, path: str, body: Mapping[str, object] | None = None) -> Any:
        # Quoted already: a vhost may be named "/".
        address = URL(self._api + path, encoded=True)
        json = None if body is None else msgspec.json.encode(body)
        try:
            async with self._session.request(method, address, data=json) as response:
                status, answer = response.status, await response.read()
        except (aiohttp.ClientError, OSError) as error:
            raise Misconfigured(
                f"RabbitMQ's management does not answer at {self._host} ({error!r}): is its plugin"
                " rabbitmq_management enabled?"
            ) from error
        if status == 401:
            raise Misconfigured(
                f"RabbitMQ's management at {self._host} does not know this user, or the user is no"
                " administrator."
            )
        if status == 404 and method == "GET":
            return None
        if status >= 400:
            told = answer.decode(errors="replace")[:300]
            raise Misconfigured(f"RabbitMQ refuses to {method} {path}: {status} {told}")
        return msgspec.json.decode(answer) if answer else None
