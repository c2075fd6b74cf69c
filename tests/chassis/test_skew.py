"""Two clocks that differ are said, once, until they agree again."""

import asyncio
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from ordereats.chassis.clock import SystemClock
from ordereats.chassis.db.pool import Database
from ordereats.chassis.skew import Skew
from support.builders import running


class WrongClock:
    """This machine's, and so the database's, but for what a test says."""

    def __init__(self, off_s: float = 0) -> None:
        self.off_s = off_s

    def now(self) -> datetime:
        return SystemClock().now() + timedelta(seconds=self.off_s)

    def new_id(self) -> UUID:
        return SystemClock().new_id()


@pytest.mark.parametrize(
    ("off_s", "said", "behind_s"),
    [(-3600, "s behind the database's", 3600), (30, "s ahead of the database's", -30)],
)
async def test_a_wrong_clock_is_said_once_and_so_is_that_it_is_right_again(
    database: Database, off_s: float, said: str, behind_s: float
) -> None:
    clock = WrongClock(off_s)
    skew = Skew("orders", database, clock)
    with capture_logs() as logs:
        for _ in range(2):
            await skew.look()
            assert said in await skew.check()
        clock.off_s = 0
        await skew.look()
        assert await skew.check() == ""

    first, last = [each for each in logs if each["event"].startswith("clock_")]
    assert (first["event"], first["database"]) == ("clock_differs", "orders")
    assert first["behind_s"] == pytest.approx(behind_s, abs=2)
    assert last["event"] == "clock_agrees"


async def test_clocks_that_agree_but_for_a_little_are_fine(database: Database) -> None:
    skew = Skew("orders", database, WrongClock(1))

    await skew.look()

    assert await skew.check() == ""


async def test_each_process_that_serves_looks_by_itself(database_url: str) -> None:
    async with running(["users"], database_url) as here:
        ready = (await here.client.get("/health/ready")).json()
        tasks = {task.get_name() for task in asyncio.all_tasks()}

    assert "job clock" in tasks
    assert {each["name"]: each["status"] for each in ready["checks"]}["clock users"] == "ready"
