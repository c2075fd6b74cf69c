"""The release before and this one side by side, on the same databases and the same broker.

That is what a deployment is while it lasts, and what it is for longer when it is taken back.
"""

import asyncio
import shutil
import subprocess
import sys
import tarfile
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from io import BytesIO
from itertools import count
from pathlib import Path
from typing import Any, NoReturn, Self

import aiohttp
import pytest

from ordereats.topology.local.environment import inherited
from ordereats.topology.local.part import Kind, Part, Process, free_ports
from ordereats.topology.local.probe import says_ready
from support.audit import audited
from support.builders import fresh_database
from support.platform import PROGRAM, Answer, Platform, Shape, until
from support.rabbitmq import rabbitmq
from support.relentless import Crowd
from support.served import Served

ROOT = Path(__file__).parents[2]
RECORDED = Path(__file__).with_name("previous-release")
ASKING = ("orders", "payments", "notifications")
ASKED = ("users", "restaurants", "kitchen", "deliveries")
PATHS = {"couriers": "deliveries"}
AT_ONCE = 6
"""Orders under way."""
SERVED_EACH = 8
"""Orders that have begun in each phase before the next."""


class Deployed(Platform):
    """Processes of two versions, each answering its share of the requests.

    Attributes:
        running: those that answer, by their services, and where they do.
    """

    def __init__(
        self, folder: Path, http: aiohttp.ClientSession, previous: Path, told: dict[str, str]
    ) -> None:
        super().__init__(Shape("skewed", "rabbitmq"), folder, http, told)
        self.running: dict[tuple[str, ...], dict[Served, str]] = {ASKING: {}, ASKED: {}}
        self._previous = {"PYTHONPATH": str(previous / "src")}
        self._told = told
        self._turns = count()
        self._stack = AsyncExitStack()

    @classmethod
    @asynccontextmanager
    async def empty(cls, folder: Path, previous: Path, told: dict[str, str]) -> AsyncIterator[Self]:
        timeout = aiohttp.ClientTimeout(total=30)
        async with aiohttp.ClientSession(timeout=timeout) as http:
            deployed = cls(folder, http, previous, told)
            async with deployed._stack:
                yield deployed

    async def serve(
        self, names: tuple[str, ...], *, by_previous: bool, asks: Served | None = None
    ) -> Served:
        """Start a process; `asks` answers what these services ask of others."""
        told = dict(self._told)
        if asks is not None:
            told |= {f"{name.upper()}_URL": self.running[ASKED][asks] for name in ASKED}
        served = await self._stack.enter_async_context(
            Served.start(
                *names,
                folder=self.home,
                program=(sys.executable, "-m", "ordereats.cli.main"),
                **(self._previous if by_previous else {}),
                **told,
            )
        )
        self.running[names][served] = _address(served)
        return served

    async def withdraw(self, names: tuple[str, ...], served: Served) -> None:
        """Send no more requests to a process, and stop it."""
        del self.running[names][served]
        assert await served.stop() == 0

    async def ask(
        self, method: str, path: str, body: object = None, *, at: str | None = None, **how: Any
    ) -> Answer:
        service = path.split("/")[1].partition("?")[0]
        names = ASKING if PATHS.get(service, service) in ASKING else ASKED
        answering = list(self.running[names].values())
        turn = answering[next(self._turns) % len(answering)]
        return await super().ask(method, path, body, at=at or turn, **how)


@pytest.fixture
def previous(tmp_path: Path, missing: Callable[[str], NoReturn]) -> Path:
    """Give the tree of the release before this one."""
    tagged = _git("describe", "--tags", "--abbrev=0", "HEAD^")
    name = tagged.stdout.decode().strip() or RECORDED.read_text(encoding="utf-8").strip()
    packed = _git("archive", name, "src")
    if packed.returncode != 0:
        missing(f"the history of the repository as far back as {name}")
    folder = tmp_path / "previous"
    folder.mkdir()
    with tarfile.open(fileobj=BytesIO(packed.stdout)) as tree:
        tree.extractall(folder, filter="data")
    return folder


