"""Restaurants: the same page is read once for everyone who asks at the same moment."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from ordereats.chassis.clock import SystemClock
from ordereats.chassis.db.pool import Database
from ordereats.chassis.errors import NotFound
from ordereats.contracts.ids import RestaurantId
from ordereats.services.restaurants import store, use_cases
from ordereats.services.restaurants.use_cases import Page

Tables = Callable[..., AbstractAsyncContextManager[Database]]


async def test_each_gets_its_own_page(tables: Tables) -> None:
    async with tables("restaurants") as database:
        for _ in range(3):
            await store.insert(database, name="Inn", cuisine=None, created_at=SystemClock().now())
        pages = [Page(0, 1), Page(1, 5), Page(0, 1), Page(9, 5)]

        found = await use_cases.find_pages(database, pages)

    assert [[each.id for each in page] for page in found] == [[1], [2, 3], [1], []]


async def test_several_are_found_at_once_each_or_why_not(tables: Tables) -> None:
    async with tables("restaurants") as database:
        inn = await store.insert(database, name="Inn", cuisine=None, created_at=SystemClock().now())

        found, none = await use_cases.find(database, [inn.id, RestaurantId(99)])

    assert found == inn
    assert isinstance(none, NotFound)
