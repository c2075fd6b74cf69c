"""A list is walked by its links: nothing is left out, and nothing comes twice."""

import re
from urllib.parse import parse_qsl, urlsplit

import pytest

from support.builders import Client, Running, a_restaurant, a_user, an_order


@pytest.fixture(scope="module")
async def city(shop: Running) -> Client:
    """Give a city of 2 users, 23 restaurants and 12 orders."""
    client = shop.client
    for _ in range(2):
        assert (await client.post("/users", a_user())).status == 201
    for number in range(1, 24):
        assert (await client.post("/restaurants", a_restaurant(name=f"No {number}"))).status == 201
    for number in range(12):
        order = an_order(userId=1 + number % 2, restaurantId=1 + number % 3)
        assert (await client.post("/orders", order)).status == 201
    return client


async def walk(client: Client, path: str) -> tuple[list[int], list[str]]:
    """Give all ids that the links lead to, and the links."""
    ids: list[int] = []
    links: list[str] = []
    following = path
    while following:
        assert len(links) < 50, "the links lead in a circle"
        answer = await client.get(following)
        assert answer.status == 200, answer
        ids += [each["id"] for each in answer.json()]
        link = answer.headers.get("link", "")
        found = re.fullmatch(r'<(?:http://[^/]+)?(/.*)>; rel="next"', link)
        following = found[1] if found else ""
        links += [following] if following else []
    return ids, links


@pytest.mark.parametrize("limit", [1, 4, 22, 23, 24, 500])
async def test_the_links_lead_through_everything_once(city: Client, limit: int) -> None:
    ids, _ = await walk(city, f"/restaurants?limit={limit}")

    assert ids == [*range(1, 24)]


async def test_a_list_that_fits_has_no_link(city: Client) -> None:
    assert "link" not in (await city.get("/restaurants")).headers


async def test_the_links_keep_the_filters(city: Client) -> None:
    ids, links = await walk(city, "/orders?userId=1&status=pending&limit=2")

    assert ids == [1, 3, 5, 7, 9, 11]
    assert sorted(parse_qsl(urlsplit(links[0]).query)) == [
        ("after", "3"),
        ("limit", "2"),
        ("status", "pending"),
        ("userId", "1"),
    ]


async def test_a_link_names_no_host_for_the_client_may_know_us_by_another(city: Client) -> None:
    link = (await city.get("/restaurants?limit=2")).headers["link"]

    assert link == '</restaurants?limit=2&after=2>; rel="next"'


async def test_filters_hold_together(city: Client) -> None:
    assert (await walk(city, "/orders?userId=2&restaurantId=1&limit=1"))[0] == [4, 10]
    assert (await walk(city, "/orders?restaurantId=3&limit=1"))[0] == [3, 6, 9, 12]
    assert (await walk(city, "/orders?status=paid"))[0] == []


async def test_a_link_may_be_asked_for_after_the_last_one(city: Client) -> None:
    assert (await walk(city, f"/restaurants?after={2**63 - 1}"))[0] == []


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ("limit=0", "limit"),
        ("limit=501", "limit"),
        ("limit=-1", "limit"),
        ("limit=ten", "limit"),
        ("limit=", "limit"),
        ("after=-1", "after"),
        (f"after={2**63}", "after"),
        ("after=x", "after"),
        ("userId=0", "userId"),
        ("userId=me", "userId"),
        (f"restaurantId={2**63}", "restaurantId"),
        ("status=lost", "status"),
    ],
)
async def test_a_parameter_that_can_not_be_right_is_named(
    city: Client, query: str, path: str
) -> None:
    answer = await city.get(f"/orders?{query}")

    assert (answer.status, answer.code) == (400, "invalid_request")
    assert answer.paths == [path]
    assert answer.json()["errors"][0]["message"]


async def test_limits_of_restaurants_are_the_same(city: Client) -> None:
    for query in ("limit=0", "limit=501", "after=-1"):
        assert (await city.get(f"/restaurants?{query}")).status == 400
