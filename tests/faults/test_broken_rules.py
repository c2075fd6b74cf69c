"""Each rule that keeps events is broken on purpose, in a real process: the audit has to see it.

The same crash leaves nothing behind where the rule is kept.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path

import aiohttp
import asyncpg
import pytest

from ordereats.chassis.clock import SystemClock
from ordereats.chassis.failpoints import CRASHED
from ordereats.topology import catalog
from ordereats.topology.audit.reading import read
from ordereats.topology.audit.report import check
from support.builders import NOBODY
from support.platform import until
from support.served import PROGRAM, Served

KEPT: tuple[str, ...] = (str(PROGRAM),)
TESTS = str(Path(__file__).parents[1])
WITHIN_S = 90
"""Long: what fails on a busy machine is tried again later, and later."""
PHO = {"name": "Pho", "qty": 2}
ORDER = {"userId": 1, "restaurantId": 1, "items": [PHO], "totalPrice": "25.00"}

# Which rule; where the process crashes; what the audit then says.
BROKEN = [
    (
        "acknowledge_before_commit",
        "transaction.done:payments.order ordereats.order.placed.v1",
        "order/1 has no payment",
    ),
    (
        "publish_before_commit",
        "transaction.done:POST /orders",
        "payment/1 is for order 1, which is lost",
    ),
    (
        "no_inbox",
        "transaction.committed:payments.order ordereats.order.placed.v1",
        "payment/1 follows from order 1, and no inbox has noted it",
    ),
]
RULES = [rule for rule, _, _ in BROKEN]


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("rule", "place", "said"), BROKEN, ids=RULES)
async def test_the_audit_sees_what_comes_of_a_broken_rule(
    open_folder: Path, database_url: str, rule: str, place: str, said: str
) -> None:
    program = (sys.executable, "-m", "support.broken", rule)

    await _crash_with_an_order(program, place, open_folder, database_url)

    assert said in await _found_after_all(program, open_folder, database_url)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("place", [place for _, place, _ in BROKEN], ids=RULES)
async def test_it_sees_nothing_where_the_rule_is_kept(
    open_folder: Path, database_url: str, place: str
) -> None:
    await _crash_with_an_order(KEPT, place, open_folder, database_url)

    assert await _found_after_all(KEPT, open_folder, database_url) == ""


async def _crash_with_an_order(
    program: tuple[str, ...], place: str, folder: Path, database_url: str
) -> None:
    """Place an order; whoever has it at work crashes there."""
    async with _served(program, folder, database_url, f"{place}=crash") as served:
        client = served.client
        await client.post("/users", {"name": "Hieu", "email": "hieu@test.com"})
        await client.post("/restaurants", {"name": "Pho Saigon", "cuisine": "Vietnamese"})
        with suppress(aiohttp.ClientError):  # its process may die before it answers
            placed = await client.post("/orders", ORDER)
            assert placed.status == 201, served.output
        with suppress(TimeoutError):
            async with asyncio.timeout(WITHIN_S):
                await served.process.wait()
        assert served.process.returncode == CRASHED, served.output


async def _found_after_all(program: tuple[str, ...], folder: Path, database_url: str) -> str:
    """Start again, let what is on its way arrive, and audit."""
    async with _connected(database_url) as connection:
        await connection.execute("update bus_message set holder = null, due_at = now()")
        await connection.execute("update outbox set lease = null, due_at = now()")
        async with _served(program, folder, database_url, "off"):

            async def is_quiet() -> bool:
                left = "select (select count(*) from bus_message) + (select count(*) from outbox)"
                return bool(await connection.fetchval(left) == 0)

            await until(is_quiet, within_s=WITHIN_S, what="all that is on its way")
    databases = dict.fromkeys(catalog.SERVICES, database_url)
    snapshot = await read(databases, ledger=None, clock=SystemClock())
    report = check(snapshot, grace_s=0)
    return "\n".join(f"{it.subject} {it.message}" for each in report.checks for it in each.findings)


def _served(
    program: tuple[str, ...], folder: Path, database_url: str, failpoints: str
) -> AbstractAsyncContextManager[Served]:
    return Served.start(
        "all",
        folder=folder,
        program=program,
        DATABASE_URL=database_url,
        STRIPE_API_BASE=NOBODY,
        FAILPOINTS=failpoints,
        PYTHONPATH=TESTS,
    )


@asynccontextmanager
async def _connected(url: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()
