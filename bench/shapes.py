"""What each shape costs as a whole, brought up by its own command: to start, to keep, for an order.

RabbitMQ alone, started the same way in the same run, is what the services can't be better than.
"""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import monotonic
from typing import Any

import aiohttp
import msgspec
import psutil

from bench.contenders import PROGRAM, an_order, make, make_known
from bench.load import Failed
from bench.servers import open_folder, rabbitmq, tree_cpu_s
from ordereats.topology.local.environment import inherited
from ordereats.topology.local.part import free_ports, tail

MONOLITH, SERVICES = "monolith", "services"
RATE = 20
"""Orders a second: few enough that neither shape queues on two cores."""
WARM_UP_S = 3
PAID_WITHIN_S = 60.0
UP_WITHIN_S = 120.0
ASK_AGAIN_S = 0.02


@dataclass(frozen=True)
class Limits:
    """What a shape may take at most, by budgets.md.

    Attributes:
        start_s: until the first order is taken, on a machine that has started it before.
        memory_mb: of everything, each shared page counted once.
    """

    start_s: float
    memory_mb: float


LIMITS = {MONOLITH: Limits(start_s=4, memory_mb=250), SERVICES: Limits(start_s=12, memory_mb=800)}
TIMES_AT_MOST = 3.0
"""What services may cost of the monolith: CPU for an order, and the median of `POST /orders`."""


class Standing(msgspec.Struct, frozen=True):
    """A shape at rest.

    Attributes:
        start_s: from the command to the first order that was taken.
        memory_mb: proportional set size of all its processes, after that order was paid.
        processes: how many they are.
    """

    start_s: float
    memory_mb: float
    processes: int


class Working(msgspec.Struct, frozen=True):
    """A shape at work, at `RATE` orders a second.

    Attributes:
        cpu_ms: of all its processes for an order, from its request until it is paid for.
        answer_ms: the median of `POST /orders`.
    """

    cpu_ms: float
    answer_ms: float


class ShapeCosts(msgspec.Struct, frozen=True):
    """All of it.

    Attributes:
        standing: by shape, each start with its own measurement.
        working: by shape.
        broker: RabbitMQ alone: until it takes connections.
    """

    standing: dict[str, list[Standing]]
    working: dict[str, Working]
    broker: Standing


async def shape_costs(*, seconds: int, rounds: int) -> ShapeCosts:
    """Start each shape several times over, and have it work the last time.

    Raises:
        Failed: one did not come up, or an order was not paid for.
        CannotStart: RabbitMQ is not installed.
    """
    standing: dict[str, list[Standing]] = {MONOLITH: [], SERVICES: []}
    working: dict[str, Working] = {}
    for shape, found in standing.items():
        with open_folder() as home:
            async with up(shape, home):
                pass  # what is made once only: data folders, copies, caches
            for turn in range(rounds):
                async with up(shape, home) as platform:
                    found.append(await platform.standing())
                    if turn == rounds - 1:
                        working[shape] = await platform.work(seconds=seconds)
    return ShapeCosts(standing, working, await _broker_alone())


@asynccontextmanager
async def up(shape: str, home: Path) -> AsyncIterator["Platform"]:
    """Bring a shape up, wait for its first order, and take it down at the end of the block."""
    began, port = monotonic(), free_ports(1)[0]
    log = home / "up.log"
    with log.open("wb") as file:
        process = await asyncio.create_subprocess_exec(
            *(str(PROGRAM), "up", "--topology", shape, "--port", str(port)),
            env={**inherited(), "ORDEREATS_HOME": str(home / "home")},
            stdout=file,
            stderr=file,
        )
    try:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:
            await _first_order(session, process, log)
            yield Platform(session, psutil.Process(process.pid), monotonic() - began)
    finally:
        with suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGTERM)
        await process.wait()


@dataclass(frozen=True)
class Platform:
    """A shape that is up and has taken an order."""

    session: aiohttp.ClientSession
    root: psutil.Process
    start_s: float

    async def standing(self) -> Standing:
        """How it stands once its first order is paid for."""
        await self._all_paid()
        return _standing(self.start_s, self.root)

    async def work(self, *, seconds: int) -> Working:
        """Place orders at fixed times, and wait until each is paid for."""
        await make_known(self.session)
        await self._place(WARM_UP_S * RATE)
        await self._all_paid()
        before = tree_cpu_s(self.root)
        answers_ms = await self._place(seconds * RATE)
        await self._all_paid()
        cpu_ms = (tree_cpu_s(self.root) - before) * 1000 / len(answers_ms)
        return Working(cpu_ms=cpu_ms, answer_ms=median(answers_ms))

    async def _place(self, orders: int) -> list[float]:
        began = monotonic()
        answers_ms = []

        async def one(number: int) -> None:
            due = began + number / RATE
            await asyncio.sleep(due - monotonic())
            await make(self.session, "/orders", an_order(number))
            answers_ms.append((monotonic() - due) * 1000)

        async with asyncio.TaskGroup() as tasks:
            for number in range(orders):
                tasks.create_task(one(number))
        return answers_ms

    async def _all_paid(self) -> None:
        deadline = monotonic() + PAID_WITHIN_S
        while await _get(self.session, "/orders?status=pending&limit=1"):
            if monotonic() > deadline:
                raise Failed(f"Orders are not paid for after {PAID_WITHIN_S:g} s.")
            await asyncio.sleep(ASK_AGAIN_S)


async def _first_order(
    session: aiohttp.ClientSession, process: asyncio.subprocess.Process, log: Path
) -> None:
    deadline = monotonic() + UP_WITHIN_S
    while True:
        if process.returncode is not None or monotonic() > deadline:
            raise Failed(f"`ordereats up` did not come up:\n{tail(log)}")
        with suppress(aiohttp.ClientError):
            async with session.get("/health") as answer:
                if answer.status == 200:
                    break
        await asyncio.sleep(ASK_AGAIN_S)
    email = f"first.{os.getpid()}.{monotonic()}@test.com"
    user = await make(session, "/users", {"name": "Hieu", "email": email})
    place = {"name": "Pho Saigon", "cuisine": "Vietnamese"}
    restaurant = await make(session, "/restaurants", place)
    order = {**an_order(0), "userId": user["id"], "restaurantId": restaurant["id"]}
    await make(session, "/orders", order)


async def _get(session: aiohttp.ClientSession, path: str) -> list[Any]:
    async with session.get(path) as answer:
        if answer.status != 200:
            raise Failed(f"GET {path} gave {answer.status}: {await answer.text()}")
        found: list[Any] = await answer.json()
    return found


async def _broker_alone() -> Standing:
    with open_folder() as folder:
        async with rabbitmq(folder):
            pass  # its first start makes its database
        began = monotonic()
        async with rabbitmq(folder) as server:
            if server.pid is None:
                raise Failed("RabbitMQ has ended.")
            return _standing(monotonic() - began, psutil.Process(server.pid))


def _standing(start_s: float, root: psutil.Process) -> Standing:
    processes: Sequence[psutil.Process] = [root, *root.children(recursive=True)]
    total = 0
    for each in processes:
        with suppress(psutil.NoSuchProcess):  # it ended just now
            total += each.memory_full_info().pss
    return Standing(start_s, total / 1e6, len(processes))
