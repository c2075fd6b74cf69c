"""The platforms that the journeys run against: one for each shape, for the whole run."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import NoReturn

import pytest

from ordereats.topology.local.rabbitmq import installed_server
from support.containers.composed import COMPOSE
from support.containers.stack import Stack
from support.platform import SHAPES, Answer, Platform, Shape, walk

FIRST_WALK: dict[Shape, list[Answer]] = {}


@pytest.fixture(scope="session", params=[*SHAPES, COMPOSE], ids=str)
def shape(request: pytest.FixtureRequest, missing: Callable[[str], NoReturn]) -> Shape:
    """Give each way to run it."""
    chosen: Shape = request.param
    if chosen.broker == "rabbitmq" and installed_server() is None:
        missing("rabbitmq-server")
    return chosen


@pytest.fixture(scope="session")
async def platform(shape: Shape, session_folder: Path, stack: Stack) -> AsyncIterator[Platform]:
    """Give a platform on which the first walk was walked, before anything else."""
    if shape == COMPOSE:
        composed = await stack.platform()
        FIRST_WALK[shape] = stack.first_walk
        yield composed
        return
    async with Platform.up(shape, session_folder / str(shape)) as started:
        FIRST_WALK[shape] = await walk(started)
        await started.furnish()
        yield started


@pytest.fixture
def first_walk(platform: Platform) -> list[Answer]:
    """Give the answers of the first walk."""
    return FIRST_WALK[platform.shape]
