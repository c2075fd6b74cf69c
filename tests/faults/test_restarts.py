"""Every part of ours is restarted under load, one after the other, and no request fails."""

from collections.abc import AsyncIterator, Callable
from itertools import count
from pathlib import Path
from typing import Any, NoReturn

import asyncpg
import pytest

from ordereats.topology.catalog import SERVICES
from ordereats.topology.local.rabbitmq import installed_server
from support.audit import audited
from support.platform import Answer, Platform, Shape, until
from support.traffic import Ask, steadily

pytestmark = [pytest.mark.alone]

PER_SECOND = 10
"""Orders, and nine times as many who look: a hundred requests a second."""
LOOKS = 3
"""Of each kind, for each order."""
SERVICES_SHAPE = Shape("services", "rabbitmq")
MONOLITH_SHAPE = Shape("monolith", "postgres")
CALM = {"SHEDDING": "off", "REQUEST_DEADLINE_SECONDS": "30"}
"""A machine that is busy with other things may be slow: that is no request failed by a restart."""


class Customers:
    """They order, and ask for the same three things, all the time.

    Attributes:
        placed: the answers to orders.
    """

    def __init__(self, platform: Platform, earlier: int) -> None:
        self._platform = platform
        self._earlier = earlier
        self._keys = count()

    def kinds(self) -> dict[str, Ask]:
        looks: dict[str, Ask] = {"look": self._look, "browse": self._browse, "who": self._who}
        often = {f"{kind} {nth}": ask for kind, ask in looks.items() for nth in range(LOOKS)}
        return {"order": self._order, **often}

    async def _order(self) -> Answer:
        key = f"restarts-{next(self._keys)}"
        return await self._platform.post_once("/orders", self._platform.an_order(), key)

    async def _look(self) -> Answer:
        return await self._platform.get(f"/orders/{self._earlier}")

    async def _browse(self) -> Answer:
        return await self._platform.get("/restaurants?limit=10")

    async def _who(self) -> Answer:
        return await self._platform.get(f"/users/{self._platform.user_id}")


@pytest.fixture
async def platform(
    request: pytest.FixtureRequest, open_folder: Path, missing: Callable[[str], NoReturn]
) -> AsyncIterator[Platform]:
    shape: Shape = request.param
    if shape.broker == "rabbitmq" and installed_server() is None:
        missing("rabbitmq-server")
    async with Platform.up(shape, open_folder / "home", **CALM) as started:
        await started.furnish()
        yield started


@pytest.mark.timeout(400)  # under a minute on a machine that has nothing else to do
@pytest.mark.parametrize(
    ("platform", "parts"),
    [(SERVICES_SHAPE, [*SERVICES, "gateway"]), (MONOLITH_SHAPE, ["monolith"] * 2)],
    ids=str,
    indirect=["platform"],
)
async def test_each_part_is_restarted_under_load_and_no_request_fails(
    platform: Platform, parts: list[str]
) -> None:
    before = await platform.parts()
    customers = Customers(platform, await platform.place())

    async with steadily(customers.kinds(), per_second=PER_SECOND) as traffic:
        await traffic.watch(PER_SECOND)
        for name in parts:
            await platform.run("restart", name)
            await traffic.watch(PER_SECOND // 2)
    sample = await traffic.all()

    answers = [(kind, each) for kind in sample.asked for each in sample.answers(kind)]
    assert [each for each in answers if each[1].status not in {200, 201}] == []
    after = await platform.parts()
    changed = {name for name in after if after[name]["pid"] != before[name]["pid"]}
    assert changed == set(parts)
    assert {part["restarts"] for part in after.values()} == {0}
    placed = [int(each.body["id"]) for each in sample.answers("order")]
    await _until_each_is_there_once_and_paid(platform, placed)
    await audited(platform)


async def _until_each_is_there_once_and_paid(platform: Platform, placed: list[int]) -> None:
    database: Any = (await platform.parts()).get("orders") or (await platform.parts())["monolith"]
    connection = await asyncpg.connect(database["database"])

    async def all_are_paid() -> bool:
        waiting = "select exists (select from orders where status <> 'paid')"
        return not await connection.fetchval(waiting)

    try:
        await until(all_are_paid, within_s=30, what="all orders to be paid", every_s=0.3)
        stored = [row["id"] for row in await connection.fetch("select id from orders")]
    finally:
        await connection.close()
    assert len(set(placed)) == len(placed)
    assert len(stored) == len(placed) + 1  # and the one before
    assert set(placed) < set(stored)
    assert set((await platform.charges()).values()) == {1}
