"""A paid order of whose kitchen nothing is heard: the kitchen is asked, then it is taken back."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import structlog

from ordereats.chassis import context
from ordereats.chassis.db.pool import Database
from ordereats.chassis.errors import Conflict, Unavailable
from ordereats.contracts.ids import OrderId
from ordereats.contracts.orders import CancelledBy, OrderCancelled, OrderStatus
from ordereats.contracts.wire import decode
from ordereats.services.orders.use_cases import moving
from services.orders.conftest import Desk, a_desk
from services.orders.facts import SAID, withdrawn


@pytest.fixture
async def late(database: Database) -> AsyncIterator[Desk]:
    """Run a desk to which every paid order is overdue at once."""
    async with a_desk(database, answer_within_s=-1) as desk:
        yield desk


async def is_cooking(_order_id: OrderId) -> None:
    refusal = Conflict("it is being cooked")
    refusal.code = "already_accepted"
    raise refusal


async def is_down(_order_id: OrderId) -> None:
    raise Unavailable("kitchen can't be reached")


async def test_an_order_of_whose_kitchen_nothing_is_heard_is_taken_back(late: Desk) -> None:
    order_id = await late.brought_to(OrderStatus.PAID)

    assert await moving.cancel_unanswered(late.deps) is False

    order = await late.get(order_id)
    assert late.kitchen.asked == [order_id]
    assert (order.status, order.cancelled_by) == (OrderStatus.CANCELLED, CancelledBy.PLATFORM)
    assert (order.reason, order.accept_by) == ("no_answer", None)
    (fact,) = await late.rows("select * from outbox where type = 'ordereats.order.cancelled.v1'")
    told = decode(str(fact["data"]).encode(), OrderCancelled)
    assert (told.by, told.reason) == (CancelledBy.PLATFORM, "no_answer")


async def test_only_a_paid_order_whose_time_is_over_is_taken_back(
    database: Database, desk: Desk
) -> None:
    await desk.brought_to(OrderStatus.PAID)
    async with a_desk(database, answer_within_s=-1, pay_within_s=-1) as late:
        for status in set(OrderStatus) - {OrderStatus.PAID}:
            await late.brought_to(status)

    await moving.cancel_unanswered(desk.deps)

    assert desk.kitchen.asked == []


async def test_the_sweep_of_what_is_not_paid_passes_over_what_is(late: Desk) -> None:
    order_id = await late.brought_to(OrderStatus.PAID)

    await moving.expire_unpaid(late.deps)

    assert (await late.get(order_id)).status is OrderStatus.PAID


async def test_a_paid_order_says_until_when_its_kitchen_has_to_be_heard(desk: Desk) -> None:
    order = await desk.get(await desk.brought_to(OrderStatus.PAID))

    assert order.accept_by is not None
    assert (order.accept_by - order.updated_at).total_seconds() == 1800


async def test_the_kitchen_is_asked_under_the_correlation_id_of_the_order(late: Desk) -> None:
    seen: list[str] = []

    async def agrees(_order_id: OrderId) -> None:
        seen.append(context.current().correlation_id)

    late.kitchen.does = agrees
    with context.entered(context.Context("the-order")):
        order_id = await late.place()
    await late.hear(SAID[OrderStatus.PAID](order_id))

    await moving.cancel_unanswered(late.deps)

    rows = await late.rows("select correlation_id from outbox where type like '%cancelled%'")
    assert [*seen, *(each["correlation_id"] for each in rows)] == ["the-order", "the-order"]


@pytest.mark.parametrize(
    ("does", "level", "event"),
    [(is_cooking, "error", "order_accepted_unheard"), (is_down, "warning", "kitchen_not_asked")],
)
async def test_what_can_not_be_taken_back_is_said_and_looked_at_again_later(
    late: Desk, does: object, level: str, event: str
) -> None:
    late.kitchen.does = does  # type: ignore[assignment]  # one of the coroutines above
    orders = [await late.brought_to(OrderStatus.PAID) for _ in range(2)]

    with structlog.testing.capture_logs() as logs:
        for _ in range(2):  # the second time it is too soon
            await moving.cancel_unanswered(late.deps)

    said = [(each["log_level"], each["event"], each["order_id"]) for each in logs]
    assert sorted(said) == [(level, event, each) for each in orders]
    for order_id in orders:
        assert (await late.get(order_id)).status is OrderStatus.PAID

    late.kitchen.does = withdraws_unheard
    await late.deps.database.execute("update orders set due_at = now()")
    await moving.cancel_unanswered(late.deps)
    for order_id in orders:
        assert (await late.get(order_id)).status is OrderStatus.CANCELLED


async def withdraws_unheard(_order_id: OrderId) -> None:
    """Agree; the fact of that is lost like the one before."""


async def test_who_dies_after_the_kitchens_word_leaves_the_rest_to_its_fact(late: Desk) -> None:
    async def agrees_and_we_die(_order_id: OrderId) -> None:
        raise ConnectionAbortedError

    late.kitchen.does = agrees_and_we_die
    order_id = await late.brought_to(OrderStatus.PAID)
    with pytest.raises(ConnectionAbortedError):
        await moving.cancel_unanswered(late.deps)

    await late.hear(withdrawn(order_id))

    order = await late.get(order_id)
    assert (order.cancelled_by, order.reason) == (CancelledBy.PLATFORM, "no_answer")


async def test_two_processes_ask_about_each_order_once(database: Database, late: Desk) -> None:
    orders = [await late.brought_to(OrderStatus.PAID) for _ in range(moving.AT_ONCE + 5)]

    async with a_desk(database) as other:
        while any(
            await asyncio.gather(*(moving.cancel_unanswered(it.deps) for it in (late, other)))
        ):
            pass

        assert sorted([*late.kitchen.asked, *other.kitchen.asked]) == orders
    for order_id in orders:
        assert await late.told(order_id) == ["placed", "paid", "cancelled"]
