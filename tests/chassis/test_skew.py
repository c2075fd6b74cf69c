"""Two clocks that differ are said, once, until they agree again."""

from datetime import datetime, timedelta
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from ordereats.chassis.clock import SystemClock
from ordereats.chassis.db.pool import Database
from ordereats.chassis.skew import Skew
from ordereats.topology.local.part import free_ports


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
            assert said in await skew.check()
        clock.off_s = 0
        assert await skew.check() == ""

    first, last = [each for each in logs if each["event"].startswith("clock_")]
    assert (first["event"], first["database"]) == ("clock_differs", "orders")
    assert first["behind_s"] == pytest.approx(behind_s, abs=2)
    assert last["event"] == "clock_agrees"


async def test_clocks_that_agree_but_for_a_little_are_fine(database: Database) -> None:
    assert await Skew("orders", database, WrongClock(1)).check() == ""


async def test_a_database_that_does_not_answer_has_a_check_of_its_own() -> None:
    nobody = f"postgres://me:secret@127.0.0.1:{free_ports(1)[0]}/none"
    async with Database.open(nobody, name="tests") as database:
        assert await Skew("orders", database, WrongClock(99)).check() == ""
