"""A database with the chassis' own tables, and what stands on it."""

import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from ordereats.chassis.db.migrations import migrate
from ordereats.chassis.db.pool import Database
from ordereats.chassis.service import CHASSIS_TABLES
from ordereats.topology.local.part import Process, free_ports
from ordereats.topology.local.postgres import Postgres


@pytest.fixture
async def chassis_url(database_url: str) -> str:
    """Give the address of a fresh database with outbox, inbox and idempotency keys."""
    await migrate(database_url, [CHASSIS_TABLES])
    return database_url


@pytest.fixture
async def database(chassis_url: str) -> AsyncIterator[Database]:
    async with Database.open(chassis_url, name="tests") as database:
        yield database


@pytest.fixture
async def things(database: Database) -> Database:
    """Give a database with a table."""
    await database.execute("create table things (id int primary key, email text unique)")
    return database


@pytest.fixture
async def own_server(postgres: Postgres, open_folder: Path) -> AsyncIterator[Process]:
    """Give a server that a test may kill."""
    part = postgres.part("postgres", folder=open_folder.name, port=free_ports(1)[0])
    server = Process(part, open_folder / "postgres.log")
    await server.start()
    yield server
    await server.kill()


def signal_family(server: Process, what: signal.Signals) -> None:
    """Send a signal to a server and all of its processes: SIGSTOP makes it say nothing more."""
    assert server.pid is not None
    leader = psutil.Process(server.pid)
    for each in (leader, *leader.children(recursive=True)):
        os.kill(each.pid, what)
