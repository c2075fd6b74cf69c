"""Whole journeys of an order, in every shape: from the menu to the door, and every other end."""

import asyncio
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from ordereats.chassis.clock import SystemClock
from support.cast import Courier, Restaurant
from support.platform import Answer, Platform, until


async def payment(platform: Platform, order_id: int) -> dict[str, Any]:
    (found,) = (await platform.get(f"/payments?orderId={order_id}")).body
    return dict(found)


async def until_payment(platform: Platform, order_id: int, status: str) -> dict[str, Any]:
    async def arrived() -> bool:
        return bool((await payment(platform, order_id))["status"] == status)

    await until(arrived, within_s=15, what=f"the money of order {order_id} to be {status}")
    return await payment(platform, order_id)


async def story(platform: Platform, order_id: int) -> list[str]:
    return [each["status"] for each in (await platform.get(f"/orders/{order_id}/timeline")).body]


async def test_an_order_goes_from_the_menu_to_the_door(platform: Platform) -> None:
    restaurant = await Restaurant.opened(platform)
    courier = await Courier.on_shift(platform)
    large = {"qty": 2, "name": "Pho", "options": [{"group": "Size", "name": "Large"}]}
    quote = (await restaurant.quote(large)).body
    order_id = await restaurant.order(items=[large], totalPrice=quote["total"])

    await restaurant.accepts(order_id)
    await restaurant.finishes(order_id)
    await courier.brings(order_id)

    assert quote["subtotal"] == "29.00"
    parts = ("subtotal", "deliveryFee", "serviceFee", "tip")
    assert sum(Decimal(quote[each]) for each in parts) == Decimal(quote["total"])
    assert await story(platform, order_id) == [
        "pending",
        "paid",
        "accepted",
        "ready",
        "picked_up",
        "delivered",
    ]
    paid = await until_payment(platform, order_id, "captured")
    assert (paid["captured"], paid["refunded"]) == (quote["total"], "0.00")
    kinds = [each["kind"] for each in await platform.ledger() if _is_of(each, order_id)]
    assert sorted(kinds) == ["authorized", "captured"]
    await courier.is_online(online=False)


async def test_the_first_walk_without_a_menu_is_delivered_too(platform: Platform) -> None:
    courier = await Courier.on_shift(platform)
    order_id = await platform.place()
    kitchen = Restaurant(platform, platform.restaurant_id, {})

    await kitchen.accepts(order_id)
    await kitchen.finishes(order_id)
    await courier.brings(order_id)

    assert (await until_payment(platform, order_id, "captured"))["captured"] == "25.00"
    await courier.is_online(online=False)


async def test_another_price_than_the_menus_is_refused_with_the_right_quote(
    platform: Platform,
) -> None:
    restaurant = await Restaurant.opened(platform)
    right = (await restaurant.quote({"qty": 1, "name": "Laksa"})).body

    refused = await platform.post("/orders", restaurant.an_order(totalPrice="1.00"))

    assert (refused.status, refused.code) == (409, "price_changed")
    assert refused.body["quote"] == right


async def test_a_restaurant_that_pauses_says_when_it_takes_orders_again(
    platform: Platform,
) -> None:
    restaurant = await Restaurant.opened(platform)
    until = "2100-01-01T12:00:00Z"
    too_long = await platform.post(f"/restaurants/{restaurant.id}/pause", {"until": until})
    soon = SystemClock().now().replace(microsecond=0) + timedelta(hours=1)
    paused = await platform.post(f"/restaurants/{restaurant.id}/pause", {"until": soon.isoformat()})

    refused = await platform.post("/orders", restaurant.an_order())

    assert too_long.status == 400
    assert paused.status == 200
    assert (refused.status, refused.code) == (409, "paused")
    assert datetime.fromisoformat(refused.body["opensAt"]) == soon


async def test_who_follows_an_order_goes_on_where_the_stream_broke_off(
    platform: Platform,
) -> None:
    restaurant = await Restaurant.opened(platform)
    order_id = await restaurant.order()
    await platform.until_status(order_id, "paid")
    seen = await platform.heard(f"/orders/{order_id}/events", events=2)
    async with asyncio.TaskGroup() as tasks:
        path = f"/orders/{order_id}/events"
        following = tasks.create_task(platform.heard(path, after=seen[-1][0], events=1))
        await restaurant.accepts(order_id)

    assert [(number, entry["status"]) for number, entry in seen] == [
        ("1", "pending"),
        ("2", "paid"),
    ]
    assert [(number, entry["status"]) for number, entry in following.result()] == [
        ("3", "accepted")
    ]


async def test_a_rejected_order_is_voided_and_its_dish_sold_out(platform: Platform) -> None:
    restaurant = await Restaurant.opened(platform)
    order_id = await restaurant.order()
    why = {"reason": "No more coconut", "soldOut": [restaurant.dishes["Laksa"]]}

    rejected = await restaurant.does(order_id, "reject", why)

    assert rejected.status == 200
    await platform.until_status(order_id, "rejected")
    voided = await until_payment(platform, order_id, "voided")
    assert (voided["captured"], voided["refunded"]) == ("0.00", "0.00")

    async def is_refused() -> bool:
        again = await platform.post("/orders", restaurant.an_order())
        return again.status == 409 and again.code == "sold_out"

    await until(is_refused, within_s=10, what="Laksa to be sold out")


