"""Restaurants are found by text, cuisine, opening and distance; among 10,000 by an index."""

import math
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ordereats.chassis.clock import SystemClock
from ordereats.chassis.db.migrations import migrate
from ordereats.chassis.db.pool import Database, Row
from ordereats.contracts.places import EARTH_M, Location, distance_m
from ordereats.services.restaurants.domain import places
from ordereats.services.restaurants.store import restaurants as store
from ordereats.services.restaurants.store.restaurants import Search
from ordereats.topology import loading
from ordereats.topology.local.part import Process
from services.restaurants.kitchens import Kitchens, a_dish
from support.builders import fresh_database

NOW = SystemClock().now()
KAMPPI = Location(60.1688, 24.9316)
LOCATIONS = st.builds(Location, st.floats(-90, 90), st.floats(-180, 180))


def at(lat: float, lon: float) -> dict[str, Any]:
    return {"address": "Somewhere 1", "location": {"lat": lat, "lon": lon}}


async def names(kitchens: Kitchens, query: str) -> list[str]:
    answer = await kitchens.get(f"/restaurants?{query}")
    assert answer.status == 200, answer
    return [each["name"] for each in answer.json()]


async def test_text_is_found_in_names_cuisines_and_dishes_without_case_and_accents(
    kitchens: Kitchens,
) -> None:
    await kitchens.with_menu(a_dish(name="Smörgåstårta"), name="Zürich Bräu", cuisine="Crêpes")
    await kitchens.opened(name="Zurich West", cuisine="Swiss")
    await kitchens.opened(name="Đồng Quê", cuisine=None)

    assert await names(kitchens, "q=ZURICH") == ["Zürich Bräu", "Zurich West"]
    assert await names(kitchens, "q=brau+zuri") == ["Zürich Bräu"]
    assert await names(kitchens, "q=crepes+smorg") == ["Zürich Bräu"]
    assert await names(kitchens, "q=dong+que") == ["Đồng Quê"]
    assert await names(kitchens, "q=urich") == []
    assert await names(kitchens, "q=zurich+%26+'swiss'%3A*%7C%21x") == []


async def test_dishes_that_have_left_the_menu_are_not_found(kitchens: Kitchens) -> None:
    path, _ = await kitchens.with_menu(a_dish(name="Karjalanpiirakka"), name="Savo")
    found = await names(kitchens, "q=karjalan")
    await kitchens.ask("PUT", f"{path}/menu", {"sections": []})

    assert (found, await names(kitchens, "q=karjalan")) == (["Savo"], [])


async def test_a_cuisine_is_found_in_any_case_and_as_a_whole(kitchens: Kitchens) -> None:
    await kitchens.opened(name="Georgia", cuisine="Georgian")

    assert await names(kitchens, "cuisine=georGIAN") == ["Georgia"]
    assert await names(kitchens, "cuisine=georgia") == []


async def test_open_now_leaves_out_who_is_closed_or_has_paused(kitchens: Kitchens) -> None:
    for name in ("always", "closed", "paused", "round the clock"):
        made = await kitchens.opened(name=name, cuisine="Open")
        path = f"/restaurants/{made['id']}"
        if name == "closed":
            await kitchens.ask("PUT", f"{path}/hours", {"timeZone": "UTC", "weekly": []})
        if name == "paused":
            until = (SystemClock().now() + timedelta(hours=1)).isoformat()
            assert (await kitchens.ask("POST", f"{path}/pause", {"until": until})).status == 200
        if name == "round the clock":
            every = [{"weekday": n, "opens": "00:00", "closes": "00:00"} for n in range(1, 8)]
            await kitchens.ask("PUT", f"{path}/hours", {"timeZone": "UTC", "weekly": every})

    open_ones = await names(kitchens, "cuisine=open&openNow=true")
    shown = (await kitchens.get("/restaurants?cuisine=open")).json()

    assert open_ones == ["always", "round the clock"]
    assert [each["name"] for each in shown if each["isOpen"]] == open_ones


async def test_the_nearest_come_first_and_only_those_within(kitchens: Kitchens) -> None:
    for name, lon in (("far", 40.30), ("near", 40.01), ("nowhere", None), ("middle", 40.05)):
        await kitchens.opened(
            name=name, cuisine="Near", place=at(10, lon) if lon else {"address": "x"}
        )

    assert await names(kitchens, "near=10,40&cuisine=near") == ["near", "middle"]
    assert await names(kitchens, "near=10,40.30&within=100000") == ["far", "middle", "near"]
    assert await names(kitchens, "near=10,40&within=2000") == ["near"]
    answer = await kitchens.get("/restaurants?near=10,40&limit=1")
    assert [each["name"] for each in answer.json()] == ["near"]
    assert "link" not in answer.headers


async def test_what_is_near_across_the_180th_meridian_is_near(kitchens: Kitchens) -> None:
    await kitchens.opened(name="Fiji", place=at(-17, 179.999))

    assert await names(kitchens, "near=-17,-179.999&within=500") == ["Fiji"]


