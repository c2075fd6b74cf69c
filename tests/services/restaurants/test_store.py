"""The SQL of restaurants on a real PostgreSQL."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from ordereats.chassis.clock import SystemClock
from ordereats.chassis.db.pool import Database
from ordereats.contracts.ids import RestaurantId
from ordereats.services.restaurants import store

Tables = Callable[..., AbstractAsyncContextManager[Database]]


async def test_what_was_inserted_is_found_as_it_was(tables: Tables) -> None:
    now = SystemClock().now()

    async with tables("restaurants") as database:
        pho = await store.insert(database, name="Pho", cuisine="Vietnamese", created_at=now)
        inn = await store.insert(database, name="Inn", cuisine=None, created_at=now)
        found = await store.some(database, [RestaurantId(2), RestaurantId(1), RestaurantId(99)])

    assert (pho.id, inn.id) == (1, 2)
    assert (inn.cuisine, inn.created_at) == (None, now)
    assert found == {1: pho, 2: inn}


async def test_a_page_begins_after_an_id_and_ends_at_the_limit(tables: Tables) -> None:
    async with tables("restaurants") as database:
        for number in range(1, 6):
            await store.insert(
                database, name=f"No {number}", cuisine=None, created_at=SystemClock().now()
            )

        assert [each.id for each in await store.page(database, after=0, limit=2)] == [1, 2]
        assert [each.id for each in await store.page(database, after=2, limit=2)] == [3, 4]
        assert [each.id for each in await store.page(database, after=4, limit=2)] == [5]
        assert await store.page(database, after=5, limit=2) == []
