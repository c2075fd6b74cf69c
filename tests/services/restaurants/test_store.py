"""The SQL of restaurants on a real PostgreSQL."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, date, datetime, timedelta

import pytest

from ordereats.chassis.clock import SystemClock
from ordereats.chassis.db.pool import Database
from ordereats.contracts.ids import RestaurantId
from ordereats.contracts.openings import Opening
from ordereats.contracts.places import Location, Place
from ordereats.contracts.restaurants import Hours, OpenRestaurant, Span, SpecialDay, WeeklySpan
from ordereats.services.restaurants.domain import hours as rules
from ordereats.services.restaurants.store import restaurants as store
from ordereats.services.restaurants.store.restaurants import Search

Tables = Callable[..., AbstractAsyncContextManager[Database]]
NOW = SystemClock().now()
PLACE = Place("Kampinkuja 2", Location(60.1688, 24.9316))


@pytest.mark.parametrize(
    "command",
    [
        OpenRestaurant("Pho", "Vietnamese", PLACE, "pho@test.com"),
        OpenRestaurant("Inn"),
        OpenRestaurant("Bar", place=Place("Somewhere 1")),
    ],
    ids=lambda command: command.name,
)
async def test_what_was_inserted_is_found_as_it_was(
    tables: Tables, command: OpenRestaurant
) -> None:
    async with tables("restaurants") as database:
        async with database.transaction() as tx:
            made = await store.insert(tx, command, at=NOW)
        found = await store.some(database, [RestaurantId(1), RestaurantId(99)], at=NOW)

    assert found == {1: made}
    assert (made.name, made.cuisine, made.place, made.email, made.created_at) == (
        command.name,
        command.cuisine,
        command.place,
        command.email,
        NOW,
    )
    assert (made.version, made.menu_version, made.has_hours) == (1, 0, False)
    assert made.takes_orders_at == NOW


async def test_a_page_begins_after_an_id_and_ends_at_the_limit(tables: Tables) -> None:
    async with tables("restaurants") as database:
        await _fill(database, 5)

        assert await _page(database, after=0, limit=2) == [1, 2]
        assert await _page(database, after=2, limit=2) == [3, 4]
        assert await _page(database, after=4, limit=2) == [5]
        assert await _page(database, after=5, limit=2) == []


async def test_the_opening_that_is_found_is_that_of_the_calendar_at_every_moment(
    tables: Tables,
) -> None:
    weekly = tuple(WeeklySpan(day, "18:00", "02:00") for day in (1, 2, 5, 6))
    lunch = tuple(WeeklySpan(day, "11:30", "14:00") for day in (1, 3, 5))
    special = SpecialDay(date(2026, 10, 24), (Span("12:00", "12:00"), Span("20:00", "23:00")))
    calendar = Hours("Europe/Helsinki", weekly + lunch, (special,))
    start = datetime(2026, 10, 20, 8, tzinfo=UTC)
    openings = rules.unrolled(calendar, now=start)
    async with tables("restaurants") as database:
        await _fill(database, 1)
        async with database.transaction() as tx:
            await store.set_hours(tx, RestaurantId(1), calendar)
            await store.set_opening(tx, RestaurantId(1), openings, for_s=60)
        for minutes in range(0, 7 * 24 * 60, 41):
            now = start + timedelta(minutes=minutes)
            found = (await store.some(database, [RestaurantId(1)], at=now))[RestaurantId(1)]
            open_ones = await store.search(database, Search(open_at=now), after=0, limit=9, at=now)

            expected = min(max(now, each.opens) for each in openings if each.closes > now)
            assert found.takes_orders_at == expected
            assert len(open_ones) == (expected == now)


@pytest.mark.parametrize(
    ("paused_until", "opens"),
    [(None, "11:00"), ("11:30", "11:30"), ("13:00", "14:00"), ("15:00", "15:00")],
)
async def test_after_a_pause_it_opens_with_the_span_that_runs_or_comes_then(
    tables: Tables, paused_until: str | None, opens: str
) -> None:
    def at(time_of_day: str) -> datetime:
        return datetime.fromisoformat(f"2026-10-20T{time_of_day}:00+00:00")

    spans = [Opening(at("10:00"), at("12:00")), Opening(at("14:00"), at("16:00"))]
    async with tables("restaurants") as database:
        await _fill(database, 1)
        async with database.transaction() as tx:
            await store.set_hours(tx, RestaurantId(1), Hours("UTC", ()))
            await store.set_opening(tx, RestaurantId(1), spans, for_s=60)
            await store.pause(tx, RestaurantId(1), at(paused_until) if paused_until else None)
        found = await store.some(database, [RestaurantId(1)], at=at("11:00"))

    assert found[RestaurantId(1)].takes_orders_at == at(opens)


async def test_calendars_that_are_due_are_taken_by_one_at_a_time(tables: Tables) -> None:
    calendar = Hours("UTC", (WeeklySpan(1, "10:00", "20:00"),))
    async with tables("restaurants") as database:
        await _fill(database, 2)
        async with database.transaction() as tx:
            for number in (1, 2):
                await store.set_hours(tx, RestaurantId(number), calendar)
                await store.set_opening(tx, RestaurantId(number), [], for_s=0)
        async with database.transaction() as one, database.transaction() as other:
            first = await store.due(one, limit=1)
            second = await store.due(other, limit=9)
            third = await store.due(other, limit=9)

    assert (first, second, third) == ([(1, calendar)], [(2, calendar)], [(2, calendar)])


async def _fill(database: Database, count: int) -> None:
    async with database.transaction() as tx:
        for number in range(1, count + 1):
            await store.insert(tx, OpenRestaurant(f"No {number}"), at=NOW)


async def _page(database: Database, *, after: int, limit: int) -> list[int]:
    return [each.id for each in await store.page(database, after=after, limit=limit, at=NOW)]
