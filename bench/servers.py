"""Real processes for a benchmark: PostgreSQL, databases on it, servers. Sends no load."""

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import asyncpg
import psutil

from bench.load import Failed
from ordereats.topology.local.environment import inherited
from ordereats.topology.local.part import Kind, Part, Process, free_ports, tail
from ordereats.topology.local.postgres import Postgres
from ordereats.topology.local.rabbitmq import RabbitMQ


@asynccontextmanager
async def postgres() -> AsyncIterator[tuple[Process, Path]]:
    """One PostgreSQL with durable commits, and a folder for logs; both go at the end of the block.

    Raises:
        CannotStart: it is not installed here.
    """
    with open_folder() as folder:
        instances = Postgres(folder / "postgres")
        part = instances.part("postgres", folder="bench", port=free_ports(1)[0])
        command = (*part.command, "--track_commit_timestamp=on")  # life.py reads them
        server = Process(replace(part, command=command), folder / "postgres.log")
        try:
            await server.start()
            yield server, folder
        finally:
            await server.stop()
            shutil.rmtree(instances.folder, ignore_errors=True)


@asynccontextmanager
async def rabbitmq(folder: Path) -> AsyncIterator[Process]:
    """A RabbitMQ of our own, for the length of a block.

    Raises:
        CannotStart: it is not installed here.
    """
    part = RabbitMQ(folder / "rabbitmq").part(port=free_ports(1)[0])
    server = Process(part, folder / "rabbitmq.log")
    try:
        await server.start()
        yield server
    finally:
        await server.stop()


def cpu_s(process: Process) -> float:
    """CPU time of a part of ours, as `tree_cpu_s`.

    Raises:
        Failed: it has ended.
    """
    if process.pid is None:
        raise Failed(f"{process.part.name} has ended:\n{tail(process.log)}")
    return tree_cpu_s(psutil.Process(process.pid))


def tree_cpu_s(root: psutil.Process) -> float:
    """CPU time of a process and of all that it started, also of those that have ended since."""
    total = 0.0
    for each in (root, *root.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):  # it ended just now: its parent has its time
            times = each.cpu_times()
            total += times.user + times.system + times.children_user + times.children_system
    return total


@asynccontextmanager
async def database(
    postgres: Process, name: str
) -> "AsyncIterator[tuple[str, asyncpg.Connection[asyncpg.Record]]]":
    """A new, empty database: its address, and a connection to it."""
    owner = await asyncpg.connect(postgres.url)
    await owner.execute(f"create database {name} template template0")
    await owner.close()
    url = urlsplit(postgres.url)._replace(path=f"/{name}").geturl()
    connection = await asyncpg.connect(url)
    try:
        yield url, connection
    finally:
        await connection.close()


@asynccontextmanager
async def process(
    name: str,
    command: Sequence[str],
    folder: Path,
    settings: Mapping[str, str] | None = None,
    *,
    cwd: Path | None = None,
) -> AsyncIterator[Process]:
    """A server that answers `GET /health` on a free port.

    Args:
        name: of it and of its log.
        command: `{port}` stands for the port; it is also in the environment.
        folder: for the log.
        settings: its environment.
        cwd: where it runs, if that matters.
    """
    port = free_ports(1)[0]
    url = f"http://127.0.0.1:{port}"
    part = Part(
        name=name,
        kind=Kind.SERVICE,
        command=tuple(each.replace("{port}", str(port)) for each in command),
        url=url,
        env={**inherited(), **(settings or {}), "PORT": str(port)},
        cwd=cwd or folder,
        ready=partial(_answers, f"{url}/health"),
        ready_within_s=20,
    )
    server = Process(part, folder / f"{name}.log")
    try:
        await server.start()
        yield server
    finally:
        await server.stop()


@contextmanager
def open_folder() -> Iterator[Path]:
    """A folder that PostgreSQL's user can enter, if it has to be another than ours."""
    folder = Path(tempfile.mkdtemp(prefix="ordereats-bench-")).resolve()
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _answers(url: str) -> bool:
    timeout = aiohttp.ClientTimeout(total=1)
    async with aiohttp.ClientSession(timeout=timeout) as session, session.get(url) as answer:
        return answer.status == 200
