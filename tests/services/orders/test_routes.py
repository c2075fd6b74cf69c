"""Orders over HTTP: what is taken is stored once and told; what can't be is stored not at all."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from time import monotonic
from typing import Any

import msgspec
import pytest
from litestar import get

from ordereats.chassis.http.app import create_app
from ordereats.topology.local.part import Process, free_ports
from support.builders import (
    NOBODY,
    Running,
    a_restaurant,
    a_user,
    an_order,
    fresh_database,
    run_sql,
    running,
    serving,
    until_true,
)

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
    )

    assert {row["conname"] for row in keys} == {
        "orders_user_exists",
        "orders_restaurant_exists",
    }
    assert all(row["convalidated"] for row in keys)


@pytest.fixture
async def apart(postgres_server: Process) -> AsyncIterator[tuple[Running, str]]:
    """Run orders by itself, with neighbours elsewhere: users answers, restaurants is down."""
    async with (
        fresh_database(postgres_server) as users_url,
        fresh_database(postgres_server) as url,
        running(["users"], users_url) as users,
    ):
        assert (await users.client.post("/users", a_user())).json()["id"] == 1
        elsewhere = {"USERS_URL": users.client.url, "RESTAURANTS_URL": NOBODY}
        async with running(["orders"], url, **elsewhere) as orders:
            yield orders, url


async def test_a_neighbour_that_is_down_is_503_with_when_to_ask_again_and_nothing_is_stored(
    apart: tuple[Running, str],
) -> None:
    orders, url = apart

    answer = await orders.client.post("/orders", an_order(), key="k")

    assert (answer.status, answer.code) == (503, "unavailable")
    assert int(answer.headers["retry-after"]) > 0
    for table in ("orders", "outbox", "idempotency_keys"):
        assert await run_sql(url, f"select from {table}") == []  # three constants


async def test_the_same_key_places_the_order_when_the_neighbour_is_back(
    postgres_server: Process,
) -> None:
    async with (
        fresh_database(postgres_server) as url,
        fresh_database(postgres_server) as others_url,
        running(["users", "restaurants"], others_url) as others,
    ):
        await others.client.post("/users", a_user())
        await others.client.post("/restaurants", a_restaurant())
        down = {"USERS_URL": others.client.url, "RESTAURANTS_URL": NOBODY}
        async with running(["orders"], url, **down) as orders:
            assert (await orders.client.post("/orders", an_order(), key="k")).status == 503
        up = {"USERS_URL": others.client.url, "RESTAURANTS_URL": others.client.url}
        async with running(["orders"], url, **up) as orders:
            assert (await orders.client.post("/orders", an_order(), key="k")).status == 201


async def test_a_neighbour_that_takes_too_long_is_503_within_the_callers_patience(
    postgres_server: Process,
) -> None:
    may_answer = asyncio.Event()

    @get("/{anything:path}")
    async def hang(anything: str) -> str:
        await may_answer.wait()
        return anything

    async with (
        fresh_database(postgres_server) as url,
        serving(create_app("slow", [hang], [])) as slow,
        running(["orders"], url, USERS_URL=slow.url, RESTAURANTS_URL=slow.url) as orders,
    ):
        started = monotonic()
        answer = await orders.client.ask(
            "POST", "/orders", json=an_order(), headers={"X-Deadline-Ms": "300"}
        )
        took_s = monotonic() - started
        may_answer.set()

    assert (answer.status, answer.code) == (503, "deadline_exceeded")
    assert 0.25 < took_s < 1.5


async def test_a_wrong_address_of_a_neighbour_is_not_an_unknown_customer(
    postgres_server: Process,
) -> None:
    async with (
        fresh_database(postgres_server) as url,
        fresh_database(postgres_server) as payments_url,
        running(["payments"], payments_url) as payments,
        running(
            ["orders"],
            url,
            USERS_URL=payments.client.url,
            RESTAURANTS_URL=f"http://127.0.0.1:{free_ports(1)[0]}",
        ) as orders,
    ):
        answer = await orders.client.post("/orders", an_order())

    assert answer.status in {500, 503}
