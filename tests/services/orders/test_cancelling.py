"""Cancelling: of accept and cancel one wins, and who has cancelled may ask again."""

import asyncio

import pytest

from ordereats.chassis.errors import Conflict, IllegalMove, Invalid, NotFound, Unavailable
from ordereats.contracts.ids import OrderId
from ordereats.contracts.orders import CancelledBy, CancelOrder, Order, OrderCancelled, OrderStatus
from ordereats.contracts.wire import decode
from ordereats.services.orders.domain import CANCELLABLE
from ordereats.services.orders.use_cases import moving
from services.orders.conftest import Desk
from services.orders.facts import SAID, withdrawn

ASKED = (CancelledBy.CUSTOMER, CancelledBy.OPERATOR)


async def cancel(
    desk: Desk,
    order_id: OrderId,
    by: CancelledBy = CancelledBy.CUSTOMER,
    reason: str | None = "ordered twice",
) -> Order:
    return await moving.cancel(desk.deps, order_id, CancelOrder(by, reason))


@pytest.mark.parametrize("by", ASKED)
async def test_who_may_cancel_does_and_who_may_not_changes_nothing(
    desk: Desk, by: CancelledBy
) -> None:
    for status in OrderStatus:
        order_id = await desk.brought_to(status)
        before = await desk.get(order_id)

        if status in CANCELLABLE[by]:
            order = await cancel(desk, order_id, by)
            assert (order.status, order.reason) == (OrderStatus.CANCELLED, "ordered twice")
            assert (order.cancelled_by, order.version) == (by, before.version + 1)
            assert await desk.get(order_id) == order
        else:
            with pytest.raises(IllegalMove):
                await cancel(desk, order_id, by)
            assert await desk.get(order_id) == before
            assert order_id not in desk.kitchen.asked


async def test_a_cancel_is_told_with_who_and_why(desk: Desk) -> None:
    order_id = await desk.place()

    await cancel(desk, order_id)

    (fact,) = await desk.rows("select * from outbox where type = 'ordereats.order.cancelled.v1'")
    told = decode(str(fact["data"]).encode(), OrderCancelled)
    assert (told.by, told.reason) == (CancelledBy.CUSTOMER, "ordered twice")


async def test_only_a_paid_order_is_the_kitchens_business(desk: Desk) -> None:
    pending, paid = await desk.place(), await desk.brought_to(OrderStatus.PAID)

    await cancel(desk, pending)
    await cancel(desk, paid)

    assert desk.kitchen.asked == [paid]


async def test_an_operator_does_not_ask_the_kitchen(desk: Desk) -> None:
    paid = await desk.brought_to(OrderStatus.PAID)

    await cancel(desk, paid, CancelledBy.OPERATOR)

    assert desk.kitchen.asked == []


async def test_what_the_kitchen_has_accepted_stays_and_the_customer_hears_its_word(
    desk: Desk,
) -> None:
    async def has_accepted(_order_id: OrderId) -> None:
        refusal = Conflict("it is being cooked")
        refusal.code = "already_accepted"
        raise refusal

    desk.kitchen.does = has_accepted
    order_id = await desk.brought_to(OrderStatus.PAID)

    with pytest.raises(Conflict) as refused:
        await cancel(desk, order_id)

    assert refused.value.code == "already_accepted"
    assert (await desk.get(order_id)).status is OrderStatus.PAID
    assert await desk.told(order_id) == ["placed", "paid"]


async def test_while_the_kitchen_is_down_nothing_is_done(desk: Desk) -> None:
    async def is_down(_order_id: OrderId) -> None:
        raise Unavailable("kitchen can't be reached")

    desk.kitchen.does = is_down
    order_id = await desk.brought_to(OrderStatus.PAID)
    before = await desk.get(order_id)

    with pytest.raises(Unavailable):
        await cancel(desk, order_id)

    assert await desk.get(order_id) == before


@pytest.mark.parametrize("by", ASKED)
async def test_asking_again_is_answered_the_same_and_told_once(desk: Desk, by: CancelledBy) -> None:
    order_id = await desk.brought_to(OrderStatus.PAID)

    first, again = await cancel(desk, order_id, by), await cancel(desk, order_id, by)

    assert first == again
    assert await desk.told(order_id) == ["placed", "paid", "cancelled"]


async def test_what_another_has_cancelled_is_refused(desk: Desk) -> None:
    order_id = await desk.brought_to(OrderStatus.PAID)
    await cancel(desk, order_id, CancelledBy.OPERATOR)

    with pytest.raises(IllegalMove):
        await cancel(desk, order_id, CancelledBy.CUSTOMER)


async def test_the_platform_cancels_by_itself_and_not_when_asked(desk: Desk) -> None:
    order_id = await desk.place()

    with pytest.raises(Invalid) as refused:
        await cancel(desk, order_id, CancelledBy.PLATFORM)

    assert [each.path for each in refused.value.problems] == ["by"]


async def test_an_order_that_is_not_there_is_not_found(desk: Desk) -> None:
    with pytest.raises(NotFound):
        await cancel(desk, OrderId(99))


async def test_the_kitchens_fact_may_be_faster_than_its_answer(desk: Desk) -> None:
    async def agrees_and_tells(order_id: OrderId) -> None:
        await desk.hear(withdrawn(order_id))

    desk.kitchen.does = agrees_and_tells
    order_id = await desk.brought_to(OrderStatus.PAID)

    order = await cancel(desk, order_id)

    assert (order.status, order.reason) == (OrderStatus.CANCELLED, "ordered twice")
    assert await desk.told(order_id) == ["placed", "paid", "cancelled"]


async def test_who_dies_after_the_kitchens_word_leaves_the_rest_to_its_fact(desk: Desk) -> None:
    async def agrees_and_we_die(_order_id: OrderId) -> None:
        raise ConnectionAbortedError

    desk.kitchen.does = agrees_and_we_die
    order_id = await desk.brought_to(OrderStatus.PAID)
    with pytest.raises(ConnectionAbortedError):
        await cancel(desk, order_id)

    await desk.hear(withdrawn(order_id))

    order = await desk.get(order_id)
    assert (order.status, order.reason) == (OrderStatus.CANCELLED, "ordered twice")
    assert order.cancelled_by is CancelledBy.CUSTOMER


async def test_an_order_that_is_paid_while_it_is_cancelled_asks_the_kitchen_then(
    desk: Desk,
) -> None:
    orders = [await desk.place() for _ in range(20)]

    for order_id in orders:
        await asyncio.gather(desk.hear(SAID[OrderStatus.PAID](order_id)), cancel(desk, order_id))

    for order_id in orders:
        told = await desk.told(order_id)
        assert told in (["placed", "cancelled"], ["placed", "paid", "cancelled"])
        assert (order_id in desk.kitchen.asked) == ("paid" in told)
    assert await desk.rows("select from inbox where state = 'waiting'") == []


async def test_customer_and_operator_at_once_are_one_cancel(desk: Desk) -> None:
    order_id = await desk.brought_to(OrderStatus.PAID)

    answers = await asyncio.gather(
        *(cancel(desk, order_id, by) for by in ASKED * 5), return_exceptions=True
    )

    winner = (await desk.get(order_id)).cancelled_by
    for by, answer in zip(ASKED * 5, answers, strict=True):
        assert isinstance(answer, Order if by is winner else IllegalMove)
    assert await desk.told(order_id) == ["placed", "paid", "cancelled"]
