"""Restaurants over HTTP."""

import asyncio
from typing import Any

import pytest

from services.restaurants.kitchens import Kitchens
from support.builders import a_restaurant


async def test_who_opens_is_on_the_platform(kitchens: Kitchens) -> None:
    answer = await kitchens.post("/restaurants", a_restaurant(name=" Phở Sài Gòn "))

    restaurant = answer.json()
    assert answer.status == 201
    assert restaurant == {
        "id": restaurant["id"],
        "name": "Phở Sài Gòn",
        "cuisine": "Vietnamese",
        "createdAt": restaurant["createdAt"],
        "place": None,
        "isOpen": True,
        "opensAt": None,
        "pausedUntil": None,
    }
    assert (await kitchens.get(f"/restaurants/{restaurant['id']}")).json() == restaurant
    assert restaurant in (await kitchens.get("/restaurants")).json()


async def test_a_cuisine_need_not_be_told(kitchens: Kitchens) -> None:
    for body in ({"name": "Inn"}, {"name": "Inn", "cuisine": None}):
        answer = await kitchens.post("/restaurants", body)

        assert (answer.status, answer.json()["cuisine"]) == (201, None)


async def test_a_place_is_kept_and_an_address_for_messages_is_told_to_nobody(
    kitchens: Kitchens,
) -> None:
    place = {"address": "Kampinkuja 2", "location": {"lat": 60.1688, "lon": 24.9316}}

    restaurant = await kitchens.opened(place=place, email="inn@test.com")

    assert restaurant["place"] == place
    assert "email" not in restaurant


async def test_the_same_key_opens_one_restaurant(kitchens: Kitchens) -> None:
    first = await kitchens.post("/restaurants", a_restaurant(), key="one")
    second = await kitchens.post("/restaurants", a_restaurant(), key="one")

    assert (first.status, second.status) == (201, 201)
    assert second.body == first.body


async def test_hours_are_read_as_they_were_given(kitchens: Kitchens) -> None:
    path = f"/restaurants/{(await kitchens.opened())['id']}/hours"
    hours = {
        "timeZone": "Europe/Helsinki",
        "weekly": [{"weekday": 5, "opens": "18:00", "closes": "02:00"}],
        "specialDays": [
            {"date": "2026-12-24", "spans": []},
            {"date": "2026-12-26", "spans": [{"opens": "12:00", "closes": "15:00"}]},
        ],
    }

    none = await kitchens.get(path)
    given = await kitchens.ask("PUT", path, hours)

    assert (none.status, none.code) == (404, "not_found")
    assert (given.status, given.json()) == (200, hours)
    assert (await kitchens.get(path)).json() == hours


@pytest.mark.parametrize(
    ("hours", "paths"),
    [
        ({}, ["timeZone", "weekly"]),
        ({"timeZone": "Mars", "weekly": []}, ["timeZone"]),
        (
            {"timeZone": "UTC", "weekly": [{"weekday": 8, "opens": "10:00", "closes": "11:00"}]},
            ["weekly[0].weekday"],
        ),
        (
            {"timeZone": "UTC", "weekly": [{"weekday": 1, "opens": "24:00", "closes": "11:00"}]},
            ["weekly[0].opens"],
        ),
        (
            {"timeZone": "UTC", "weekly": [], "specialDays": [{"date": "2026-02-30"}]},
            ["specialDays[0].date"],
        ),
    ],
    ids=str,
)
async def test_hours_that_can_not_be_right_are_400_and_named(
    kitchens: Kitchens, hours: dict[str, Any], paths: list[str]
) -> None:
    path = f"/restaurants/{(await kitchens.opened())['id']}"

    answer = await kitchens.ask("PUT", f"{path}/hours", hours)

    assert (answer.status, answer.code, answer.paths) == (400, "invalid_request", paths)


@pytest.mark.parametrize("until", ["tomorrow", "2026-07-01T12:00:00", "9999-01-01T00:00:00Z", 7])
async def test_a_pause_needs_an_end_that_can_be_right(kitchens: Kitchens, until: object) -> None:
    path = f"/restaurants/{(await kitchens.opened())['id']}"

    answer = await kitchens.post(f"{path}/pause", {"until": until})

    assert (answer.status, answer.paths) == (400, ["until"])


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "", {}),
        ("GET", "/menu", {}),
        ("PUT", "/menu", {"sections": []}),
        ("GET", "/hours", {}),
        ("PUT", "/hours", {"timeZone": "UTC", "weekly": []}),
        ("POST", "/pause", {"until": "2001-01-01T00:00:00Z"}),
        ("PATCH", "/dishes/1", {}),
    ],
)
async def test_an_unknown_one_is_404(
    kitchens: Kitchens, method: str, path: str, body: dict[str, Any]
) -> None:
    answer = await kitchens.ask(method, f"/restaurants/987654321{path}", body)

    assert (answer.status, answer.code) == (404, "not_found")


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, "name"),
        (a_restaurant(name=" "), "name"),
        (a_restaurant(name="x" * 101), "name"),
        (a_restaurant(name="NUL\0"), "name"),
        (a_restaurant(cuisine="x" * 51), "cuisine"),
        (a_restaurant(cuisine="NUL\0"), "cuisine"),
        (a_restaurant(cuisine=7), "cuisine"),
        (a_restaurant(stars=5), "stars"),
        (a_restaurant(email="nobody"), "email"),
        (a_restaurant(place={}), "place"),
        (a_restaurant(place={"address": ""}), "place.address"),
        (
            a_restaurant(place={"address": "x", "location": {"lat": 90.1, "lon": 0}}),
            "place.location.lat",
        ),
        (
            a_restaurant(place={"address": "x", "location": {"lat": 0, "lon": -181}}),
            "place.location.lon",
        ),
    ],
    ids=str,
)
async def test_what_can_not_be_right_is_400_and_named(
    kitchens: Kitchens, body: dict[str, Any], path: str
) -> None:
    answer = await kitchens.post("/restaurants", body)

    assert (answer.status, answer.code) == (400, "invalid_request")
    assert answer.paths == [path]


async def test_one_that_has_just_opened_is_in_the_next_list_also_under_load(
    kitchens: Kitchens,
) -> None:
    async def open_and_look() -> bool:
        opened = (await kitchens.post("/restaurants", a_restaurant())).json()
        path = f"/restaurants?after={opened['id'] - 1}&limit=1"
        seen = await asyncio.gather(*(kitchens.get(path) for _ in range(5)))
        return all(each.json() == [opened] for each in seen)

    assert all(await asyncio.gather(*(open_and_look() for _ in range(20))))