async def test_a_search_has_pages(kitchens: Kitchens) -> None:
    for number in range(5):
        await kitchens.opened(name=f"Paged {number}")

    first = await kitchens.get("/restaurants?q=paged&limit=3")
    link = first.headers["link"].partition(">")[0].removeprefix("<")
    second = await kitchens.get(link)

    found = [each["name"] for each in [*first.json(), *second.json()]]
    assert found == [f"Paged {number}" for number in range(5)]
    assert "q=paged" in link


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ("near=91,0", "near"),
        ("near=0,180.1", "near"),
        ("near=1", "near"),
        ("near=NaN,0", "near"),
        ("within=100", "within"),
        ("near=1,1&within=0", "within"),
        ("near=1,1&after=7", "after"),
        ("q=%21", "q"),
        ("q=", "q"),
        (f"q={'x' * 101}", "q"),
        ("cuisine=", "cuisine"),
        ("openNow=maybe", "openNow"),
    ],
)
async def test_a_search_that_can_not_be_right_is_400_and_named(
    kitchens: Kitchens, query: str, path: str
) -> None:
    answer = await kitchens.get(f"/restaurants?{query}")

    assert (answer.status, answer.code, answer.paths) == (400, "invalid_request", [path])


@given(LOCATIONS, LOCATIONS)
def test_distances_are_those_of_the_haversine_formula(one: Location, other: Location) -> None:
    lat, other_lat = math.radians(one.lat), math.radians(other.lat)
    half = (
        math.sin((other_lat - lat) / 2) ** 2
        + math.cos(lat) * math.cos(other_lat) * math.sin(math.radians(other.lon - one.lon) / 2) ** 2
    )
    haversine = 2 * EARTH_M * math.asin(math.sqrt(min(1.0, half)))

    assert distance_m(one, other) == pytest.approx(haversine, abs=1, rel=1e-4)


@pytest.mark.parametrize(
    ("search", "index", "found"),
    [
        (Search(query=places.query("inn 4711")), "restaurants_words", 1),
        (Search(cuisine="CUISINE 17"), "restaurants_cuisine", 50),
        (Search(near=KAMPPI, within_m=500), "restaurants_on_earth", None),
        (Search(near=KAMPPI, within_m=10_000), "restaurants_on_earth", 100),
        (Search(open_at=NOW), "restaurants_pkey", 100),
        (Search(cuisine="Cuisine 17", open_at=NOW), "restaurants_cuisine", 25),
        (Search(near=KAMPPI, within_m=10_000, open_at=NOW), "restaurants_on_earth", 100),
        (Search(query=places.query("inn"), near=KAMPPI, within_m=300), "restaurants_", None),
    ],
)
async def test_among_10000_an_index_finds_them(
    crowd: Database, search: Search, index: str, found: int | None
) -> None:
    statement, arguments = store.search_statement(search, after=0, limit=100, at=NOW)

    plans = (
        await crowd.fetch(f"explain {statement}", *arguments),
        await _plan_for_any(crowd, statement, len(arguments)),
    )

    for plan in plans:
        said = "\n".join(row[0] for row in plan)
        assert "Seq Scan" not in said, said
        assert index in said, said
    rows = await store.search(crowd, search, after=0, limit=100, at=NOW)
    assert found is None or len(rows) == found


async def test_among_10000_the_nearest_are_those_that_a_scan_finds(crowd: Database) -> None:
    everywhere = await crowd.fetch("select id, latitude, longitude from restaurants")
    by_distance = sorted(
        (distance_m(KAMPPI, Location(row["latitude"], row["longitude"])), row["id"])
        for row in everywhere
    )

    search = Search(near=KAMPPI, within_m=3_000)
    found = await store.search(crowd, search, after=0, limit=500, at=NOW)

    within = [(metres, each) for metres, each in by_distance if metres <= 3_000]
    assert len(within) > 20
    assert {each.id for each in found} == {each for _, each in within}
    assert [
        distance_m(KAMPPI, each.place.location)
        for each in found
        if each.place and each.place.location
    ] == [metres for metres, _ in within]


async def _plan_for_any(database: Database, statement: str, count: int) -> list[Row]:
    """The plan that PostgreSQL makes once and keeps, knowing none of the arguments."""
    async with database.transaction() as tx:
        await tx.execute("set local plan_cache_mode = force_generic_plan")
        await tx.execute(f"prepare found as {statement}")
        plan = await tx.fetch(f"explain execute found({', '.join(['null'] * count)})")
        await tx.execute("deallocate found")
    return plan


@pytest.fixture(scope="module")
async def crowd(postgres_server: Process) -> AsyncIterator[Database]:
    """Fill 10,000 restaurants into some 40 km around Helsinki; every other one is closed."""
    async with fresh_database(postgres_server) as url:
        await migrate(url, loading.migrations(["restaurants"]))
        async with Database.open(url, name="tests") as database:
            await database.execute(_CROWD)
            await database.execute(_ON_EARTH)
            await database.execute("analyze restaurants")
            yield database


_CROWD = """
insert into restaurants (
    name, cuisine, address, latitude, longitude, hours, opening, words, created_at
)
select 'Inn ' || n, 'Cuisine ' || n % 200, 'Street ' || n,
    60.17 + 0.36 * (n * 0.6180339887 % 1 - 0.5), 24.94 + 0.72 * (n * 0.7548776662 % 1 - 0.5),
    case when n / 200 % 2 = 0 then '{}'::jsonb end,
    case when n / 200 % 2 = 0 then '{}' else '{(,)}' end::tstzmultirange,
    array_to_tsvector(array['inn', n::text, 'cuisine']), now()
from generate_series(1, 10000) as n
"""
_ON_EARTH = f"""
update restaurants set on_earth = cube(array[
    {EARTH_M} * cosd(latitude) * cosd(longitude),
    {EARTH_M} * cosd(latitude) * sind(longitude),
    {EARTH_M} * sind(latitude)
])
"""  # noqa: S608  # a constant
