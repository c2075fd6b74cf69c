"""A database with the chassis' own tables, and what stands on it."""

from collections.abc import AsyncIterator

import pytest

from ordereats.chassis.db.migrations import migrate
from ordereats.chassis.db.pool import Database
from ordereats.chassis.service import CHASSIS_TABLES


@pytest.fixture
async def chassis_url(database_url: str) -> str:
    """Give the address of a fresh database with outbox, inbox and idempotency keys."""
    await migrate(database_url, [CHASSIS_TABLES])
    return database_url


@pytest.fixture
async def database(chassis_url: str) -> AsyncIterator[Database]:
    async with Database.open(chassis_url, name="tests") as database:
        yield database
