"""A type that this version does not know waits for the version that does, which takes it over."""

from collections.abc import Sequence

import pytest
from structlog.testing import capture_logs

from ordereats.chassis.db.pool import Database, Transaction
from ordereats.chassis.messaging.bus import Message
from ordereats.chassis.messaging.inbox import Inbox
from ordereats.chassis.messaging.subscriptions import Effect, effect, subscribe
from ordereats.contracts.ids import OrderId, RestaurantId, UserId
from ordereats.contracts.orders import OrderExpired, OrderPlaced
from support.builders import a_fact, a_message
from support.consumer import CONSUMER, Consumer

EXPIRED = OrderExpired(OrderId(1), UserId(1), RestaurantId(1))


@pytest.fixture
async def unknown(consumer: Consumer) -> Message:
    """Have received a type that only the next version knows."""
    message = a_message(EXPIRED, version=2)
    await consumer.receive(message)
    return message


async def test_it_is_stored_as_it_came_and_told_quietly(consumer: Consumer) -> None:
    with capture_logs() as lines:
        await consumer.receive(a_message(EXPIRED))

    (row,) = await consumer.rows()
    assert row["state"] == "waiting"
    assert row["last_error"] == (
        "TypeUnknown: testing.order does not know ordereats.order.expired.v1"
    )
    assert [(line["event"], line["log_level"]) for line in lines] == [
        ("waits_for_newer_version", "info")
    ]


async def test_the_version_that_knows_it_takes_over(
    consumer: Consumer, database: Database, unknown: Message
) -> None:
    heard: list[OrderExpired] = []

    async def expire(_tx: Transaction, fact: OrderExpired) -> None:
        heard.append(fact)

    newer = _inbox(database, [effect(OrderExpired, expire)])
    await newer.handler(CONSUMER)(unknown, 2)  # should it come again
    await database.execute("update inbox set due_at = now()")

    await newer.retry_once()
    await newer.retry_once()

    assert heard == [EXPIRED]
    (row,) = await consumer.rows()
    assert row["state"] == "done"


async def test_it_takes_over_as_soon_as_it_runs_and_leaves_other_pauses_alone(
    consumer: Consumer, database: Database, unknown: Message
) -> None:
    consumer.fails[1] = RuntimeError("not yet")
    await consumer.receive(a_message(a_fact(1), subject="order/2"))
    await database.execute("update inbox set due_at = now() + interval '10 minutes'")

    await _inbox(
        database, [effect(OrderExpired, _nothing), effect(OrderPlaced, _nothing)]
    ).retry_once()

    states = {row["message_id"]: row["state"] for row in await consumer.rows()}
    assert states.pop(unknown.id) == "done"
    assert list(states.values()) == ["waiting"]


@pytest.mark.usefixtures("unknown")
async def test_its_pauses_grow_to_a_quarter_of_an_hour(consumer: Consumer) -> None:
    pauses = [await _pause_s(consumer)]

    await consumer.database.execute("update inbox set received_at = now() - interval '1 hour'")
    await consumer.try_again()
    pauses.append(await _pause_s(consumer))

    assert 25 < pauses[0] <= 60
    assert 445 < pauses[1] <= 900


@pytest.mark.usefixtures("unknown")
async def test_it_waits_a_day_and_is_parked_then(consumer: Consumer) -> None:
    for _ in range(20):
        await consumer.try_again()
    assert [row["state"] for row in await consumer.rows()] == ["waiting"]

    await consumer.database.execute("update inbox set received_at = now() - interval '1 day'")
    await consumer.try_again()

    assert [row["state"] for row in await consumer.rows()] == ["parked"]


@pytest.mark.usefixtures("unknown")
async def test_it_holds_up_nothing_that_this_version_knows(consumer: Consumer) -> None:
    await consumer.receive(a_message(a_fact(1), version=3))

    assert await consumer.noted() == [1]


async def _nothing(_tx: Transaction, _fact: object) -> None:
    """Hear it."""


async def _pause_s(consumer: Consumer) -> float:
    (row,) = await consumer.database.fetch(
        "select extract(epoch from due_at - now())::float as pause_s from inbox"
    )
    pause_s: float = row["pause_s"]
    return pause_s


def _inbox(database: Database, effects: Sequence[Effect]) -> Inbox:
    return Inbox(database, [subscribe("testing", "order", effects)])
