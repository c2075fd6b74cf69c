"""The servers that are held against each other, each alone on a database of one PostgreSQL."""

import asyncio
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import monotonic
from urllib.parse import urlsplit

import aiohttp
import asyncpg
import psutil
from bench.load import HERE, Ask, Failed, Load, pgbench, wrk

from ordereats.chassis.clock import SystemClock
from ordereats.chassis.db.migrations import migrate
from ordereats.topology import catalog
from ordereats.topology.local.environment import inherited
from ordereats.topology.local.part import CannotStart, Kind, Part, Process, free_ports, tail
from ordereats.topology.local.postgres import Postgres

PEER = HERE / "peers" / "express-monolith"
PROGRAM = Path(sys.executable).with_name("ordereats")
GROUP = ("users", "restaurants", "orders")
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
    port: int
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
        """Make customers, restaurants and orders, through its API."""
        async with aiohttp.ClientSession(f"http://127.0.0.1:{self.port}") as session:

            async def make(path: str, body: object) -> None:
                async with session.post(path, json=body) as answer:
                    if answer.status != 201:
                        raise Failed(f"{self.name}: POST {path} gave {answer.status}.")

            if not await self.database.fetchval("select count(*) from users"):
                for each in range(1, KNOWN + 1):
                    await make("/users", {"name": "Hieu", "email": f"hieu{each}@test.com"})
                    await make("/restaurants", {"name": f"Pho {each}", "cuisine": "Vietnamese"})
            items = [{"name": "Pho", "qty": 2}]
            order = {"userId": 1, "restaurantId": 1, "items": items, "totalPrice": 25.00}
            for _ in range(orders):
                await make("/orders", order)

    async def load(self, ask: Ask, *, connections: int, seconds: float) -> Load:
        """Have it answer one kind of request for a while.

        Raises:
            Failed: an answer was an error, or orders were answered and not stored.
        """
        run = partial(wrk, ask, port=self.port, connections=connections, seconds=seconds)
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
        await self.database.execute("truncate orders, outbox")

    async def fill(self, orders: int) -> None:
        """Nothing: it is never asked for what is there."""

    async def load(self, _ask: Ask, *, connections: int, seconds: float) -> Load:
        """Store orders for a while."""
        return await pgbench(self.program, self.url, connections=connections, seconds=seconds)

    async def settle(self) -> None:
        """Nothing follows."""


Contender = Server | Bare


@asynccontextmanager
async def postgres() -> AsyncIterator[tuple[Process, Path]]:
    """One PostgreSQL with durable commits, and a folder for logs; both go at the end of the block.

    Raises:
        CannotStart: it is not installed here.
    """
    folder = _open_folder()
    instances = Postgres(folder / "postgres")
    part = instances.part("postgres", folder="bench", port=free_ports(1)[0])
    process = Process(part, folder / "postgres.log")
    try:
        await process.start()
        yield process, folder
    finally:
        await process.stop()
        shutil.rmtree(instances.folder, ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)


@asynccontextmanager
async def express(server: Process, folder: Path) -> AsyncIterator[Server]:
    """The peer, running."""
    if not (PEER / "node_modules").exists():
        await _install()
    async with _database(server, "express") as (url, database):
        settings = {"NODE_ENV": "production", "DATABASE_URL": url}
        async with _process("express", ("node", "index.js"), settings, PEER, folder) as process:
            yield Server(name="Express", process=process, port=_port(process), database=database)


@asynccontextmanager
async def ours(server: Process, folder: Path) -> AsyncIterator[Server]:
    """The part of the monolith that the peer has, running. Events go to a PostgreSQL queue."""
    async with _database(server, "monolith") as (url, database):
        settings = {"DATABASE_URL": url, "BROKER_URL": url}
        command = (str(PROGRAM), "serve", *GROUP)
        async with _process("ordereats", command, settings, folder, folder) as process:
            yield Server(
                name="OrderEats",
                process=process,
                port=_port(process),
                database=database,
                emptied="orders, outbox, idempotency_keys",
                backlog="select count(*) from outbox",
            )


@asynccontextmanager
async def bare(server: Process) -> AsyncIterator[Bare]:
    """Our tables, and nobody who serves them."""
    async with _database(server, "bare") as (url, database):
        await migrate(url, catalog.migrations(GROUP))
        each = f"from generate_series(1, {KNOWN}) as n"
        await database.execute(
            f"insert into users (name, email, created_at) select 'Hieu', n, now() {each}"
        )
        await database.execute(
            f"insert into restaurants (name, created_at) select 'Pho', now() {each}"
        )
        program = Path(server.part.command[0]).with_name("pgbench")
        yield Bare(name="pgbench", program=program, url=url, database=database)


def cpu_s(process: Process) -> float:
    """CPU time of a process and of all that it started, also of those that have ended since."""
    if process.pid is None:
        raise Failed(f"{process.part.name} has ended:\n{tail(process.log)}")
    root = psutil.Process(process.pid)
    total = 0.0
    for each in (root, *root.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):  # it ended just now: its parent has its time
            times = each.cpu_times()
            total += times.user + times.system + times.children_user + times.children_system
    return total


@asynccontextmanager
async def _database(
    server: Process, name: str
) -> "AsyncIterator[tuple[str, asyncpg.Connection[asyncpg.Record]]]":
    owner = await asyncpg.connect(server.url)
    await owner.execute(f"create database {name} template template0")
    await owner.close()
    url = urlsplit(server.url)._replace(path=f"/{name}").geturl()
    connection = await asyncpg.connect(url)
    try:
        yield url, connection
    finally:
        await connection.close()


@asynccontextmanager
async def _process(
    name: str, command: Sequence[str], settings: Mapping[str, str], cwd: Path, logs: Path
) -> AsyncIterator[Process]:
    port = free_ports(1)[0]
    url = f"http://127.0.0.1:{port}"
    part = Part(
        name=name,
        kind=Kind.SERVICE,
        command=tuple(command),
        url=url,
        env={**inherited(), **settings, "PORT": str(port)},
        cwd=cwd,
        ready=partial(_answers, f"{url}/health"),
        ready_within_s=20,
    )
    process = Process(part, logs / f"{name}.log")
    try:
        await process.start()
        yield process
    finally:
        await process.stop()


def _open_folder() -> Path:
    """A folder that PostgreSQL's user can enter, if it has to be another than ours."""
    folder = Path(tempfile.mkdtemp(prefix="ordereats-bench-")).resolve()
    folder.chmod(0o711)
    return folder


async def _answers(url: str) -> bool:
    timeout = aiohttp.ClientTimeout(total=1)
    async with aiohttp.ClientSession(timeout=timeout) as session, session.get(url) as answer:
        return answer.status == 200


async def _install() -> None:
    """Fetch what the peer needs. Its versions are pinned; a lock file would name a registry."""
    command = ("npm", "install", "--no-package-lock", "--no-audit", "--no-fund", "--silent")
    process = await asyncio.create_subprocess_exec(*command, cwd=PEER)
    if await process.wait() != 0:
        raise CannotStart(f"npm could not install the peer: see `npm install` in {PEER}.")


def _port(process: Process) -> int:
    return urlsplit(process.url).port or 0
