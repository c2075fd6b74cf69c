"""Quotes over HTTP: what is refused, and how."""

from datetime import timedelta
from typing import Any

import pytest

from ordereats.chassis.clock import SystemClock
from services.restaurants.kitchens import Kitchens, a_dish

PHO = {"name": "Pho", "qty": 2}
CLOSED = {"timeZone": "Europe/Helsinki", "weekly": []}


async def test_a_quote_names_every_figure(kitchens: Kitchens) -> None:
    place = {"address": "Kampinkuja 2", "location": {"lat": 60.1688, "lon": 24.9316}}
    path, (pho,) = await kitchens.with_menu(a_dish(portionsLeft=3), place=place)

    answer = await kitchens.quote(path, PHO, tip=1.5, deliverTo=place["location"])

    assert answer.status == 200
    assert answer.json() == {
        "restaurantId": int(path.rpartition("/")[2]),
        "restaurantName": "Pho Saigon",
        "lines": [
            {
                "qty": 2,
                "name": "Pho",
                "dishId": pho["id"],
                "unitPrice": "12.50",
                "price": "25.00",
            }
        ],
        "subtotal": "25.00",
        "deliveryFee": "2.90",
        "serviceFee": "1.25",
        "tip": "1.50",
        "taxIncluded": "3.47",
        "total": "30.65",
        "isAgreed": False,
        "isLimited": True,
        "pickUp": place,
        "version": 2,
        "currency": "EUR",
    }


async def test_without_a_menu_the_total_is_what_was_agreed(kitchens: Kitchens) -> None:
    path = f"/restaurants/{(await kitchens.opened())['id']}"

    agreed = await kitchens.quote(path, PHO, totalPrice=25.00)
    nothing = await kitchens.quote(path, PHO)

    assert (agreed.status, agreed.json()["total"], agreed.json()["isAgreed"]) == (
        200,
        "25.00",
        True,
    )
    assert agreed.json()["lines"] == [PHO]
    assert (nothing.status, nothing.paths) == (400, ["totalPrice"])


async def test_an_empty_menu_is_a_menu_of_which_nothing_can_be_ordered(kitchens: Kitchens) -> None:
    path = f"/restaurants/{(await kitchens.opened())['id']}"
    await kitchens.ask("PUT", f"{path}/menu", {"sections": []})

    answer = await kitchens.quote(path, PHO, totalPrice=25.00)

    assert (answer.status, answer.paths) == (400, ["items[0].name"])


@pytest.mark.parametrize(
    ("items", "paths"),
    [
        ([], ["items"]),
        ([PHO] * 51, ["items"]),
        ([{"name": "Pho", "qty": 0}], ["items[0].qty"]),
        ([{"name": "Pho", "qty": 100}], ["items[0].qty"]),
        ([PHO, {"name": "pho", "qty": 1}], ["items[1].name"]),
        ([{"dishId": 987654321, "qty": 1}, {"qty": 1}], ["items[0].dishId", "items[1]"]),
        ([{**PHO, "options": [{"group": "Size", "name": "L"}]}], ["items[0].options[0]"]),
        ([{**PHO, "price": 1}], ["items[0]"]),
    ],
    ids=str,
)
async def test_a_basket_that_can_not_be_right_is_400_and_named(
    kitchens: Kitchens, items: list[dict[str, Any]], paths: list[str]
) -> None:
    path, _ = await kitchens.with_menu()

    answer = await kitchens.quote(path, *items)

    assert (answer.status, answer.code) == (400, "invalid_request")
    assert answer.paths == paths


async def test_what_is_sold_out_is_409_and_named(kitchens: Kitchens) -> None:
    path, (pho, tea, bun) = await kitchens.with_menu(
        a_dish(), a_dish(name="Tea", soldOut=True), a_dish(name="Bun", portionsLeft=1)
    )

    answer = await kitchens.quote(
        path, PHO, {"name": "Tea", "qty": 1}, {"name": "Bun", "qty": 1}, {"name": "Bun", "qty": 1}
    )

    assert (answer.status, answer.code) == (409, "sold_out")
    assert answer.json()["dishes"] == [tea["id"], bun["id"]]
    assert pho["id"] not in answer.json()["dishes"]


async def test_out_of_reach_is_409(kitchens: Kitchens) -> None:
    place = {"address": "Kampinkuja 2", "location": {"lat": 60.1688, "lon": 24.9316}}
    path, _ = await kitchens.with_menu(place=place)

    answer = await kitchens.quote(path, PHO, deliverTo={"lat": 61.5, "lon": 23.8})

    assert (answer.status, answer.code) == (409, "out_of_reach")


async def test_closed_and_paused_are_409_with_the_time_at_which_it_opens(
    kitchens: Kitchens,
) -> None:
    path, _ = await kitchens.with_menu()
    year = SystemClock().now().year
    opens = {"date": f"{year + 1}-01-01", "spans": [{"opens": "12:00", "closes": "13:00"}]}

    await kitchens.ask("PUT", f"{path}/hours", {**CLOSED, "specialDays": [opens]})
    closed = await kitchens.quote(path, PHO)
    shown = (await kitchens.get(path)).json()
    await kitchens.ask("PUT", f"{path}/hours", CLOSED)
    never = await kitchens.quote(path, PHO)

    assert (closed.status, closed.code) == (409, "closed")
    assert closed.json()["opensAt"] == f"{year + 1}-01-01T10:00:00Z"
    assert (shown["isOpen"], shown["opensAt"]) == (False, closed.json()["opensAt"])
    assert (never.status, never.code, never.json()["opensAt"]) == (409, "closed", None)


async def test_a_pause_has_an_end_and_can_be_ended(kitchens: Kitchens) -> None:
    path, _ = await kitchens.with_menu()
    until = (SystemClock().now() + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")

    paused = await kitchens.ask("POST", f"{path}/pause", {"until": until})
    refused = await kitchens.quote(path, PHO)
    ended = await kitchens.ask("POST", f"{path}/pause", {"until": "2001-01-01T00:00:00+02:00"})

    assert paused.status == 200
    assert paused.json()["pausedUntil"] == paused.json()["opensAt"] == until
    assert (refused.status, refused.code) == (409, "paused")
    assert refused.json()["opensAt"] == until
    assert (ended.json()["isOpen"], ended.json()["pausedUntil"]) == (True, None)
    assert (await kitchens.quote(path, PHO)).status == 200


async def test_an_unknown_restaurant_has_no_quote(kitchens: Kitchens) -> None:
    answer = await kitchens.quote("/restaurants/987654321", PHO)

    assert (answer.status, answer.code) == (404, "not_found")
