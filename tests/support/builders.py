"""Builders that tests share: bodies with defaults, an app behind a real socket, a bus to watch."""

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from secrets import token_hex
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import aiohttp
import asyncpg
import msgspec
import uvicorn
from litestar.types import ASGIApp

from ordereats.chassis.clock import SystemClock
from ordereats.chassis.config import Environment
from ordereats.chassis.db.migrations import migrate
from ordereats.chassis.http.protocol import Protocol
from ordereats.chassis.http.server import Server
from ordereats.chassis.messaging.bus import BusState, ConsumerState, Handler, Message, Queue
from ordereats.contracts.events import Event, type_of
from ordereats.contracts.ids import OrderId, RestaurantId, UserId
from ordereats.contracts.money import Money
from ordereats.contracts.orders import OrderPlaced
from ordereats.contracts.wire import encode
from ordereats.topology import catalog, loading
from ordereats.topology.assembly import Assembled, assembled
from ordereats.topology.local.part import Process
from ordereats.topology.settings import Settings, by_database

NOBODY = "http://127.0.0.1:9"
"""An address where nobody listens (the discard service, which no machine runs any more)."""

PROGRAM = """
import sys
from ordereats.topology.serve import run
from ordereats.chassis.errors import Misconfigured
try:
    run(sys.argv[1:])
except Misconfigured as error:
    sys.exit(f"misconfigured: {error}")
"""
"""`ordereats serve`, without the command line around it."""


def a_user(**changes: Any) -> dict[str, Any]:
    """Someone whose e-mail nobody has."""
    return {"name": "Hieu", "email": f"{token_hex(6)}@test.com", **changes}


def a_restaurant(**changes: Any) -> dict[str, Any]:
    return {"name": "Pho Saigon", "cuisine": "Vietnamese", **changes}


def an_order(**changes: Any) -> dict[str, Any]:
    """A basket of user 1 at restaurant 1."""
    return {
        "userId": 1,
        "restaurantId": 1,
        "items": [{"name": "Pho", "qty": 2}],
        "totalPrice": 25.00,
        **changes,
    }


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back.

    Attributes:
        headers: by their names in small letters.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return msgspec.json.decode(self.body)

    @property
    def code(self) -> str:
        """Of a problem document, which this has to be."""
        assert self.headers["content-type"] == "application/problem+json", self
        problem = self.json()
        assert problem["status"] == self.status
        assert problem["correlationId"] == self.headers["x-correlation-id"]
        return str(problem["code"])

    @property
    def paths(self) -> list[str]:
        """The fields that a problem document names."""
        return [each["path"] for each in self.json()["errors"]]


