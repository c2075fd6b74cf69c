"""Orders hears what others say: each order moves once for each news, and says so."""

import asyncio
from datetime import timedelta

import msgspec
import pytest
import structlog

from ordereats.chassis import context
from ordereats.chassis.context import Context
from ordereats.chassis.db.pool import Database
from ordereats.contracts.ids import OrderId
from ordereats.contracts.orders import CancelledBy, OrderCancelled, OrderPaid, OrderStatus
from ordereats.contracts.wire import decode
from ordereats.services.orders import domain
from ordereats.services.orders.use_cases import moving
from services.orders.conftest import Desk, a_desk
from services.orders.facts import (
    READY_AT,
    RESTAURANT,
    SAID,
    USER,
    WAYS,
    an_order,
    delayed,
    withdrawn,
)

WAITING = "select last_error from inbox where state = 'waiting'"


@pytest.mark.parametrize("status", OrderStatus)
async def test_an_order_goes_where_others_say_and_each_move_is_told(
    desk: Desk, status: OrderStatus
) -> None:
    order_id = await desk.brought_to(status)

    assert await desk.told(order_id) == ["placed", *(each.value for each in WAYS[status])]
    assert await desk.rows(WAITING) == []


async def test_a_fact_goes_under_the_correlation_id_of_the_news(desk: Desk) -> None:
    order_id = await desk.brought_to(OrderStatus.PAID)

    (fact,) = await desk.rows("select * from outbox where type = 'ordereats.order.paid.v1'")
    assert (fact["subject"], fact["version"]) == (f"order/{order_id}", 2)
    assert fact["correlation_id"] == "the-walk"
    paid = decode(str(fact["data"]).encode(), OrderPaid)
    assert (paid.user_id, paid.restaurant_id, paid.notes) == (USER, RESTAURANT, "no coriander")


@pytest.mark.parametrize("status", OrderStatus)
async def test_news_move_an_order_or_come_late_and_change_nothing_or_wait_and_change_nothing(
    desk: Desk, status: OrderStatus
) -> None:
    for to in SAID:
        order_id = await desk.brought_to(status)
        before = await desk.get(order_id)
        await desk.deps.database.execute("delete from inbox")

        await desk.hear(SAID[to](order_id))

        after, waiting = await desk.get(order_id), await desk.rows(WAITING)
        if domain.is_overtaken(an_order(status), to):
            assert (after, waiting) == (before, [])
        elif to in domain.MOVES[status]:
            assert (after.status, after.version, waiting) == (to, before.version + 1, [])
        else:
            assert after == before
            why = "TooEarly" if domain.is_too_early(an_order(status), to) else "IllegalMove"
            assert str(waiting[0]["last_error"]).startswith(why)
        assert len(await desk.told(order_id)) == after.version


async def test_what_came_too_early_has_its_turn_when_it_is_tried_again(desk: Desk) -> None:
    order_id = await desk.brought_to(OrderStatus.ACCEPTED)
    await desk.hear(SAID[OrderStatus.PICKED_UP](order_id))

    await desk.hear(SAID[OrderStatus.READY](order_id))
    await desk.deps.database.execute("update inbox set due_at = now()")
    await desk.inbox.retry_once()

    assert (await desk.get(order_id)).status is OrderStatus.PICKED_UP
    assert await desk.rows(WAITING) == []


async def test_news_of_an_order_that_is_not_there_wait(desk: Desk) -> None:
    for news in (SAID[OrderStatus.PAID](OrderId(99)), withdrawn(OrderId(99))):
        await desk.hear(news)

    whys = [str(each["last_error"]).split(":")[0] for each in await desk.rows(WAITING)]
    assert whys == ["TooEarly", "TooEarly"]


async def test_a_withdrawal_that_comes_before_its_order_ends_it_once_it_is_there(
    desk: Desk,
) -> None:
    await desk.hear(withdrawn(OrderId(1)))

    order_id = await desk.brought_to(OrderStatus.PAID)
    assert order_id == 1
    await desk.deps.database.execute("update inbox set due_at = now()")
    await desk.inbox.retry_once()
    await desk.hear(withdrawn(order_id))  # the kitchen says so again, when it hears of the order

    assert await desk.told(order_id) == ["placed", "paid", "cancelled"]
    assert await desk.rows(WAITING) == []


async def test_a_delay_moves_the_time_of_the_food_and_nothing_else(desk: Desk) -> None:
    order_id = await desk.brought_to(OrderStatus.ACCEPTED)
    before = await desk.get(order_id)

    for minutes in (10, 5):  # the second one is overtaken
        await desk.hear(delayed(order_id, READY_AT + timedelta(minutes=minutes)))

    moved = msgspec.structs.replace(before, ready_at=READY_AT + timedelta(minutes=10))
    assert await desk.get(order_id) == moved
    assert await desk.told(order_id) == ["placed", "paid", "accepted"]