@pytest.fixture
async def deployed(
    previous: Path,
    open_folder: Path,
    postgres_server: Process,
    missing: Callable[[str], NoReturn],
) -> AsyncIterator[Deployed]:
    """Give a broker, two databases and a provider; no service runs yet."""
    payments, sandbox = free_ports(2)
    async with (
        rabbitmq(open_folder / "rabbitmq", missing) as broker,
        fresh_database(postgres_server) as asking,
        fresh_database(postgres_server) as asked,
        _provider(open_folder, sandbox, payments),
    ):
        databases = {f"{name.upper()}_DATABASE_URL": asking for name in ASKING}
        databases |= {f"{name.upper()}_DATABASE_URL": asked for name in ASKED}
        told = {
            **databases,
            "BROKER_URL": broker.url,
            "STRIPE_API_BASE": f"http://127.0.0.1:{sandbox}",
            "SHEDDING": "off",
        }
        async with Deployed.empty(open_folder, previous, told) as deployed:
            yield deployed


@pytest.mark.alone
@pytest.mark.timeout(300)
async def test_both_versions_serve_one_platform_and_the_earlier_one_can_come_back(
    deployed: Deployed,
) -> None:
    old_asked = await deployed.serve(ASKED, by_previous=True)
    old_asking = await deployed.serve(ASKING, by_previous=True, asks=old_asked)
    await deployed.furnish()
    stop = asyncio.Event()

    async with Crowd.at_work(deployed) as crowd, asyncio.TaskGroup() as ordering:
        ordering.create_task(crowd.keep_ordering(AT_ONCE, stop))
        await _begun(crowd, SERVED_EACH)
        new_asked = await deployed.serve(ASKED, by_previous=False)
        new_asking = await deployed.serve(ASKING, by_previous=False, asks=old_asked)
        await _begun(crowd, SERVED_EACH)
        await deployed.withdraw(ASKING, new_asking)
        again = await deployed.serve(ASKING, by_previous=True, asks=new_asked)
        await deployed.withdraw(ASKING, old_asking)
        await _begun(crowd, SERVED_EACH)
        stop.set()

    await deployed.withdraw(ASKED, new_asked)
    assert set(crowd.states.values()) == {"delivered", "cancelled"}
    assert len(crowd.states) >= 3 * SERVED_EACH
    for served in (old_asked, again):
        assert (await deployed.get("/health/ready", at=_address(served))).body["status"] == "ready"
    await audited(deployed)


def _address(served: Served) -> str:
    return f"http://127.0.0.1:{served.port}"


async def _begun(crowd: Crowd, more: int) -> None:
    least = len(crowd.kinds) + more

    async def are() -> bool:
        return len(crowd.kinds) >= least

    await until(are, within_s=60, what=f"{more} more orders")


@asynccontextmanager
async def _provider(folder: Path, port: int, payments: int) -> AsyncIterator[None]:
    webhooks = f"http://127.0.0.1:{payments}/payments/webhooks/stripe"
    data = folder / "sandbox"
    part = Part(
        name="sandbox",
        kind=Kind.SANDBOX,
        command=(str(PROGRAM), "sandbox", "--port", str(port), "--data", str(data)),
        url=f"http://127.0.0.1:{port}",
        env={**inherited(), "SANDBOX_WEBHOOK_URL": webhooks},
        ready=lambda: says_ready(port),
    )
    process = Process(part, folder / "sandbox.log")
    await process.start()
    yield
    await process.stop()


def _git(*arguments: str) -> "subprocess.CompletedProcess[bytes]":
    program = shutil.which("git") or "git"
    return subprocess.run((program, *arguments), cwd=ROOT, capture_output=True, check=False)
