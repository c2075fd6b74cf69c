"""What tests stand on: real servers on free ports, started here; nothing is assumed to run."""

import asyncio
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import NoReturn

import pytest
import structlog

from ordereats.chassis.config import Environment
from ordereats.topology.local.part import CannotStart, Process, free_ports
from ordereats.topology.local.postgres import Postgres
from support.builders import fresh_database
from support.rabbitmq import rabbitmq

pytest_plugins = ["support.transports", "support.turns", "support.containers.stack"]


@pytest.fixture(scope="session", autouse=True)
def anyio_backend() -> str:
    """Run async tests and fixtures, also those that sync tests ask for, on asyncio."""
    return "asyncio"


@pytest.fixture(scope="session", autouse=True)
def ctrl_c_is_heard() -> None:
    """Let processes that tests start hear Ctrl-C, also where a shell had it ignored (`… &`)."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def plain_logs() -> None:
    """Log alike in every test, whatever the one before has configured.

    Tracebacks are printed as Python does: drawing all their variables takes half a second.
    """
    structlog.reset_defaults()
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback),
        ]
    )


@pytest.fixture(scope="session")
def missing() -> Callable[[str], NoReturn]:
    """Call with what this machine lacks: skips by that name, or fails with REQUIRE_ALL=1."""

    def skip_or_fail(what: str) -> NoReturn:
        if Environment().text("REQUIRE_ALL", "") == "1":
            pytest.fail(f"REQUIRE_ALL=1, and missing here: {what}")
        pytest.skip(f"missing here: {what}")

    return skip_or_fail


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """Give a folder that every user can enter: pytest's own are closed to PostgreSQL's user."""
    yield from _open_folder()


@pytest.fixture(scope="session")
def session_folder() -> Iterator[Path]:
    """Give a folder for the servers of this test run, which every user can enter."""
    yield from _open_folder()


@pytest.fixture(scope="session")
def until() -> Callable[..., Awaitable[None]]:
    """Call to wait for a condition, with a deadline, where nothing tells when it comes true."""

    async def wait(condition: Callable[[], bool], *, within_s: float = 30) -> None:
        async with asyncio.timeout(within_s):
            while not condition():  # noqa: ASYNC110  # what happens in other processes sends no event
                await asyncio.sleep(0.02)

    return wait


@pytest.fixture(scope="session")
def postgres(session_folder: Path, missing: Callable[[str], NoReturn]) -> Iterator[Postgres]:
    """Give a place for PostgreSQL instances, which copies one template for each."""
    try:
        postgres = Postgres(session_folder / "postgres")
    except CannotStart as reason:
        missing(str(reason))
    yield postgres
    shutil.rmtree(postgres.folder)


@pytest.fixture(scope="session")
async def postgres_server(session_folder: Path, postgres: Postgres) -> AsyncIterator[Process]:
    """One real PostgreSQL for the whole run: `url`, `start`, `stop`, `kill`.

    Who stops or kills it starts it again, for it is shared.
    """
    part = postgres.part("postgres", folder="tests", port=free_ports(1)[0])
    server = Process(part, session_folder / "postgres.log")
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def database_url(postgres_server: Process) -> AsyncIterator[str]:
    """Give the address of a fresh, empty database, which is dropped after the test."""
    async with fresh_database(postgres_server) as url:
        yield url


@pytest.fixture(scope="session")
async def rabbitmq_server(
    session_folder: Path, missing: Callable[[str], NoReturn]
) -> AsyncIterator[Process]:
    """One real RabbitMQ for the whole run: `url`, `start`, `stop`, `kill`.

    It keeps its port and its data. Who stops or kills it starts it again, for it is shared.
    """
    async with rabbitmq(session_folder / "rabbitmq", missing) as server:
        yield server


def _open_folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="ordereats-test-")).resolve()
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)
