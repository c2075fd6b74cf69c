"""All services in this process, behind a real socket; and one service's tables by themselves."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from ordereats.chassis.db.migrations import migrate
from ordereats.chassis.db.pool import Database
from ordereats.topology import loading
from ordereats.topology.local.part import Process
from support.builders import Running, a_restaurant, a_user, fresh_database, running, until_true

Tables = Callable[..., AbstractAsyncContextManager[Database]]


@pytest.fixture(scope="module")
async def city(postgres_server: Process) -> AsyncIterator[Running]:
    """Run all services, with a user 1 and a restaurant 1. Nobody answers as payment provider."""
    async with fresh_database(postgres_server) as url, running(["all"], url) as city:
        assert (await city.client.post("/users", a_user())).json()["id"] == 1
        assert (await city.client.post("/restaurants", a_restaurant())).json()["id"] == 1
        async with Database.open(url, name="tests") as database:
            await until_true(lambda: _news_has_spread(database))
        yield city


@pytest.fixture
def tables(database_url: str) -> Tables:
    """Call for a database with the tables of one service and no others."""

    @asynccontextmanager
    async def of(service: str) -> AsyncIterator[Database]:
        await migrate(database_url, loading.migrations([service]))
        async with Database.open(database_url, name="tests") as database:
            yield database

    return of


async def _news_has_spread(database: Database) -> bool:
    """Whether notifications has heard of both, so that it can name them."""
    return bool(await database.fetch("select from notified_people, notified_about"))
