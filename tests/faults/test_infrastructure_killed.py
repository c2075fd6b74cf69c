"""The broker or a database goes away: orders are kept, and answers come in time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psutil
import pytest

from ordereats.topology.local.rabbitmq import installed_server
from support.platform import Answer, Platform, until
from support.traffic import steadily

PATIENCE_S = 2.0
PATIENCE = {"X-Deadline-Ms": str(int(PATIENCE_S * 1000))}
LATE_S = 1.0
"""For an answer to say that the time is over, on a machine that is busy."""


@pytest.mark.parametrize("how", ["killed", "down", "black-hole"])
async def test_orders_are_taken_while_the_broker_is_down(platform: Platform, how: str) -> None:
    async with gone(platform, "rabbitmq", how):
        orders = [await platform.place() for _ in range(10)]
        assert (await platform.get("/health")).status == 200
        assert {await platform.status(each) for each in orders} == {"pending"}

    for order_id in orders:
        await platform.until_status(order_id, "paid", within_s=30)
    charges = await platform.charges()
    assert [charges[each] for each in orders] == [1] * 10


async def test_orders_are_taken_under_a_memory_alarm_of_the_broker_and_flow_when_it_clears(
    platform: Platform,
) -> None:
    async with alarmed(platform):
        orders = [await platform.place() for _ in range(10)]

        async def is_blocked() -> bool:
            return 'ordereats_bus_state{state="blocked"} 1.0' in await platform.metrics("orders")

        await until(is_blocked, within_s=20, what="orders to hear of the alarm")
        assert "blocked" in str(await platform.ready("orders"))
        assert {await platform.status(each) for each in orders} == {"pending"}

    for order_id in orders:
        await platform.until_status(order_id, "paid", within_s=30)
    charges = await platform.charges()
    assert [charges[each] for each in orders] == [1] * 10


@pytest.mark.parametrize(("how", "seconds"), [("killed", 2), ("stopped", 5), ("black-hole", 2)])
async def test_while_a_database_is_gone_only_its_service_fails_in_time_and_heals_by_itself(
    platform: Platform, how: str, seconds: int
) -> None:
    customer = await platform.a_customer()
    earlier = await platform.place(userId=customer)
    keyed = {"Idempotency-Key": f"{how} {customer}"}

    async def place() -> Answer:
        order = platform.an_order(userId=customer)
        return await platform.post("/orders", order, headers=PATIENCE | keyed)

    async def read() -> Answer:
        return await platform.get(f"/orders/{earlier}", headers=PATIENCE)

    async def browse() -> Answer:
        return await platform.get("/restaurants?limit=5")

    kinds = {"place": place, "read": read, "browse": browse}
    async with gone(platform, "postgres-orders", how), steadily(kinds, per_second=4) as traffic:
        during = await traffic.watch(4 * seconds)

    for failing in ("place", "read"):
        assert all(each.status in {500, 503} for each in during.answers(failing))
        # A batch of orders is given up when the most patient of them has gone, and the next waits.
        assert during.slowest(failing) < 2 * PATIENCE_S + LATE_S
        assert "postgres" not in str(during.answers(failing)).lower()
    assert during.statuses("browse").keys() == {200}

    async def placed() -> bool:
        return (await place()).status == 201

    await until(placed, within_s=10, what="orders to be taken again")
    for order_id in (earlier, (await place()).body["id"]):
        await platform.until_status(order_id, "paid", within_s=20)
    whole = (await platform.get(f"/orders?userId={customer}")).body
    assert len(whole) == 2  # the earlier one, and one for the key, however often it was sent


async def test_a_payment_waits_for_its_database(platform: Platform) -> None:
    await platform.kill("postgres-payments")

    orders = [await platform.place() for _ in range(5)]

    await platform.start("postgres-payments")
    for order_id in orders:
        await platform.until_status(order_id, "paid", within_s=30)
    charges = await platform.charges()
    assert [charges[each] for each in orders] == [1] * 5


@asynccontextmanager
async def alarmed(platform: Platform) -> AsyncIterator[None]:
    """Let RabbitMQ have no memory to spare for the length of a block."""
    await set_watermark(platform, "0")
    try:
        yield
    finally:
        await set_watermark(platform, "0.6")


async def set_watermark(platform: Platform, share: str) -> None:
    server = installed_server()
    assert server
    process = await asyncio.create_subprocess_exec(
        server.with_name("rabbitmqctl"),
        "set_vm_memory_high_watermark",
        share,
        env=psutil.Process((await platform.parts())["rabbitmq"]["pid"]).environ(),
    )
    assert await process.wait() == 0


@asynccontextmanager
async def gone(platform: Platform, part: str, how: str) -> AsyncIterator[None]:
    """Be without a database, or the broker, for the length of a block."""
    if how == "killed":
        await platform.kill(part)
        yield
        await platform.start(part)
    elif how == "stopped":
        server = psutil.Process((await platform.parts())[part]["pid"])
        processes = [server, *server.children(recursive=True)]
        try:
            for each in processes:
                each.suspend()
            yield
        finally:
            for each in processes:
                each.resume()
    else:
        await platform.fault("any", part, how)
        yield
        await platform.heal()
