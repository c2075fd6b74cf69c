"""A fact is stored in the transaction that makes it true, or not at all."""

import pytest

from ordereats.chassis import context
from ordereats.chassis.clock import SystemClock
from ordereats.chassis.context import Context
from ordereats.chassis.db.pool import Database
from ordereats.chassis.messaging.outbox import Outbox
from ordereats.contracts.orders import OrderPlaced
from ordereats.contracts.wire import decode
from support.builders import a_fact

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Bell:
    """What wakes the relay."""

    def __init__(self) -> None:
        self.rung = 0

    def __call__(self) -> None:
        self.rung += 1


class Regret(Exception):
    """Why a transaction is rolled back."""


@pytest.fixture
def bell() -> Bell:
    return Bell()


@pytest.fixture
def outbox(bell: Bell) -> Outbox:
    return Outbox("orders", SystemClock(), bell)


async def test_a_fact_stands_there_with_all_that_goes_along(
    database: Database, outbox: Outbox
) -> None:
    with context.entered(Context("the-request-behind-it", traceparent=TRACE)):
        async with database.transaction() as tx:
            await outbox.add(tx, a_fact(17), subject="order/17", version=3)

    (row,) = await database.fetch("select *, due_at <= now() as is_due from outbox")
    assert row["id"].version == 7
    assert row["type"] == "ordereats.order.placed.v1"
    assert (row["source"], row["subject"], row["version"]) == ("orders", "order/17", 3)
    assert (row["correlation_id"], row["traceparent"]) == ("the-request-behind-it", TRACE)
    assert row["time"].tzinfo is not None
    assert decode(row["data"].encode(), OrderPlaced) == a_fact(17)
    assert row["is_due"] is True
    assert row["attempts"] == 0


async def test_what_is_rolled_back_never_was(
    database: Database, outbox: Outbox, bell: Bell
) -> None:
    async def change() -> None:
        async with database.transaction() as tx:
            await outbox.add(tx, a_fact(), subject="order/1", version=1)
            raise Regret

    with pytest.raises(Regret):
        await change()

    assert await database.fetch("select from outbox") == []
    assert bell.rung == 0


async def test_the_relay_is_woken_after_the_commit_and_not_before(
    database: Database, outbox: Outbox, bell: Bell
) -> None:
    async with database.transaction() as tx:
        await outbox.add(tx, a_fact(), subject="order/1", version=1)
        assert bell.rung == 0

    assert bell.rung == 1


async def test_facts_of_one_transaction_keep_their_order(
    database: Database, outbox: Outbox
) -> None:
    messages = [
        outbox.message(a_fact(number), subject=f"order/{number}", version=1)
        for number in (3, 1, 2, 9, 5)
    ]

    async with database.transaction() as tx:
        await outbox.add_all(tx, messages)

    rows = await database.fetch("select id from outbox order by position")
    assert [row["id"] for row in rows] == [each.id for each in messages]


async def test_no_facts_are_fine(database: Database, outbox: Outbox) -> None:
    async with database.transaction() as tx:
        await outbox.add_all(tx, [])

    assert await database.fetch("select from outbox") == []
