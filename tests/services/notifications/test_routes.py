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
    assert told[0].keys() == {"id", "userId", "orderId", "subject", "text", "createdAt"}
    assert "Pho Saigon" in told[0]["subject"]


async def test_a_full_page_links_to_the_next(city: Running) -> None:
    for _ in range(2):
        await city.client.post("/orders", an_order())

    async def are_there() -> bool:
        return len((await city.client.get("/notifications?userId=1")).json()) >= 2

    await until_true(are_there)
    answer = await city.client.get("/notifications?userId=1&limit=1")
    assert 'rel="next"' in answer.headers["link"]
    assert "userId=1" in answer.headers["link"]


@pytest.mark.parametrize("query", ["", "?userId=0", "?userId=me"])
async def test_whose_they_are_has_to_be_said(city: Running, query: str) -> None:
    answer = await city.client.get(f"/notifications{query}")

    assert (answer.status, answer.code) == (400, "invalid_request")
    assert answer.paths == ["userId"]
