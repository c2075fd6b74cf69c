"""Restaurants alone in this process, behind a real socket."""

from collections.abc import AsyncIterator

import pytest

from ordereats.topology.local.part import Process
from services.restaurants.kitchens import Kitchens
from support.builders import fresh_database, running


@pytest.fixture(scope="module")
async def kitchens(postgres_server: Process) -> AsyncIterator[Kitchens]:
    """Run restaurants and nobody else."""
    async with fresh_database(postgres_server) as url, running(["restaurants"], url) as alone:
        yield Kitchens(alone, url)
