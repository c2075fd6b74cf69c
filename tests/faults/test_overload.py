"""Three times what a process can do: most of what it can is done, the rest is told so at once."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median
from typing import Any

import msgspec
import pytest

from ordereats.topology.local.part import Process
from support.builders import NOBODY, a_restaurant, a_user, an_order, fresh_database, until_true
from support.crowd import Crowd, Kind, Report, gathered
from support.served import Served

pytestmark = pytest.mark.alone  # it is about time

USEFUL_S = 1.0
"""An answer that comes later has been given up by whoever waited for it."""


def asking(method: str, path: str, body: object = None) -> bytes:
    content = b"" if body is None else msgspec.json.encode(body)
    head = f"{method} {path} HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content


SEARCH = Kind("search", asking("GET", "/restaurants?q=Pho"), weight=15)
READ = Kind("read", asking("GET", "/orders/1"), weight=4)
CHECKOUT = Kind("checkout", asking("POST", "/orders", an_order()))
MIX = (CHECKOUT, READ, SEARCH)


@dataclass(frozen=True)
class Round:
    """What came of a crowd.

    Attributes:
        waited_s: for how long of it the process waited for a core, because others had them all.
    """

    report: Report
    waited_s: float

    @property
    def useful(self) -> int:
        """Answers that were of use."""
        return sum(
            took_s <= USEFUL_S
            for tally in self.report.tallies.values()
            for status, times in tally.took_s.items()
            for took_s in times
            if status < 300
        )

    @property
    def per_second(self) -> float:
        """Such answers in a second."""
        return self.useful / self.report.seconds

    @property
    def rate(self) -> float:
        """Such answers in a second for which it had a core, if it had something to do.

        So that what else the machine does meanwhile is not counted against it.
        """
        return self.useful / (self.report.seconds - self.waited_s)

    def refused(self, kind: Kind) -> float:
        """The share of a kind that was refused."""
        took_s = self.report.tallies[kind.name].took_s
        return len(took_s.get(503, ())) / sum(map(len, took_s.values()))


class Shop:
    """Users, restaurants and orders in one process, with a hundred restaurants to look for."""

    def __init__(self, served: Served) -> None:
        self.client = served.client
        self._port = served.port
        self._process = served.process.pid

    @classmethod
    @asynccontextmanager
    async def up(cls, server: Process, folder: Path, **settings: str) -> "AsyncIterator[Shop]":
        names = ("users", "restaurants", "orders")
        async with fresh_database(server) as url:
            settings |= {"DATABASE_URL": url, "KITCHEN_URL": NOBODY, "LOG_LEVEL": "warning"}
            async with Served.start(*names, folder=folder, **settings) as served:
                shop = cls(served)
                await shop._furnish()
                yield shop

    async def _furnish(self) -> None:
        await self.client.post("/users", a_user())
        for _ in range(100):
            await self.client.post("/restaurants", a_restaurant())
        assert (await self.client.post("/orders", an_order())).status == 201
        await self.busy(seconds=2)

    async def busy(self, *kinds: Kind, seconds: float) -> Round:
        """Keep it as busy as it can be while nobody has to be refused."""
        return await self._crowd(*kinds, seconds=seconds, clients=24)

    async def swamped(self, *kinds: Kind, rate: float, seconds: float) -> Round:
        """Ask so much a second of it, whatever it answers; by more than it may let in at once."""
        return await self._crowd(*kinds, seconds=seconds, clients=800, rate=rate)

    async def _crowd(self, *kinds: Kind, **how: Any) -> Round:
        before_s = waited_s(self._process)
        report = await gathered(Crowd(port=self._port, kinds=kinds or (SEARCH,), **how))
        return Round(report, waited_s(self._process) - before_s)


@pytest.fixture(scope="module")
async def shop(postgres_server: Process, session_folder: Path) -> AsyncIterator[Shop]:
    async with Shop.up(postgres_server, session_folder) as shop:
        yield shop


async def test_three_times_the_capacity_leaves_four_fifths_of_it(shop: Shop) -> None:
    before = await shop.busy(*MIX, seconds=1.5)
    shares: list[float] = []

    for _ in range(3):
        during = await shop.swamped(*MIX, rate=3 * before.per_second, seconds=3)
        after = await shop.busy(*MIX, seconds=1.5)
        shares.append(during.rate / mean((before.rate, after.rate)))
        before = after

    assert median(shares) >= 0.8, shares


async def test_without_the_limit_hardly_anyone_is_answered_in_time(
    postgres_server: Process, session_folder: Path
) -> None:
    async with Shop.up(postgres_server, session_folder, SHEDDING="off") as shop:
        capacity = (await shop.busy(*MIX, seconds=1.5)).rate

        swamped = await shop.swamped(*MIX, rate=3 * capacity, seconds=4)

        assert swamped.rate < 0.6 * capacity


async def test_what_matters_most_is_refused_last_and_all_is_well_again_soon(shop: Shop) -> None:
    busy = await shop.busy(*MIX, seconds=1.5)
    half = busy.per_second / 2
    before = await shop.swamped(*MIX, rate=half, seconds=1)

    overload = await shop.swamped(*MIX, rate=3 * busy.per_second, seconds=4)

    tallies = overload.report.tallies.values()
    assert not any(each.broken or each.unfounded for each in tallies)
    assert {status for each in tallies for status in each.took_s} <= {200, 201, 503}
    assert overload.refused(SEARCH) > 0.3
    assert overload.refused(CHECKOUT) < 0.5 * overload.refused(SEARCH)
    assert overload.refused(READ) <= overload.refused(SEARCH)
    refusals_s = sorted(took_s for each in tallies for took_s in each.took_s.get(503, ()))
    assert refusals_s[int(0.95 * len(refusals_s))] < 0.25

    async def is_well() -> bool:
        after = await shop.swamped(*MIX, rate=half, seconds=1)
        return not any(after.refused(kind) for kind in MIX) and after.useful >= 0.9 * before.useful

    await until_true(is_well, within_s=30)


def waited_s(process: int) -> float:
    """How long a process has waited for a core until now; where that is not told, never."""
    told = Path(f"/proc/{process}/schedstat")
    return int(told.read_text().split()[1]) / 1e9 if told.exists() else 0.0
