"""Services are killed, and what must hold still holds."""

import asyncio
from collections.abc import Awaitable, Callable
from urllib.parse import urlencode

import aiohttp
import pytest

from support.cast import Restaurant
from support.platform import Answer, Platform, until
from support.traffic import steadily, timed

NOBODY_KNOWS = 999_999
NOTICED_S = 3 + 2
"""A breaker's window (see `conftest`), in which half of the calls have to fail; and two more."""

Order = dict[str, object]


async def test_orders_are_taken_while_payments_is_down_and_paid_once_when_it_is_back(
    platform: Platform,
) -> None:
    await platform.kill("payments")

    orders = [await platform.place() for _ in range(10)]

    assert {await platform.status(each) for each in orders} == {"pending"}
    await platform.start("payments")
    for order_id in orders:
        await platform.until_status(order_id, "paid", within_s=30)
    charges = await platform.charges()
    assert [charges[each] for each in orders] == [1] * 10


@pytest.mark.alone  # how soon a read is answered is held against before
@pytest.mark.parametrize(
    ("neighbour", "kind", "fallback", "unknown"),
    [
        ("restaurants", "quote", "menu", {"restaurantId": NOBODY_KNOWS}),
        ("users", "get_user", "customer", {"userId": NOBODY_KNOWS}),
    ],
    ids=["restaurants", "users"],
)
async def test_while_a_neighbour_is_down_what_is_known_still_orders_and_what_is_not_is_refused(
    platform: Platform, known: Restaurant, neighbour: str, kind: str, fallback: str, unknown: Order
) -> None:
    earlier = await known.order()

    async def checkout() -> Answer:
        return await platform.post("/orders", known.an_order())

    async def read() -> Answer:
        return await platform.get(f"/orders/{earlier}")

    kinds, control = {"checkout": checkout, "read": read}, await platform.unconcerned()
    async with steadily(kinds, per_second=10, control=control) as traffic:
        before = await traffic.watch(30)
        await platform.kill(neighbour)
        refused = await timed(platform.post("/orders", platform.an_order(**unknown)))
        await platform.until_breaker("orders", neighbour, kind, "open", within_s=NOTICED_S)
        during = await traffic.watch(30)
        await platform.start(neighbour)
        await platform.until_breaker("orders", neighbour, kind, "closed", within_s=20)
        after = await traffic.watch(10)

    whole = await traffic.all()
    assert whole.statuses("checkout").keys() == {201}
    assert whole.statuses("read").keys() == {200}
    assert not during.slowed(before, "read")
    assert [each.body["fallbacks"] for each in during.answers("checkout")] == [[fallback]] * 30
    assert not any("fallbacks" in each.body for each in after.answers("checkout"))
    await platform.until_status(during.answers("checkout")[0].body["id"], "paid", within_s=20)
    assert refused.answer.status == 503
    assert int(refused.answer.headers["Retry-After"]) >= 1
    assert refused.seconds < 1
    assert (await platform.get(f"/orders?{urlencode(unknown)}")).body == []


async def test_while_notifications_is_down_nobody_waits_and_each_is_told_once_later(
    platform: Platform,
) -> None:
    customer = await platform.a_customer()
    await platform.kill("notifications")

    orders = [await platform.place(userId=customer) for _ in range(5)]

    for order_id in orders:
        await platform.until_status(order_id, "paid", within_s=20)
    await platform.start("notifications")
    for order_id in orders:
        await platform.until_told(order_id, "paid", within_s=20)
        subjects = [each["subject"] for each in await platform.told(order_id)]
        assert len(subjects) == len(set(subjects)) == 2  # that we have it, and that it is paid


async def test_an_order_that_was_answered_survives_the_death_of_orders(platform: Platform) -> None:
    answers: list[Answer] = []
    stop = asyncio.Event()

    async def customer() -> None:
        while not stop.is_set():
            try:
                answers.append(await platform.post("/orders", platform.an_order()))
            except (OSError, aiohttp.ClientError):  # also an answer that broke off in its middle
                await asyncio.sleep(0.05)

    async with asyncio.TaskGroup() as group:
        for _ in range(5):
            group.create_task(customer())
        await until(_count(answers, 30), within_s=20, what="some orders")
        await platform.kill("orders")
        await platform.start("orders")
        await until(_count(answers, len(answers) + 20), within_s=20, what="orders after it")
        stop.set()

    taken = [each.body["id"] for each in answers if each.status == 201]
    assert len(set(taken)) == len(taken)
    for order_id in taken:
        await platform.until_status(order_id, "paid", within_s=30)
    charges = await platform.charges()
    assert {charges[each] for each in taken} == {1}


def _count(answers: list[Answer], least: int) -> Callable[[], Awaitable[bool]]:
    async def reached() -> bool:
        return sum(each.status == 201 for each in answers) >= least

    return reached
