"""Orders over HTTP: what is taken is stored once and told; what can't be is stored not at all."""

import asyncio
from decimal import Decimal
from functools import partial
from typing import Any

import msgspec
import pytest

from support.builders import Running, a_restaurant, an_order, until_true

ITEM = {"name": "Pho", "qty": 2}


async def count(city: Running) -> int:
    return len(await city.group.relays[0]._database.fetch("select from orders"))


async def test_an_order_that_is_taken_is_pending_and_can_be_found(city: Running) -> None:
    answer = await city.client.post("/orders", an_order())

    order = answer.json()
    assert answer.status == 201
    assert (order["userId"], order["restaurantId"], order["items"]) == (1, 1, [ITEM])
    assert (order["totalPrice"], order["currency"]) == ("25.00", "EUR")
    assert (order["status"], order["version"]) == ("pending", 1)
    assert order["createdAt"].endswith("Z")
    assert (await city.client.get(f"/orders/{order['id']}")).json() == order
    assert order in (await city.client.get("/orders?limit=500")).json()


@pytest.mark.parametrize(
    ("price", "shown"),
    [
        (25, "25.00"),
        (25.0, "25.00"),
        ("25", "25.00"),
        ("25.5", "25.50"),
        (0.01, "0.01"),
        (19.99, "19.99"),
        (100_000_000, "100000000.00"),
        ("2.5e1", "25.00"),
    ],
)
async def test_a_price_is_a_number_or_a_string_and_exact(
    city: Running, price: object, shown: str
) -> None:
    answer = await city.client.post("/orders", an_order(totalPrice=price))

    assert (answer.status, answer.json()["totalPrice"]) == (201, shown)


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"totalPrice": 0}, "totalPrice"),
        ({"totalPrice": -1}, "totalPrice"),
        ({"totalPrice": 25.005}, "totalPrice"),
        ({"totalPrice": "25.000000000000000000000000000000000000001"}, "totalPrice"),
        ({"totalPrice": 100_000_000.01}, "totalPrice"),
        ({"totalPrice": "NaN"}, "totalPrice"),
        ({"totalPrice": "sNaN"}, "totalPrice"),
        ({"totalPrice": "-Infinity"}, "totalPrice"),
        ({"totalPrice": "1e999999"}, "totalPrice"),
        ({"totalPrice": "1e-999999"}, "totalPrice"),
        ({"totalPrice": "much"}, "totalPrice"),
        ({"totalPrice": ""}, "totalPrice"),
        ({"totalPrice": True}, "totalPrice"),
        ({"totalPrice": [25]}, "totalPrice"),
        ({"items": []}, "items"),
        ({"items": [ITEM] * 51}, "items"),
        ({"items": [{"name": " ", "qty": 1}]}, "items[0].name"),
        ({"items": [{"name": "NUL\0", "qty": 1}]}, "items[0].name"),
        ({"items": [{"name": "x" * 101, "qty": 1}]}, "items[0].name"),
        ({"items": [ITEM, {"name": "Pho", "qty": 100}]}, "items[1].qty"),
        ({"items": [ITEM, {"name": "Pho", "qty": 1.5}]}, "items[1].qty"),
        ({"userId": 2**63}, "userId"),
        ({"userId": 1.0}, "userId"),
        ({"userId": True}, "userId"),
        ({"restaurantId": "1"}, "restaurantId"),
        ({"paymentMethod": "4242424242424242"}, "paymentMethod"),
        ({"paymentMethod": "pm_card_visa\n"}, "paymentMethod"),
        ({"status": "paid"}, "status"),
        ({"tip": -1}, "tip"),
        ({"tip": "1.001"}, "tip"),
        ({"notes": ""}, "notes"),
        (
            {"deliverTo": {"address": "Home", "location": {"lat": 91, "lon": 0}}},
            "deliverTo.location.lat",
        ),
        ({"totalPrice": None}, "totalPrice"),
    ],
    ids=str,
)
async def test_what_can_not_be_right_is_400_named_and_not_stored(
    city: Running, change: dict[str, Any], path: str
) -> None:
    before = await count(city)

    answer = await city.client.post("/orders", an_order(**change))

    assert (answer.status, answer.code) == (400, "invalid_request")
    assert answer.paths == [path]
    assert await count(city) == before


