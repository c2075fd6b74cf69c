"""Notifications over HTTP."""

import pytest

from support.builders import Running, an_order, until_true


async def test_who_orders_is_told_so(city: Running) -> None:
    order = (await city.client.post("/orders", an_order())).json()

    async def is_told() -> bool:
        told = (await city.client.get("/notifications?userId=1&limit=500")).json()
        return order["id"] in [each["orderId"] for each in told]

    await until_true(is_told)
    told = (await city.client.get("/notifications?userId=1&limit=1")).json()
    assert told[0].keys() == {
        "id",
        "receiver",
        "receiverId",
        "orderId",
        "subject",
        "text",
        "createdAt",
        "mail",
    }
    assert (told[0]["receiver"], told[0]["receiverId"]) == ("customer", 1)
    assert "Pho Saigon" in told[0]["subject"]


async def test_without_a_mail_server_the_mail_is_shown(city: Running) -> None:
    await city.client.post("/orders", an_order())

    async def is_kept() -> bool:
        return bool((await city.client.get("/notifications/mail")).json())

    await until_true(is_kept)
    (letter,) = (await city.client.get("/notifications/mail?limit=1")).json()
    assert letter["to"].endswith("@test.com")
    assert (letter["state"], letter["attempts"]) == ("kept", 0)
    assert letter.keys() > {"id", "subject", "text", "at", "error"}


async def test_a_full_page_links_to_the_next(city: Running) -> None:
    for _ in range(2):
        await city.client.post("/orders", an_order())

    async def are_there() -> bool:
        return len((await city.client.get("/notifications?userId=1")).json()) >= 2

    await until_true(are_there)
    for path, query in (("/notifications", "userId=1&limit=1"), ("/notifications/mail", "limit=1")):
        link = (await city.client.get(f"{path}?{query}")).headers["link"]
        following, _, kind = link.partition(">; ")
        where, _, asked = following.partition("?")
        assert (where, kind) == (f"<{path}", 'rel="next"')
        assert {*query.split("&")} < {*asked.split("&")}
        assert "after=" in asked


@pytest.mark.parametrize("who", ["restaurantId", "courierId"])
async def test_someone_who_was_told_nothing_has_an_empty_list(city: Running, who: str) -> None:
    answer = await city.client.get(f"/notifications?{who}=987654321")

    assert (answer.status, answer.json()) == (200, [])


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ("", "userId"),
        ("?userId=0", "userId"),
        ("?userId=me", "userId"),
        ("?restaurantId=0", "restaurantId"),
        ("?courierId=me", "courierId"),
        ("?userId=1&courierId=1", "courierId"),
        ("?restaurantId=1&courierId=1", "courierId"),
        ("?userId=1&restaurantId=1", "restaurantId"),
    ],
)
async def test_whose_they_are_has_to_be_said_once(city: Running, query: str, path: str) -> None:
    answer = await city.client.get(f"/notifications{query}")

    assert (answer.status, answer.code) == (400, "invalid_request")
    assert answer.paths == [path]
