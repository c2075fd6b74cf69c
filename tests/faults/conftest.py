"""The platform that is being broken: services, on RabbitMQ, with the fault proxy on every edge."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import NoReturn

import asyncpg
import pytest

from ordereats.topology.local.rabbitmq import installed_server
from support.audit import audited
from support.cast import Restaurant
from support.platform import Platform, Shape, until

BROKEN = Shape("services", "rabbitmq", faults=True)
HURRIED = {"BREAKER_WINDOW": "3s", "STRIPE_TIMEOUT_S": "2"}
"""So that a fault is noticed, and a test is over, within seconds."""


@pytest.fixture(scope="session")
async def broken_platform(
    session_folder: Path, missing: Callable[[str], NoReturn]
) -> AsyncIterator[Platform]:
    """Give a platform that the tests of this folder share; each leaves it whole.

    In the end the audit finds nothing that a fault has left half done.
    """
    if installed_server() is None:
        missing("rabbitmq-server")
    async with Platform.up(BROKEN, session_folder / "faults", **HURRIED) as started:
        await started.furnish()
        await _until_broker_is_settled(started)
        yield started
        await audited(started)


@pytest.fixture(scope="session")
async def known(broken_platform: Platform) -> Restaurant:
    """Give a restaurant whose menu orders has heard of, as it has of the platform's customer."""
    restaurant = await Restaurant.opened(broken_platform)
    database = (await broken_platform.parts())["orders"]["database"]
    connection = await asyncpg.connect(database)

    async def heard() -> bool:
        return bool(
            await connection.fetchval(
                "select exists (select from known_menus where restaurant_id = $1)"
                " and exists (select from known_customers where user_id = $2)",
                restaurant.id,
                broken_platform.user_id,
            )
        )

    try:
        await until(heard, within_s=20, what="orders to hear of a menu and a customer")
    finally:
        await connection.close()
    return restaurant


@pytest.fixture
async def platform(broken_platform: Platform, known: Restaurant) -> AsyncIterator[Platform]:
    """Give the platform, and see afterwards that it is whole again."""
    yield broken_platform
    _, parts = await asyncio.gather(broken_platform.heal(), broken_platform.parts())
    for name, part in parts.items():
        if part["state"] == "held":
            await broken_platform.start(name)
    await broken_platform.misbehave()

    async def takes_orders_as_ever() -> bool:
        placed = await broken_platform.post("/orders", known.an_order())
        if placed.status != 201 or "fallbacks" in placed.body:
            return False
        await broken_platform.until_status(placed.body["id"], "paid", within_s=40)
        return True

    await until(takes_orders_as_ever, within_s=60, what="all to be whole again", every_s=0.5)


async def _until_broker_is_settled(platform: Platform) -> None:
    """Wait until RabbitMQ has written down where its quorum queues are, all of them.

    It does so on a timer: one that is killed within the second in which a queue was first declared
    comes back with that queue unusable, and then no retry of ours helps. (RabbitMQ 3.10.)
    """
    described = await platform.run("describe", "asyncapi")
    queues = set(re.findall(r"in the queue ([a-z]+\.[a-z]+)", described))
    assert queues
    (file,) = platform.home.rglob("quorum/*/names.dets")

    async def is_settled() -> bool:
        written = await asyncio.to_thread(file.read_bytes)
        return all(queue.encode() in written for queue in queues)

    await until(is_settled, within_s=20, what="the broker's own files")
