"""Placing an order: the server prices it, and it is stored with its fact or not at all."""

import asyncio
from decimal import Decimal

import pytest
from litestar.testing import RequestFactory

from ordereats.chassis.errors import Conflict, Invalid, Unavailable
from ordereats.chassis.http.idempotency import AlreadyAnswered, take_key
from ordereats.contracts.menus import AskQuote
from ordereats.contracts.orders import OrderPlaced, OrderStatus
from ordereats.contracts.problems import FieldProblem
from ordereats.contracts.wire import decode
from ordereats.services.orders.domain import PriceChanged
from services.orders.conftest import Desk
from services.orders.facts import BASKET, HOME, LINES, a_quote

STORED = "select id::text from orders union all select id::text from outbox"


async def test_an_order_is_stored_together_with_its_fact(desk: Desk) -> None:
    order_id = await desk.place()

    order = await desk.get(order_id)
    (fact,) = await desk.rows("select * from outbox")
    assert (order.status, order.items, order.deliver_to) == (OrderStatus.PENDING, LINES, HOME)
    assert (order.notes, str(order.total_price)) == ("no coriander", "25.00")
    assert (fact["type"], fact["subject"], fact["version"], fact["source"]) == (
        "ordereats.order.placed.v1",
        f"order/{order_id}",
        1,
        "orders",
    )


async def test_an_order_says_until_when_it_waits_for_its_payment(desk: Desk) -> None:
    order = await desk.get(await desk.place())

    assert order.accept_by is not None
    assert (order.accept_by - order.created_at).total_seconds() == 1800


async def test_the_basket_is_quoted_for_where_it_goes(desk: Desk) -> None:
    await desk.place()

    assert desk.menus.asked == [AskQuote(BASKET, HOME.location, Decimal("1.50"), Decimal("25.00"))]


async def test_both_who_are_unknown_are_named(desk: Desk) -> None:
    with pytest.raises(Invalid) as error:
        await desk.place(user_id=8, restaurant_id=9)

    assert [each.path for each in error.value.problems] == ["userId", "restaurantId"]
    assert await desk.rows(STORED) == []


@pytest.mark.parametrize("who", ["users", "menus"])
async def test_who_can_not_be_asked_is_not_taken_for_unknown(desk: Desk, who: str) -> None:
    getattr(desk, who).fails = Unavailable("it is down")

    with pytest.raises(Unavailable):
        await desk.place(user_id=8, restaurant_id=9)

    assert await desk.rows(STORED) == []


async def test_another_price_than_was_shown_is_refused_with_the_right_quote(desk: Desk) -> None:
    with pytest.raises(PriceChanged) as refused:
        await desk.place(total_price=Decimal("24.99"))

    assert refused.value.extension == {"quote": a_quote()}
    assert await desk.rows(STORED) == []


@pytest.mark.parametrize(
    "refusal",
    [Conflict("closed until five"), Invalid(FieldProblem("items[0].name", "is not on the menu"))],
)
async def test_what_restaurants_refuses_the_customer_hears_as_it_is(
    desk: Desk, refusal: Exception
) -> None:
    desk.menus.fails = refusal

    with pytest.raises(type(refusal)) as heard:
        await desk.place()

    assert heard.value is refusal
    assert await desk.rows(STORED) == []


async def test_portions_with_a_count_are_held_under_a_name_that_the_fact_carries(
    desk: Desk,
) -> None:
    desk.menus.says = a_quote(is_limited=True)

    await asyncio.gather(desk.place(), desk.place())

    facts = await desk.rows("select data::text as data from outbox")
    told = {decode(str(each["data"]).encode(), OrderPlaced).hold_id for each in facts}
    assert len(told) == 2
    assert {hold_id for hold_id, _ in desk.menus.held} == told
    assert {items for _, items in desk.menus.held} == {BASKET}


async def test_without_a_count_nothing_is_held(desk: Desk) -> None:
    await desk.place()

    assert desk.menus.held == []


async def test_a_retry_with_its_key_is_answered_before_portions_are_held_again(
    desk: Desk,
) -> None:
    desk.menus.says = a_quote(is_limited=True)

    async def post(key: str) -> object:
        await take_key(RequestFactory().post("/orders", headers={"Idempotency-Key": key}))
        return await desk.place()

    (first,) = await asyncio.gather(post("k"))
    (again,) = await asyncio.gather(post("k"), return_exceptions=True)
    (other,) = await asyncio.gather(post("l"))

    assert isinstance(again, AlreadyAnswered)
    assert first != other
    assert len(desk.menus.held) == 2


async def test_who_was_too_late_for_the_last_portion_has_no_order(desk: Desk) -> None:
    desk.menus.says = a_quote(is_limited=True)
    desk.menus.sold_out = Conflict("no Pho is left")

    with pytest.raises(Conflict, match="no Pho is left"):
        await desk.place()

    assert await desk.rows(STORED) == []


async def test_a_basket_at_another_price_holds_nothing(desk: Desk) -> None:
    desk.menus.says = a_quote(is_limited=True)

    with pytest.raises(PriceChanged):
        await desk.place(total_price=Decimal("24.99"))

    assert desk.menus.held == []