class Client:
    """Speaks HTTP with one server."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self.url = url
        self._session = session

    async def get(self, path: str, **headers: str) -> Reply:
        return await self.ask("GET", path, headers=headers)

    async def post(self, path: str, body: object, *, key: str | None = None) -> Reply:
        """Send a body: bytes as they are, an iterator in chunks, anything else as JSON."""
        raw = body if isinstance(body, bytes | AsyncIterator) else msgspec.json.encode(body)
        headers = {"Content-Type": "application/json"}
        if key is not None:
            headers["Idempotency-Key"] = key
        return await self.ask("POST", path, headers=headers, data=raw)

    async def ask(self, method: str, path: str, **options: Any) -> Reply:
        headers = {
            name.replace("_", "-"): value for name, value in options.pop("headers", {}).items()
        }
        async with self._session.request(
            method, self.url + path, headers=headers, **options
        ) as answer:
            kept = {name.lower(): value for name, value in answer.headers.items()}
            return Reply(answer.status, kept, await answer.read())


@asynccontextmanager
async def serving(app: ASGIApp) -> AsyncIterator[Client]:
    """Put an app behind a real socket for the length of a block, as `serve` does."""
    # By its full name: asyncio turns Nagle's delay off only where it sees the protocol.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    config = uvicorn.Config(
        app,
        loop="none",
        http=Protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        proxy_headers=False,
        timeout_keep_alive=75,  # as `serve` has it; a test may wait for its turn
    )
    server = Server(config)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(server.serve(sockets=[listener]))
        await server.is_listening.wait()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        connector = aiohttp.TCPConnector(limit=200)
        try:
            async with aiohttp.ClientSession(connector=connector) as session:
                yield Client(url, session)
        finally:
            await server.finish(within_s=5)
            server.should_exit = True


@asynccontextmanager
async def fresh_database(server: Process) -> AsyncIterator[str]:
    """Give the address of an empty database for the length of a block, however long that is."""
    name = f"test_{token_hex(6)}"
    await run_sql(server.url, f"create database {name} template template0")
    yield urlsplit(server.url)._replace(path=f"/{name}").geturl()

    async def is_dropped() -> bool:
        try:
            await run_sql(server.url, f"drop database {name} with (force)")
        except asyncpg.InsufficientPrivilegeError:  # an autovacuum worker, which we may not end
            return False
        return True

    await until_true(is_dropped, within_s=30)


async def run_sql(url: str, statement: str, *arguments: object) -> "list[asyncpg.Record]":
    """Run one statement on a connection of its own, past everything that is tested."""
    connection = await asyncpg.connect(url)
    try:
        return list(await connection.fetch(statement, *arguments))
    finally:
        await connection.close()


async def until_true(asked: Callable[[], Awaitable[object]], *, within_s: float = 30) -> None:
    """Wait until the answer to a question is true, or not empty."""
    async with asyncio.timeout(within_s):
        while not await asked():  # noqa: ASYNC110  # what happens in a server sends no event
            await asyncio.sleep(0.02)


@dataclass(frozen=True, slots=True)
class Running:
    """Services at work in this process."""

    client: Client
    group: Assembled


@asynccontextmanager
async def running(
    names: Sequence[str], database_url: str, **variables: str
) -> AsyncIterator[Running]:
    """Run services as `serve` does, on one database, with the queue in it as well."""
    given = {"DATABASE_URL": database_url, "STRIPE_API_BASE": NOBODY, "STRICT_CALLS": "1"}
    given["SHEDDING"] = "off"  # a hundred at once are an overload to a busy machine
    environment = Environment({**given, **variables})
    settings = Settings.read(environment, catalog.group(names))
    for url, together in by_database(settings.databases).items():
        await migrate(url, loading.migrations(together))
    async with assembled(environment, settings) as group:
        await group.begin()
        async with serving(group.app) as client:
            yield Running(client, group)
        await group.bus.stop_consuming()
        await group.jobs.stop(within_s=5)


def environment(**variables: str) -> dict[str, str]:
    """The environment of a process under test: nothing but what Python needs, and these."""
    needed = {name: value for name, value in os.environ.items() if name in {"PATH", "LANG"}}  # noqa: TID251  # a child process needs them
    return {**needed, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONUNBUFFERED": "1", **variables}


class FakeBus:
    """A bus that notes what it is given, and misbehaves when told to.

    Attributes:
        published: in order, the repeated ones too.
        refuses: why a message is not taken, by its id, subject or type.
        fails: raised by the next publish after it has noted the messages.
        hangs: publishing waits for this to be set.
        hears: what it says of its consumers.
    """

    def __init__(self) -> None:
        self.published: list[Message] = []
        self.refuses: dict[UUID | str, str] = {}
        self.fails: Exception | None = None
        self.hangs: asyncio.Event | None = None
        self.begun = asyncio.Event()
        self.state = BusState.UP
        self.hears: list[ConsumerState] = []

    def consumers(self) -> Sequence[ConsumerState]:
        return self.hears

    async def start(self) -> None:
        """Nothing to connect to."""

    async def declare(self, queues: Sequence[Queue]) -> None:
        """Every queue exists."""

    async def publish(self, messages: Sequence[Message]) -> Mapping[UUID, str]:
        self.begun.set()
        if self.hangs is not None:
            await self.hangs.wait()
        if self.fails is not None:
            raise self.fails
        refused = {each.id: why for each in messages if (why := self._why(each))}
        self.published += [each for each in messages if each.id not in refused]
        return refused

    async def consume(self, queue: Queue, handler: Handler) -> None:
        """Nothing comes."""

    async def stop_consuming(self) -> None:
        """Nothing runs."""

    async def close(self) -> None:
        """Nothing is open."""

    def _why(self, message: Message) -> str | None:
        for each in (message.id, message.subject, message.type):
            if each in self.refuses:
                return self.refuses[each]
        return None

    @property
    def subjects(self) -> list[str]:
        return [each.subject for each in self.published]


def nothing() -> None:
    """Be told, and do nothing about it."""


def a_fact(order_id: int = 1) -> OrderPlaced:
    """An order that was placed."""
    return OrderPlaced(
        order_id=OrderId(order_id),
        user_id=UserId(1),
        restaurant_id=RestaurantId(1),
        total=Money(2500),
        payment_method="pm_card_visa",
    )


def a_message(fact: Event | None = None, **changes: Any) -> Message:
    """A fact under way."""
    fact = fact or a_fact()
    message = Message(
        id=SystemClock().new_id(),
        type=type_of(fact),
        source="orders",
        subject="order/1",
        version=1,
        time=SystemClock().now(),
        correlation_id="the-request-behind-it",
        traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        data=encode(fact),
    )
    return msgspec.structs.replace(message, **changes)
