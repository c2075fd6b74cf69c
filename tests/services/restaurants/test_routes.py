"""Restaurants over HTTP."""

import asyncio
from typing import Any

import pytest

from support.builders import Running, a_restaurant


async def test_who_opens_is_on_the_platform(city: Running) -> None:
    answer = await city.client.post("/restaurants", a_restaurant(name=" Phở Sài Gòn "))

    restaurant = answer.json()
    assert answer.status == 201
    assert restaurant.keys() == {"id", "name", "cuisine", "createdAt"}
    assert (restaurant["name"], restaurant["cuisine"]) == ("Phở Sài Gòn", "Vietnamese")
    assert (await city.client.get(f"/restaurants/{restaurant['id']}")).json() == restaurant
    assert restaurant in (await city.client.get("/restaurants")).json()


async def test_a_cuisine_need_not_be_told(city: Running) -> None:
    for body in ({"name": "Inn"}, {"name": "Inn", "cuisine": None}):
        answer = await city.client.post("/restaurants", body)

        assert (answer.status, answer.json()["cuisine"]) == (201, None)


async def test_an_unknown_one_is_404(city: Running) -> None:
    answer = await city.client.get("/restaurants/987654321")

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
    ],
    ids=str,
)
async def test_what_can_not_be_right_is_400_and_named(
    city: Running, body: dict[str, Any], path: str
) -> None:
    answer = await city.client.post("/restaurants", body)

    assert (answer.status, answer.code) == (400, "invalid_request")
    assert answer.paths == [path]


async def test_one_that_has_just_opened_is_in_the_next_list_also_under_load(
    city: Running,
) -> None:
    async def open_and_look() -> bool:
        opened = (await city.client.post("/restaurants", a_restaurant())).json()
        path = f"/restaurants?after={opened['id'] - 1}&limit=1"
        seen = await asyncio.gather(*(city.client.get(path) for _ in range(5)))
        return all(each.json() == [opened] for each in seen)

    assert all(await asyncio.gather(*(open_and_look() for _ in range(20))))
