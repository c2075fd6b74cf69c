"""Restaurants: what is asked at the same moment is read once; calendars are unrolled anew."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Any

from ordereats.chassis.clock import SystemClock
from ordereats.chassis.db.pool import Database, one
from ordereats.chassis.errors import NotFound
from ordereats.chassis.http.idempotency import Answers
from ordereats.chassis.messaging.outbox import Outbox
from ordereats.contracts.ids import RestaurantId
from ordereats.contracts.restaurants import Hours, OpenRestaurant, WeeklySpan
from ordereats.services.restaurants.domain.pricing import Tariff
from ordereats.services.restaurants.domain.restaurant import Restaurant
from ordereats.services.restaurants.store import restaurants as store
from ordereats.services.restaurants.use_cases import restaurants as use_cases
from ordereats.services.restaurants.use_cases.deps import Deps, Page
from support.builders import nothing

Tables = Callable[..., AbstractAsyncContextManager[Database]]
CLOCK = SystemClock()
NOBODY_ASKS: Any = None


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
        deps = _deps(database)
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


def _deps(database: Database) -> Deps:
    return Deps(
        database=database,
        outbox=Outbox("restaurants", CLOCK, nothing),
        answers=Answers(database),
        clock=CLOCK,
        found=NOBODY_ASKS,
        pages=NOBODY_ASKS,
        tariff=Tariff(),
        held_for_s=900,
    )


async def _fill(database: Database, count: int) -> None:
    async with database.transaction() as tx:
        for number in range(1, count + 1):
            await store.insert(tx, OpenRestaurant(f"No {number}"), at=CLOCK.now())
