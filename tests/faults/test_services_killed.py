"""Services are killed, and what must hold still holds."""

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic

import aiohttp

from support.platform import Answer, Platform, until


async def test_orders_are_taken_while_payments_is_down_and_paid_once_when_it_is_back(
    platform: Platform,
) -> None:
    await platform.kill("payments")

    orders = [await platform.place() for _ in range(20)]

    assert {await platform.status(each) for each in orders} == {"pending"}
    await platform.start("payments")
    for order_id in orders:
        await platform.until_status(order_id, "paid", within_s=30)
    charges = await platform.charges()
    assert [charges[each] for each in orders] == [1] * 20


async def test_no_order_is_taken_blindly_while_users_is_down(platform: Platform) -> None:
    before = (await platform.get(f"/orders?userId={platform.user_id}&limit=500")).body
    await platform.kill("users")

    started = monotonic()
    refused = await platform.post("/orders", platform.an_order())

    assert monotonic() - started < 3
    assert (refused.status, refused.code) == (503, "unavailable")
    assert int(refused.headers["Retry-After"]) >= 1
    after = (await platform.get(f"/orders?userId={platform.user_id}&limit=500")).body
    assert len(after) == len(before)
    assert (await platform.get("/users/1")).status == 503


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


async def test_a_service_that_dies_is_started_again(platform: Platform) -> None:
    before = (await platform.parts())["notifications"]

    await platform.run("kill", "notifications")
    await platform.run("start", "notifications")

    after = (await platform.parts())["notifications"]
    assert after["pid"] != before["pid"]
    assert after["state"] == "ready"


def _count(answers: list[Answer], least: int) -> Callable[[], Awaitable[bool]]:
    async def reached() -> bool:
        return sum(each.status == 201 for each in answers) >= least

    return reached
