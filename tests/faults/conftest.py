"""The platform that is being broken: services, on RabbitMQ."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import NoReturn

import pytest

from ordereats.topology.local.rabbitmq import installed_server
from support.platform import Platform, Shape, until


@pytest.fixture(scope="session")
async def broken_platform(
    session_folder: Path, missing: Callable[[str], NoReturn]
) -> AsyncIterator[Platform]:
    """Give a platform that the tests of this folder share; each leaves it whole."""
    if installed_server() is None:
        missing("rabbitmq-server")
    async with Platform.up(Shape("services", "rabbitmq"), session_folder / "faults") as started:
        await started.furnish()
        await until(_broker_is_settled(started), within_s=20, what="the broker's own files")
        yield started


@pytest.fixture
async def platform(broken_platform: Platform) -> AsyncIterator[Platform]:
    """Give the platform, and see afterwards that it is whole again."""
    yield broken_platform
    await broken_platform.misbehave(latencyMs=0, failStatus=None, cutAfterCharge=False, times=None)
    for name, part in (await broken_platform.parts()).items():
        if part["state"] == "held":
            await broken_platform.start(name)
    order_id = await broken_platform.place()
    await broken_platform.until_status(order_id, "paid", within_s=30)


def _broker_is_settled(platform: Platform) -> Callable[[], Awaitable[bool]]:
    """Whether RabbitMQ has written down where its quorum queues are.

    It does so on a timer: one that is killed within the second in which a queue was first declared
    comes back with that queue unusable, and then no retry of ours helps. (RabbitMQ 3.10.)
    """
    queues = (b"payments.order", b"orders.payment", b"notifications.order")

    async def settled() -> bool:
        (file,) = platform.home.rglob("quorum/*/names.dets")
        written = await asyncio.to_thread(file.read_bytes)
        return all(queue in written for queue in queues)

    return settled
