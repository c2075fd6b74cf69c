"""Those who are held against each other, each on a database of its own."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any

import aiohttp
import asyncpg

from bench.load import HERE, Ask, Failed, Load, pgbench, wrk
from bench.servers import cpu_s, database, process
from ordereats.chassis.background import Background
from ordereats.chassis.clock import SystemClock
from ordereats.chassis.db.migrations import migrate
from ordereats.chassis.messaging.bus import Queue
from ordereats.chassis.messaging.connect import open_bus
from ordereats.contracts.events import Event, type_of
from ordereats.contracts.orders import OrderPlaced
from ordereats.contracts.restaurants import RestaurantChanged
from ordereats.contracts.users import UserCreated
from ordereats.topology import loading
from ordereats.topology.local.part import CannotStart, Process

PEER = HERE / "peers" / "express-monolith"
PROGRAM = Path(sys.executable).with_name("ordereats")
GROUP = ("users", "restaurants", "orders", "kitchen")
KNOWN = 100
"""How many customers and restaurants there are."""
SETTLE_WITHIN_S = 120.0


@dataclass(frozen=True, kw_only=True)
class Server:
    """A server of orders, running.

    Attributes:
        process: that answers requests.
        database: where it stores them.
        emptied: tables to empty between rounds, so that these are alike.
        backlog: counts what it still has to do when the answers are out.
    """

    name: str
    process: Process
    database: "asyncpg.Connection[asyncpg.Record]"
    emptied: str = "orders"
    backlog: str = "select 0"

    def cpu_s(self) -> float:
        """CPU time that it has used so far."""
        return cpu_s(self.process)

    async def empty(self) -> None:
        """Forget all orders."""
        await self.database.execute(f"truncate {self.emptied}")

    async def fill(self, orders: int) -> None:
        """Place orders, to be read."""
        async with aiohttp.ClientSession(self.process.url) as session:
            for each in range(orders):
                await make(session, "/orders", an_order(each))

    async def load(self, ask: Ask, *, connections: int, seconds: float) -> Load:
        """Have it answer one kind of request for a while.

        Raises:
            Failed: an answer was an error, or orders were answered and not stored.
        """
        run = partial(wrk, ask, url=self.process.url, connections=connections, seconds=seconds)
        if ask is Ask.LIST:
            return await run()
        if ask is Ask.GET:
            return await run(*await self.database.fetchrow("select min(id), max(id) from orders"))
        before = await self._orders()
        done = await (run() if ask is Ask.PLACE_UNKEYED else run(SystemClock().new_id()))
        stored = await self._orders() - before
        if not done.requests <= stored <= done.requests + connections:  # some were under way
            raise Failed(f"{self.name} answered {done.requests} orders and stored {stored}.")
        return done

    async def settle(self) -> None:
        """Wait until all that follows from the answers is done.

        Raises:
            Failed: it is not, for long.
        """
        deadline = monotonic() + SETTLE_WITHIN_S
        while await self.database.fetchval(self.backlog):
            if monotonic() > deadline:
                raise Failed(f"{self.name} still has a backlog after {SETTLE_WITHIN_S:g} s.")
            await asyncio.sleep(0.05)

    async def _orders(self) -> int:
        return int(await self.database.fetchval("select count(*) from orders"))


@dataclass(frozen=True, kw_only=True)
class Bare:
    """The database alone, asked by pgbench for what placing an order stores."""

    name: str
    program: Path
    url: str
    database: "asyncpg.Connection[asyncpg.Record]"

    def cpu_s(self) -> float:
        """There is no server but PostgreSQL."""
        return 0.0

    async def empty(self) -> None:
        """Forget all orders."""
        await self.database.execute("truncate orders, order_moves, outbox")

    async def fill(self, orders: int) -> None:
        """Nothing: it is never asked for what is there."""

    async def load(self, _ask: Ask, *, connections: int, seconds: float) -> Load:
        """Store orders for a while."""
        return await pgbench(self.program, self.url, connections=connections, seconds=seconds)

    async def settle(self) -> None:
        """Nothing follows."""


@asynccontextmanager
async def express(postgres: Process, folder: Path) -> AsyncIterator[Server]:
    """The peer, running."""
    if not (PEER / "node_modules").exists():
        await _install()
    async with database(postgres, "express") as (url, connection):
        settings = {"NODE_ENV": "production", "DATABASE_URL": url}
        async with process("express", ("node", "index.js"), folder, settings, cwd=PEER) as node:
            async with aiohttp.ClientSession(node.url) as session:
                await make_known(session)
            yield Server(name="Express", process=node, database=connection)


@asynccontextmanager
async def ours(
    postgres: Process,
    folder: Path,
    name: str = "OrderEats",
    database_name: str = "monolith",
    **settings: str,
) -> AsyncIterator[Server]:
    """The part of the monolith that the peer has, running. Events go to a PostgreSQL queue.

    Args:
        postgres: where its database is.
        folder: for its log.
        name: in the tables.
        database_name: and its log's.
        settings: of it, if not the usual ones.
    """
    async with database(postgres, database_name) as (url, connection):
        await _want_events(url)
        command = (str(PROGRAM), "serve", *GROUP)
        given = {"DATABASE_URL": url, "BROKER_URL": url, **settings}
        async with process(database_name, command, folder, given) as serving:
            async with aiohttp.ClientSession(serving.url) as session:
                await make_known(session)
            yield Server(
                name=name,
                process=serving,
                database=connection,
                emptied="orders, order_moves, outbox, idempotency_keys, bus_message",
                backlog="select count(*) from outbox",
            )


@asynccontextmanager
async def bare(postgres: Process) -> AsyncIterator[Bare]:
    """Our tables, and nobody who serves them."""
    async with database(postgres, "bare") as (url, connection):
        await migrate(url, loading.migrations(GROUP))
        for table, columns in (("users", "name, email"), ("restaurants", "name, cuisine")):
            await connection.execute(
                f"insert into {table} ({columns}, created_at)"  # noqa: S608  # constants
                f" select 'Pho', n, now() from generate_series(1, {KNOWN}) as n"
            )
        program = Path(postgres.part.command[0]).with_name("pgbench")
        yield Bare(name="pgbench", program=program, url=url, database=connection)


async def make_known(session: aiohttp.ClientSession) -> None:
    """Make customers and restaurants, through the API."""
    for each in range(1, KNOWN + 1):
        await make(session, "/users", {"name": "Hieu", "email": f"hieu{each}@test.com"})
        await make(session, "/restaurants", {"name": f"Pho {each}", "cuisine": "Vietnamese"})


async def make(session: aiohttp.ClientSession, path: str, body: object) -> dict[str, Any]:
    """Have something created; what was answered.

    Raises:
        Failed: it was refused.
    """
    async with session.post(path, json=body) as answer:
        if answer.status != 201:
            raise Failed(f"POST {path} gave {answer.status}: {await answer.text()}")
        made: dict[str, Any] = await answer.json()
        return made


def an_order(number: int) -> dict[str, object]:
    """A basket of one of the customers at one of the restaurants."""
    return {
        "userId": number % KNOWN + 1,
        "restaurantId": number * 7 % KNOWN + 1,
        "items": [{"name": "Pho", "qty": 2}],
        "totalPrice": 25.00,
    }


async def _want_events(url: str) -> None:
    """Make the queues of payments and notifications, as if these had run here before.

    A fact that no queue wants would stay in the outbox, and be tried again and again.
    """
    wanted: dict[str, type[Event]] = {
        "payments.order": OrderPlaced,
        "notifications.order": OrderPlaced,
        "notifications.user": UserCreated,
        "notifications.restaurant": RestaurantChanged,
    }
    async with Background.open() as background:
        bus = open_bus(url, name="bench", background=background)
        await bus.start()
        await bus.declare([Queue(name, (type_of(event),)) for name, event in wanted.items()])
        await bus.close()


async def _install() -> None:
    """Fetch what the peer needs. Its versions are pinned; a lock file would name a registry."""
    command = ("npm", "install", "--no-package-lock", "--no-audit", "--no-fund", "--silent")
    installing = await asyncio.create_subprocess_exec(*command, cwd=PEER)
    if await installing.wait() != 0:
        raise CannotStart(f"npm could not install the peer: see `npm install` in {PEER}.")
