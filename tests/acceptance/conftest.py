"""The platforms that the journeys run against: one for each shape, for the whole run."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import NoReturn

import pytest

from ordereats.topology.local.rabbitmq import installed_server
from support.platform import SHAPES, Answer, Platform, Shape

FIRST_WALK: dict[Shape, list[Answer]] = {}


@pytest.fixture(scope="session", params=SHAPES, ids=str)
def shape(request: pytest.FixtureRequest, missing: Callable[[str], NoReturn]) -> Shape:
    """Give each way to run it."""
    chosen: Shape = request.param
    if chosen.broker == "rabbitmq" and installed_server() is None:
        missing("rabbitmq-server")
    return chosen


@pytest.fixture(scope="session")
async def platform(shape: Shape, session_folder: Path) -> AsyncIterator[Platform]:
    """Give a platform on which the first walk was walked, before anything else."""
    async with Platform.up(shape, session_folder / str(shape)) as started:
        FIRST_WALK[shape] = await walk(started)
        await started.furnish()
        yield started


@pytest.fixture
def first_walk(platform: Platform) -> list[Answer]:
    """Give the answers of the first walk."""
    return FIRST_WALK[platform.shape]


async def walk(platform: Platform) -> list[Answer]:
    """The first requests that the platform ever gets, word for word as the README has them."""
    return [
        await platform.post("/users", b'{"name": "Hieu", "email": "hieu@test.com"}'),
        await platform.post("/restaurants", b'{"name": "Pho Saigon", "cuisine": "Vietnamese"}'),
        await platform.post(
            "/orders",
            b'{"userId": 1, "restaurantId": 1, "items": [{"name": "Pho", "qty": 2}],'
            b' "totalPrice": 25.00}',
        ),
    ]