async def test_a_price_that_is_a_number_is_not_rounded_on_its_way(city: Running) -> None:
    body = msgspec.json.encode(an_order(totalPrice=25))
    finer = body.replace(b'"totalPrice":25', b'"totalPrice":25.000000000000000000001')

    answer = await city.client.post("/orders", finer)

    assert (answer.status, answer.paths) == (400, ["totalPrice"])


async def test_an_unknown_user_and_an_unknown_restaurant_are_both_named(city: Running) -> None:
    before = await count(city)

    answer = await city.client.post("/orders", an_order(userId=98765, restaurantId=98765))

    assert (answer.status, answer.code) == (400, "invalid_request")
    assert answer.json()["errors"] == [
        {"path": "userId", "message": "is not a user here"},
        {"path": "restaurantId", "message": "is not a restaurant here"},
    ]
    assert await count(city) == before


async def test_fifty_at_once_are_fifty_orders_with_fifty_facts(city: Running) -> None:
    answers = await asyncio.gather(
        *(city.client.post("/orders", an_order(totalPrice=1 + each)) for each in range(50))
    )

    assert [each.json()["totalPrice"] for each in answers] == [
        f"{1 + each}.00" for each in range(50)
    ]
    ids = {each.json()["id"] for each in answers}
    assert len(ids) == 50

    async def all_are_known_to_payments() -> bool:
        found = [await city.client.get(f"/payments?orderId={each}") for each in ids]
        return all(len(each.json()) == 1 for each in found)

    await until_true(all_are_known_to_payments)


async def test_an_order_that_can_not_be_stored_spoils_none_of_the_same_moment(
    city: Running,
) -> None:
    poison = an_order(items=[{"name": "NUL\0", "qty": 1}])

    answers = await asyncio.gather(
        *(city.client.post("/orders", poison if each == 5 else an_order()) for each in range(10))
    )

    assert [each.status for each in answers] == [201] * 5 + [400] + [201] * 4


async def test_each_order_of_one_moment_keeps_its_own_correlation_id(city: Running) -> None:
    async def place(number: int) -> int:
        answer = await city.client.ask(
            "POST", "/orders", json=an_order(), headers={"X-Correlation-ID": f"walk-{number}"}
        )
        return int(answer.json()["id"])

    ids = await asyncio.gather(*(place(number) for number in range(20)))

    database = city.group.relays[0]._database
    wanted = "select correlation_id from payments where order_id = $1"
    for number, order_id in enumerate(ids):
        await until_true(partial(database.fetch_one, wanted, order_id))
        row = await database.fetch_one(wanted, order_id)
        assert row is not None
        assert row["correlation_id"] == f"walk-{number}"


async def test_what_is_not_there_is_404(city: Running) -> None:
    answer = await city.client.get("/orders/987654321")

    assert (answer.status, answer.code) == (404, "not_found")


async def test_users_and_restaurants_share_tables_with_orders_and_the_keys_say_so(
    city: Running,
) -> None:
    keys = await city.group.relays[0]._database.fetch(
        "select conname, convalidated from pg_constraint where contype = 'f'"
        " and conrelid = 'orders'::regclass"
    )

    assert {row["conname"] for row in keys} == {
        "orders_user_exists",
        "orders_restaurant_exists",
    }
    assert all(row["convalidated"] for row in keys)


async def a_restaurant_with_a_menu(city: Running) -> int:
    """Pho for 9.00, the large one for 11.00; of the soup there is one portion."""
    sizes = {"name": "Size", "min": 0, "max": 1, "options": [{"name": "large", "priceDelta": 2}]}
    dishes = [
        {"name": "Pho", "price": 9, "optionGroups": [sizes]},
        {"name": "Soup", "price": 5, "portionsLeft": 1},
    ]
    restaurant = (await city.client.post("/restaurants", a_restaurant())).json()
    menu = {"sections": [{"name": "All", "dishes": dishes}]}
    written = await city.client.ask("PUT", f"/restaurants/{restaurant['id']}/menu", json=menu)
    assert written.status == 200, written
    return int(restaurant["id"])