async def test_a_customer_cancels_before_the_kitchen_accepts(platform: Platform) -> None:
    restaurant = await Restaurant.opened(platform)
    order_id = await restaurant.order()
    ticket = await restaurant.ticket(order_id)

    cancelled = await platform.post(f"/orders/{order_id}/cancel", {"reason": "Not hungry"})

    assert (cancelled.status, cancelled.body["status"]) == (200, "cancelled")
    await until_payment(platform, order_id, "voided")
    late = await platform.post(f"/kitchen/tickets/{ticket['id']}/accept", {"prepMinutes": 5})
    assert late.status == 409


async def test_an_operator_cancels_after_acceptance_and_all_is_given_back(
    platform: Platform,
) -> None:
    restaurant = await Restaurant.opened(platform)
    order_id = await restaurant.order()
    await restaurant.accepts(order_id)
    await until_payment(platform, order_id, "captured")

    by_customer = await platform.post(f"/orders/{order_id}/cancel", {})
    by_operator = await platform.post(f"/orders/{order_id}/cancel", {"by": "operator"})

    assert by_customer.status == 409
    assert (by_operator.status, by_operator.body["status"]) == (200, "cancelled")
    refunded = await until_payment(platform, order_id, "refunded")
    assert refunded["refunded"] == refunded["captured"] == refunded["amount"]
    assert (await restaurant.does(order_id, "ready")).status == 409


async def test_part_of_a_delivered_order_is_refunded_and_never_more_than_was_paid(
    platform: Platform,
) -> None:
    restaurant = await Restaurant.opened(platform)
    order_id = await restaurant.order()
    await restaurant.accepts(order_id)
    paid = await until_payment(platform, order_id, "captured")
    path = f"/payments/{paid['id']}/refunds"

    part = await platform.post(path, {"reason": "Cold soup", "amount": "3.50"})
    too_much = await platform.post(path, {"reason": "All of it", "amount": paid["captured"]})

    assert (part.status, part.body["amount"]) == (201, "3.50")
    assert (too_much.status, too_much.code) == (409, "above_captured")

    async def given_back() -> bool:
        return bool((await payment(platform, order_id))["refunded"] == "3.50")

    await until(given_back, within_s=10, what="the refund")
    entries = [each for each in await platform.ledger() if _is_of(each, order_id)]
    assert [each["amount"] for each in entries if each["kind"] == "refunded"] == [350]


async def test_of_accept_and_cancel_at_once_exactly_one_succeeds(platform: Platform) -> None:
    restaurant = await Restaurant.opened(platform)
    outcomes: dict[str, int] = {"accepted": 0, "cancelled": 0}

    for _ in range(50 // 5):
        orders = [await restaurant.order() for _ in range(5)]
        tickets = [await restaurant.ticket(each) for each in orders]
        answers = await asyncio.gather(
            *(
                _accept_and_cancel(platform, order, ticket)
                for order, ticket in zip(orders, tickets, strict=True)
            )
        )
        for order_id, (accepted, cancelled) in zip(orders, answers, strict=True):
            assert sorted([accepted.status, cancelled.status]) == [200, 409]
            end = "accepted" if accepted.status == 200 else "cancelled"
            await platform.until_status(order_id, end)
            outcomes[end] += 1

    assert sum(outcomes.values()) == 50


async def _accept_and_cancel(
    platform: Platform, order_id: int, ticket: dict[str, Any]
) -> tuple[Answer, Answer]:
    accept, cancel = (f"/kitchen/tickets/{ticket['id']}/accept", f"/orders/{order_id}/cancel")
    if order_id % 2:
        cancelled, accepted = await asyncio.gather(
            platform.post(cancel, {}), platform.post(accept, {"prepMinutes": 5})
        )
    else:
        accepted, cancelled = await asyncio.gather(
            platform.post(accept, {"prepMinutes": 5}), platform.post(cancel, {})
        )
    return accepted, cancelled


async def test_the_last_portion_goes_to_one_of_twenty_buyers(platform: Platform) -> None:
    restaurant = await Restaurant.opened(platform, portionsLeft=1)

    answers = await asyncio.gather(
        *(platform.post("/orders", restaurant.an_order()) for _ in range(20))
    )

    assert sorted(each.status for each in answers) == [201] + [409] * 19
    assert {each.code for each in answers if each.status == 409} == {"sold_out"}


async def test_of_two_couriers_who_accept_one_offer_one_has_it(platform: Platform) -> None:
    restaurant = await Restaurant.opened(platform)
    order_id = await restaurant.order()
    await restaurant.accepts(order_id)
    await restaurant.finishes(order_id)
    asked = await Courier.on_shift(platform)
    delivery_id = await asked.offer(order_id)
    other = await Courier.on_shift(platform)

    answers = await asyncio.gather(
        *(each.does(delivery_id, "accept") for each in (other, asked, other))
    )

    assert [each.status for each in answers] == [409, 200, 409]
    assert (await other.does(delivery_id, "pick-up")).status == 409
    delivery = (await platform.get(f"/deliveries/{delivery_id}")).body
    assert (delivery["status"], delivery["courierId"]) == ("assigned", asked.id)
    for each in (asked, other):
        await each.is_online(online=False)


async def test_a_courier_who_comes_online_is_offered_what_waits(platform: Platform) -> None:
    restaurant = await Restaurant.opened(platform)
    order_id = await restaurant.order()
    await restaurant.accepts(order_id)
    await restaurant.finishes(order_id)

    late = await Courier.on_shift(platform)

    await late.brings(order_id)
    await late.is_online(online=False)


def _is_of(entry: dict[str, Any], order_id: int) -> bool:
    return bool(entry["metadata"].get("order_id") == str(order_id))