@pytest.mark.parametrize("status", OrderStatus)
async def test_a_delay_waits_for_the_acceptance_and_is_noted_whenever_it_is_heard(
    desk: Desk, status: OrderStatus
) -> None:
    order_id = await desk.brought_to(status)
    before = await desk.get(order_id)

    await desk.hear(delayed(order_id, READY_AT + timedelta(minutes=10)))

    waiting = [str(each["last_error"]) for each in await desk.rows(WAITING)]
    is_early = status in {OrderStatus.PENDING, OrderStatus.PAID}
    assert [each.startswith("TooEarly") for each in waiting] == [True] * is_early
    later = before.ready_at and READY_AT + timedelta(minutes=10)
    assert await desk.get(order_id) == msgspec.structs.replace(before, ready_at=later)


@pytest.mark.parametrize("to", [OrderStatus.PICKED_UP, OrderStatus.DELIVERED])
async def test_food_of_a_cancelled_order_that_someone_has_is_told_to_the_operator(
    desk: Desk, to: OrderStatus
) -> None:
    order_id = await desk.brought_to(OrderStatus.CANCELLED)

    with structlog.testing.capture_logs() as logs:
        await desk.hear(SAID[to](order_id))
        await desk.hear(SAID[OrderStatus.READY](order_id))

    loud = [(each["event"], each["order_id"]) for each in logs if each["log_level"] == "error"]
    assert loud == [("food_of_cancelled_order", order_id)]


async def test_who_finds_no_courier_is_the_platform_that_cancels(desk: Desk) -> None:
    order_id = await desk.brought_to(OrderStatus.ACCEPTED)

    await desk.hear(SAID[OrderStatus.CANCELLED](order_id))

    order = await desk.get(order_id)
    assert (order.cancelled_by, order.reason) == (CancelledBy.PLATFORM, "no_courier")
    (fact,) = await desk.rows("select * from outbox where type = 'ordereats.order.cancelled.v1'")
    told = decode(str(fact["data"]).encode(), OrderCancelled)
    assert (told.by, told.reason) == (CancelledBy.PLATFORM, "no_courier")


async def test_a_withdrawal_that_is_heard_of_ends_the_order_for_its_customer(desk: Desk) -> None:
    order_id = await desk.brought_to(OrderStatus.PAID)

    await desk.hear(withdrawn(order_id))

    order = await desk.get(order_id)
    assert (order.status, order.cancelled_by) == (OrderStatus.CANCELLED, CancelledBy.CUSTOMER)


async def test_of_ten_contradicting_news_at_once_one_moves_the_order(desk: Desk) -> None:
    order_id = await desk.brought_to(OrderStatus.PAID)
    news = [OrderStatus.ACCEPTED, OrderStatus.REJECTED, OrderStatus.EXPIRED, OrderStatus.CANCELLED]

    await asyncio.gather(*(desk.hear(SAID[to](order_id)) for to in news * 3))

    moves = await desk.told(order_id)
    history = await moving_history(desk, order_id)
    assert history == moves[1:]
    assert len(moves) in {3, 4}  # an accepted order may still be cancelled


async def moving_history(desk: Desk, order_id: OrderId) -> list[str]:
    rows = await desk.rows(f"select status from order_moves where order_id = {order_id:d}")  # noqa: S608  # a number
    return [str(row["status"]) for row in rows]


async def test_what_is_not_paid_in_time_expires_and_that_is_told(database: Database) -> None:
    async with a_desk(database, pay_within_s=-1) as desk:
        late = [await desk.place() for _ in range(3)]
        paid = await desk.brought_to(OrderStatus.PAID)

        more = await moving.expire_unpaid(desk.deps)

        assert not more
        for order_id in late:
            assert (await desk.get(order_id)).status is OrderStatus.EXPIRED
            assert await desk.told(order_id) == ["placed", "expired"]
        assert (await desk.get(paid)).status is OrderStatus.PAID


async def test_an_expiry_goes_under_the_correlation_id_of_the_order(database: Database) -> None:
    async with a_desk(database, pay_within_s=-1) as desk:
        with context.entered(Context("the-walk")):
            await desk.place()

        await moving.expire_unpaid(desk.deps)

        rows = await desk.rows("select correlation_id from outbox")
        assert [each["correlation_id"] for each in rows] == ["the-walk", "the-walk"]


async def test_what_is_not_due_does_not_expire(desk: Desk) -> None:
    order_id = await desk.place()

    await moving.expire_unpaid(desk.deps)

    assert (await desk.get(order_id)).status is OrderStatus.PENDING


async def test_two_processes_expire_each_order_once(database: Database) -> None:
    async with a_desk(database, pay_within_s=-1) as one, a_desk(database) as other:
        orders = await asyncio.gather(*(one.place() for _ in range(30)))

        while any(
            await asyncio.gather(moving.expire_unpaid(one.deps), moving.expire_unpaid(other.deps))
        ):
            pass

        for order_id in orders:
            assert await one.told(order_id) == ["placed", "expired"]


async def test_an_order_that_is_paid_as_it_expires_goes_one_way(database: Database) -> None:
    async with a_desk(database, pay_within_s=-1) as desk:
        orders = await asyncio.gather(*(desk.place() for _ in range(20)))

        await asyncio.gather(
            moving.expire_unpaid(desk.deps),
            *(desk.hear(SAID[OrderStatus.PAID](each)) for each in orders),
        )

        for order_id in orders:
            assert len(await desk.told(order_id)) == 2
        assert await desk.rows(WAITING) == []
