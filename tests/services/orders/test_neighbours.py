"""Orders in a process of its own: what it answers when its neighbours are down, slow or wrong."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from time import monotonic
from typing import Annotated

import aiohttp
import pytest
from litestar import route
from litestar.params import PathParameter

from ordereats.chassis.config import Environment
from ordereats.chassis.errors import Misconfigured
from ordereats.chassis.http.app import create_app
from ordereats.services.orders.settings import Settings
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
from support.served import Served


def neighbours(users: str = NOBODY, restaurants: str = NOBODY) -> dict[str, str]:
    """Where they are; kitchen is down."""
    return {"USERS_URL": users, "RESTAURANTS_URL": restaurants, "KITCHEN_URL": NOBODY}


@pytest.fixture
async def apart(postgres_server: Process) -> AsyncIterator[tuple[Running, str]]:
    """Run orders by itself, with neighbours elsewhere: users answers, restaurants is down."""
    async with (
        fresh_database(postgres_server) as users_url,
        fresh_database(postgres_server) as url,
        running(["users"], users_url) as users,
    ):
        assert (await users.client.post("/users", a_user())).json()["id"] == 1
        elsewhere = neighbours(users=users.client.url)
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
        down = neighbours(users=others.client.url)
        async with running(["orders"], url, **down) as orders:
            assert (await orders.client.post("/orders", an_order(), key="k")).status == 503
        up = neighbours(users=others.client.url, restaurants=others.client.url)
        async with running(["orders"], url, **up) as orders:
            assert (await orders.client.post("/orders", an_order(), key="k")).status == 201


async def test_orders_are_taken_while_its_neighbours_are_gone_from_what_they_told_before(
    postgres_server: Process,
) -> None:
    async with (
        fresh_database(postgres_server) as url,
        fresh_database(postgres_server) as others_url,
    ):
        async with running(["users", "restaurants"], others_url, BROKER_URL=url) as others:
            gone = neighbours(users=others.client.url, restaurants=others.client.url)
            async with running(["orders"], url, **gone) as orders:
                await others.client.post("/users", a_user())
                await others.client.post("/restaurants", a_restaurant())
                await until_true(lambda: run_sql(url, "select from known_customers, known_menus"))
        async with running(["orders"], url, **gone) as orders:
            answer = await orders.client.post("/orders", an_order(), key="k")
            again = await orders.client.post("/orders", an_order(), key="k")
            path = f"/orders/{answer.json()['id']}"
            read, listed = await orders.client.get(path), await orders.client.get("/orders")
            stranger = await orders.client.post("/orders", an_order(userId=2))

    assert (answer.status, answer.json()["fallbacks"]) == (201, ["customer", "menu"])
    assert (again.status, again.body) == (201, answer.body)
    assert read.json() == answer.json()
    assert listed.json() == [answer.json()]
    assert (stranger.status, int(stranger.headers["retry-after"]) > 0) == (503, True)


async def test_a_neighbour_that_takes_too_long_is_503_within_the_callers_patience(
    postgres_server: Process,
) -> None:
    may_answer = asyncio.Event()

    @route("/{anything:path}", http_method=["GET", "POST"])
    async def hang(anything: Annotated[str, PathParameter()]) -> str:
        await may_answer.wait()
        return anything

    async with (
        fresh_database(postgres_server) as url,
        serving(create_app("slow", [hang], [])) as slow,
        running(["orders"], url, **neighbours(slow.url, slow.url)) as orders,
    ):
        started = monotonic()
        answer = await orders.client.ask(
            "POST", "/orders", json=an_order(), headers={"X-Deadline-Ms": "300"}
        )
        took_s = monotonic() - started
        may_answer.set()

    assert (answer.status, answer.code) == (503, "deadline_exceeded")
    assert 0.15 < took_s < 1.5


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
            **neighbours(payments.client.url, f"http://127.0.0.1:{free_ports(1)[0]}"),
        ) as orders,
    ):
        answer = await orders.client.post("/orders", an_order())

    assert answer.status in {500, 503}


@pytest.fixture
async def without_kitchen(postgres_server: Process) -> AsyncIterator[tuple[Running, str]]:
    """Run orders with users and restaurants elsewhere, and a kitchen that is down."""
    async with (
        fresh_database(postgres_server) as url,
        fresh_database(postgres_server) as others_url,
        running(["users", "restaurants"], others_url) as others,
    ):
        await others.client.post("/users", a_user())
        await others.client.post("/restaurants", a_restaurant())
        at = neighbours(others.client.url, others.client.url) | {"PAY_WITHIN_SECONDS": "1"}
        async with running(["orders"], url, **at) as orders:
            yield orders, url


async def test_a_paid_order_is_not_cancelled_while_the_kitchen_is_down(
    without_kitchen: tuple[Running, str],
) -> None:
    orders, url = without_kitchen
    order_id = (await orders.client.post("/orders", an_order())).json()["id"]
    await run_sql(url, "update orders set status = 'paid', version = 2, due_at = null")

    answer = await orders.client.post(f"/orders/{order_id}/cancel", {})

    assert (answer.status, answer.code) == (503, "unavailable")
    assert int(answer.headers["retry-after"]) > 0
    assert (await orders.client.get(f"/orders/{order_id}")).json()["status"] == "paid"
    by_operator = await orders.client.post(f"/orders/{order_id}/cancel", {"by": "operator"})
    assert (by_operator.status, by_operator.json()["status"]) == (200, "cancelled")


async def test_an_order_that_nobody_pays_expires_by_itself(
    without_kitchen: tuple[Running, str],
) -> None:
    orders, _ = without_kitchen
    order_id = (await orders.client.post("/orders", an_order())).json()["id"]

    async def has_expired() -> bool:
        found = (await orders.client.get(f"/orders/{order_id}")).json()
        return bool(found["status"] == "expired")

    await until_true(has_expired)


async def test_an_order_of_which_its_kitchen_never_heard_is_cancelled_by_itself_and_once(
    postgres_server: Process,
) -> None:
    services = ["users", "restaurants", "orders", "kitchen"]
    async with fresh_database(postgres_server) as url, running(services, url) as shop:
        await shop.client.post("/users", a_user())
        await shop.client.post("/restaurants", a_restaurant())
        order_id = (await shop.client.post("/orders", an_order())).json()["id"]
        await run_sql(url, "update orders set status = 'paid', version = 2, due_at = now()")

        async def withdrawal_was_heard() -> bool:
            heard = "select from inbox where consumer = 'orders.ticket' and state = 'done'"
            return bool(await run_sql(url, heard))

        await until_true(withdrawal_was_heard)
        found = (await shop.client.get(f"/orders/{order_id}")).json()
        ended = await run_sql(url, "select from order_moves where status = 'cancelled'")

    assert (found["status"], found["version"]) == ("cancelled", 3)
    assert (found["cancelledBy"], found["reason"]) == ("platform", "no_answer")
    assert len(ended) == 1


async def test_a_stop_does_not_wait_for_those_who_follow_an_order(
    postgres_server: Process, tmp_path: Path
) -> None:
    async with (
        fresh_database(postgres_server) as url,
        Served.start("all", folder=tmp_path, DATABASE_URL=url) as served,
    ):
        await served.client.post("/users", a_user())
        await served.client.post("/restaurants", a_restaurant())
        order_id = (await served.client.post("/orders", an_order())).json()["id"]
        following = asyncio.Event()

        async def follow() -> bytes:
            address = f"{served.client.url}/orders/{order_id}/events"
            async with aiohttp.ClientSession() as session, session.get(address) as answer:
                following.set()
                return await answer.read()

        async with asyncio.TaskGroup() as tasks:
            heard = tasks.create_task(follow())
            await following.wait()
            started = monotonic()
            status = await served.stop()
            took_s = monotonic() - started

    assert (status, heard.result().count(b"event: status")) == (0, 1)
    assert took_s < 3


def test_there_is_half_an_hour_to_pay_and_to_answer_and_room_for_a_thousand_who_follow() -> None:
    half_an_hour = timedelta(minutes=30)
    ninety_days, week = timedelta(days=90), timedelta(weeks=1)

    settings = Settings.read(Environment({}))

    assert settings == Settings(half_an_hour, half_an_hour, ninety_days, week, 1000)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PAY_WITHIN_SECONDS", "0"),
        ("PAY_WITHIN_SECONDS", "soon"),
        ("ANSWER_WITHIN_SECONDS", "0"),
        ("MENUS_KNOWN_FOR_SECONDS", "604801"),
        ("CUSTOMERS_KNOWN_FOR_SECONDS", "31536001"),
        ("ORDER_STREAMS_MAX", "0"),
    ],
)
def test_a_setting_that_can_not_be_right_is_refused_by_its_name(name: str, value: str) -> None:
    with pytest.raises(Misconfigured, match=name):
        Settings.read(Environment({name: value}))
