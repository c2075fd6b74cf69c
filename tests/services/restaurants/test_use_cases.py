"""Restaurants: what is asked at the same moment is read once; calendars are unrolled anew."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import timedelta

from ordereats.chassis.db.pool import Database, one
from ordereats.chassis.errors import NotFound
from ordereats.contracts.ids import RestaurantId
from ordereats.contracts.pricing import Tariff
from ordereats.contracts.restaurants import Hours, MenuChanged, OpenRestaurant, WeeklySpan
from ordereats.contracts.wire import decode
from ordereats.services.restaurants.domain.restaurant import Restaurant
from ordereats.services.restaurants.store import restaurants as store
from ordereats.services.restaurants.use_cases import restaurants as use_cases
from ordereats.services.restaurants.use_cases.deps import Page
from services.restaurants.alone import CLOCK, deps_on

Tables = Callable[..., AbstractAsyncContextManager[Database]]


async def test_each_gets_its_own_page(tables: Tables) -> None:
    async with tables("restaurants") as database:
        await _fill(database, 3)
        pages = [Page(0, 1), Page(1, 5), Page(0, 1), Page(9, 5)]

        found = await use_cases.find_pages(database, CLOCK, pages)

    assert [[each.id for each in page] for page in found] == [[1], [2, 3], [1], []]


async def test_several_are_found_at_once_each_or_why_not(tables: Tables) -> None:
    async with tables("restaurants") as database:
        await _fill(database, 1)

        found, none = await use_cases.find(database, CLOCK, [RestaurantId(1), RestaurantId(99)])

    assert not isinstance(found, Exception)
    assert found.id == 1
    assert isinstance(none, NotFound)


async def test_hours_are_unrolled_anew_when_they_are_due(tables: Tables) -> None:
    every_day = tuple(WeeklySpan(day, "00:00", "00:00") for day in range(1, 8))
    hours = Hours("Europe/Helsinki", every_day)
    restaurant_id = RestaurantId(1)
    async with tables("restaurants") as database:
        deps = deps_on(database)
        await _fill(database, 1)
        await use_cases.set_hours(deps, restaurant_id, hours)
        await database.execute("update restaurants set opening = '{}', opening_due_at = now()")
        (stale,) = await use_cases.find(database, CLOCK, [restaurant_id])

        more = await use_cases.unroll_due(deps)

        (fresh,) = await use_cases.find(database, CLOCK, [restaurant_id])
        row = one(await database.fetch_one("select opening_due_at from restaurants"))

    assert isinstance(stale, Restaurant)
    assert isinstance(fresh, Restaurant)
    assert stale.takes_orders_at is None
    assert fresh.takes_orders_at == fresh.at
    assert row["opening_due_at"] - CLOCK.now() > timedelta(days=6)
    assert not more


async def test_prices_are_told_anew_once_when_the_tariff_has_changed(tables: Tables) -> None:
    async with tables("restaurants") as database:
        before = deps_on(database)
        after = replace(before, tariff=Tariff(delivery_base=390))
        for name in "Inn", "Bar":
            await use_cases.open_restaurant(before, OpenRestaurant(name))

        assert not await use_cases.tell_anew(before)
        assert not await use_cases.tell_anew(after)
        assert not await use_cases.tell_anew(after)

        told = await database.fetch(
            "select version, data from outbox where subject like 'menu/%' order by version"
        )
    fees = [decode(row["data"].encode(), MenuChanged).price_list.tariff for row in told]
    assert [row["version"] for row in told] == [1, 1, 2, 2]
    assert [each.delivery_base for each in fees] == [290, 290, 390, 390]


async def test_what_a_process_of_before_has_changed_is_told_anew_once(tables: Tables) -> None:
    async with tables("restaurants") as database:
        deps = deps_on(database)
        await use_cases.open_restaurant(deps, OpenRestaurant("Inn"))
        await database.execute("update restaurants set version = 2")  # and no menu.changed

        await use_cases.tell_anew(deps)
        await use_cases.tell_anew(deps)

        told = "select version from outbox where subject like 'menu/%' order by version"
        versions = [row["version"] for row in await database.fetch(told)]
    assert versions == [1, 3]


async def test_a_few_are_told_anew_at_once_so_that_nobody_waits_long_for_them(
    tables: Tables,
) -> None:
    async with tables("restaurants") as database:
        await _fill(database, use_cases.AT_ONCE + 1)

        assert await use_cases.tell_anew(deps_on(database))
        assert not await use_cases.tell_anew(deps_on(database))


async def _fill(database: Database, count: int) -> None:
    async with database.transaction() as tx:
        for number in range(1, count + 1):
            await store.insert(tx, OpenRestaurant(f"No {number}"), at=CLOCK.now())