async def test_with_a_menu_the_server_prices_the_order(city: Running) -> None:
    restaurant_id = await a_restaurant_with_a_menu(city)
    large = [{"group": "Size", "name": "large"}]
    basket = [{"name": "Pho", "qty": 2, "options": large}]
    order = an_order(restaurantId=restaurant_id, items=basket, tip=1)
    del order["totalPrice"]

    placed = (await city.client.post("/orders", order)).json()

    price = placed["price"]
    assert (price["subtotal"], price["tip"]) == ("22.00", "1.00")
    assert placed["totalPrice"] == _sum(price, "subtotal", "deliveryFee", "serviceFee", "tip")
    assert (placed["items"][0]["name"], placed["items"][0]["options"]) == ("Pho", large)
    assert placed["items"][0]["price"] == "22.00"


async def test_another_price_than_was_shown_is_409_with_the_quote_that_is_then_taken(
    city: Running,
) -> None:
    order = an_order(restaurantId=await a_restaurant_with_a_menu(city), totalPrice=1)
    before = await count(city)

    refused = await city.client.post("/orders", order)

    assert (refused.status, refused.code) == (409, "price_changed")
    quote = refused.json()["quote"]
    assert quote["total"] == _sum(quote, "subtotal", "deliveryFee", "serviceFee", "tip")
    assert await count(city) == before
    taken = await city.client.post("/orders", order | {"totalPrice": quote["total"]})
    assert (taken.status, taken.json()["totalPrice"]) == (201, quote["total"])


async def test_a_dish_that_is_not_on_the_menu_is_400_by_its_place_in_the_basket(
    city: Running,
) -> None:
    items = [{"name": "Pho", "qty": 1}, {"name": "Sushi", "qty": 1}]
    order = an_order(restaurantId=await a_restaurant_with_a_menu(city), items=items)

    refused = await city.client.post("/orders", order)

    assert (refused.status, refused.paths) == (400, ["items[1].name"])


async def test_the_last_portion_goes_to_one(city: Running) -> None:
    order = an_order(
        restaurantId=await a_restaurant_with_a_menu(city), items=[{"name": "Soup", "qty": 1}]
    )
    del order["totalPrice"]

    answers = await asyncio.gather(*(city.client.post("/orders", order) for _ in range(10)))

    assert sorted(each.status for each in answers) == [201] + [409] * 9
    assert {each.code for each in answers if each.status == 409} == {"sold_out"}


async def test_an_order_is_cancelled_by_its_customer_and_that_may_be_asked_again(
    city: Running,
) -> None:
    order_id = (await city.client.post("/orders", an_order())).json()["id"]
    body = {"reason": "ordered twice"}

    first = await city.client.post(f"/orders/{order_id}/cancel", body)
    again = await city.client.post(f"/orders/{order_id}/cancel", body)

    assert (first.status, again.status) == (200, 200)
    assert first.json() == again.json()
    assert (first.json()["status"], first.json()["cancelledBy"]) == ("cancelled", "customer")
    assert first.json()["reason"] == "ordered twice"
    timeline = (await city.client.get(f"/orders/{order_id}/timeline")).json()
    assert [each["status"] for each in timeline] == ["pending", "cancelled"]
    refused = await city.client.post(f"/orders/{order_id}/cancel", {"by": "operator"})
    assert (refused.status, refused.code) == (409, "illegal_move")


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"by": "platform"}, "by"),
        ({"by": "nobody"}, "by"),
        ({"reason": ""}, "reason"),
        ({"why": "so"}, "why"),
    ],
)
async def test_a_cancel_that_can_not_be_right_is_400(
    city: Running, body: dict[str, str], path: str
) -> None:
    order_id = (await city.client.post("/orders", an_order())).json()["id"]

    answer = await city.client.post(f"/orders/{order_id}/cancel", body)

    assert (answer.status, answer.paths) == (400, [path])


async def test_what_is_not_there_can_not_be_cancelled(city: Running) -> None:
    answer = await city.client.post("/orders/987654321/cancel", {})

    assert (answer.status, answer.code) == (404, "not_found")


def _sum(price: dict[str, str], *parts: str) -> str:
    return str(sum(Decimal(price[each]) for each in parts))
