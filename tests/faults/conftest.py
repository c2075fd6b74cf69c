"""The platform that is being broken: services, on RabbitMQ."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import NoReturn

import pytest

from ordereats.topology.local.rabbitmq import installed_server
from support.platform import Platform, Shape


@pytest.fixture(scope="session")
async def broken_platform(
    session_folder: Path, missing: Callable[[str], NoReturn]
) -> AsyncIterator[Platform]:
    """Give a platform that the tests of this folder share; each leaves it whole."""
    if installed_server() is None:
        missing("rabbitmq-server")
    async with Platform.up(Shape("services", "rabbitmq"), session_folder / "faults") as started:
        await started.furnish()
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
