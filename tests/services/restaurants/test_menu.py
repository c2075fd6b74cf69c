"""Menus over HTTP: written whole, with dishes that keep their ids; what is wrong is named."""

import asyncio
from typing import Any

import pytest

from ordereats.contracts.ids import DishId, OrderId, RestaurantId, TicketId
from ordereats.contracts.kitchen import TicketRejected
from ordereats.contracts.places import Location, Place
from ordereats.contracts.restaurants import RestaurantChanged
from ordereats.contracts.wire import decode
from services.restaurants.kitchens import Kitchens, a_dish, a_menu
from support.builders import run_sql, until_true

SIZE: dict[str, Any] = {
    "name": "Size",
    "min": 1,
    "max": 1,
    "options": [{"name": "small", "priceDelta": -1}, {"name": "large", "priceDelta": "2.5"}],
}


async def test_what_was_written_is_read_as_it_was(kitchens: Kitchens) -> None:
    path = f"/restaurants/{(await kitchens.opened())['id']}"
    menu = {
        "sections": [
            {"name": "Soups", "dishes": [a_dish(optionGroups=[SIZE], description="Hot.")]},
            {"name": "Drinks", "dishes": [a_dish(name="Tea", price=2, portionsLeft=5)]},
            {"name": "Sweets", "dishes": []},
        ]
    }

    before = (await kitchens.get(f"{path}/menu")).json()
    written = await kitchens.ask("PUT", f"{path}/menu", menu)

    assert (before["version"], before["sections"]) == (0, [])
    assert written.status == 200
    assert (await kitchens.get(f"{path}/menu")).json() == written.json()
    shown = written.json()
    assert (shown["version"], shown["currency"]) == (1, "EUR")
    assert [(part["name"], len(part["dishes"])) for part in shown["sections"]] == [
        ("Soups", 1),
        ("Drinks", 1),
        ("Sweets", 0),
    ]
    pho = shown["sections"][0]["dishes"][0]
    assert (pho["price"], pho["description"], pho["soldOut"]) == ("12.50", "Hot.", False)
    assert pho["optionGroups"][0]["options"] == [
        {"name": "small", "priceDelta": "-1.00"},
        {"name": "large", "priceDelta": "2.50"},
    ]


async def test_a_dish_keeps_its_id_by_its_id_or_by_its_name(kitchens: Kitchens) -> None:
    path, (pho, tea, bun) = await kitchens.with_menu(
        a_dish(), a_dish(name="Tea"), a_dish(name="Bun")
    )

    written = await kitchens.ask(
        "PUT",
        f"{path}/menu",
        a_menu(a_dish(name="Tea", id=pho["id"]), a_dish(name="Bun"), a_dish(name="Pho")),
    )

    (renamed, same, new) = written.json()["sections"][0]["dishes"]
    assert (renamed["id"], same["id"]) == (pho["id"], bun["id"])
    assert new["id"] not in {pho["id"], tea["id"], bun["id"]}
    assert written.json()["version"] == 2


@pytest.mark.parametrize(
    ("dishes", "path"),
    [
        ([a_dish(), a_dish()], "sections[0].dishes[1].name"),
        ([a_dish(id=987654321)], "sections[0].dishes[0].id"),
        ([a_dish(price="12.505")], "sections[0].dishes[0].price"),
        ([a_dish(price=-1)], "sections[0].dishes[0].price"),
        ([a_dish(price="0.99", optionGroups=[SIZE])], "sections[0].dishes[0].price"),
        ([a_dish(optionGroups=[SIZE, SIZE])], "sections[0].dishes[0].optionGroups[1].name"),
        (
            [a_dish(optionGroups=[{**SIZE, "max": 3}])],
            "sections[0].dishes[0].optionGroups[0].max",
        ),
        (
            [a_dish(optionGroups=[{**SIZE, "min": 2}])],
            "sections[0].dishes[0].optionGroups[0].min",
        ),
        (
            [a_dish(optionGroups=[{"name": "Extras", "options": [{"name": "egg"}] * 2}])],
            "sections[0].dishes[0].optionGroups[0].options[1].name",
        ),
        (
            [a_dish(optionGroups=[{**SIZE, "options": [{"name": "x", "priceDelta": "1e-3"}]}])],
            "sections[0].dishes[0].optionGroups[0].options[0].priceDelta",
        ),
    ],
    ids=str,
)
async def test_a_menu_that_can_not_be_right_is_400_and_changes_nothing(
    kitchens: Kitchens, dishes: list[dict[str, Any]], path: str
) -> None:
    menu, _ = await kitchens.with_menu()
    before = (await kitchens.get(f"{menu}/menu")).json()

    answer = await kitchens.ask("PUT", f"{menu}/menu", a_menu(*dishes))

    assert (answer.status, answer.code, answer.paths) == (400, "invalid_request", [path])
    assert (await kitchens.get(f"{menu}/menu")).json() == before


async def test_the_same_dish_twice_is_named(kitchens: Kitchens) -> None:
    path, (pho,) = await kitchens.with_menu()

    answer = await kitchens.ask(
        "PUT", f"{path}/menu", a_menu(a_dish(id=pho["id"]), a_dish(name="Tea", id=pho["id"]))
    )

    assert (answer.status, answer.paths) == (400, ["sections[0].dishes[1].id"])


async def test_what_is_not_given_of_a_dish_stays(kitchens: Kitchens) -> None:
    path, (pho,) = await kitchens.with_menu(a_dish(optionGroups=[SIZE]))
    dish = f"{path}/dishes/{pho['id']}"

    dearer = await kitchens.ask("PATCH", dish, {"price": 13})
    gone = await kitchens.ask("PATCH", dish, {"soldOut": True})
    some = await kitchens.ask("PATCH", dish, {"portionsLeft": 2})
    none = await kitchens.ask("PATCH", dish, {"portionsLeft": 0})
    kept = await kitchens.ask("PATCH", dish, {"portionsLeft": 2, "soldOut": True})

    assert dearer.json() == {**pho, "price": "13.00"}
    assert gone.json() == {**dearer.json(), "soldOut": True}
    assert some.json() == {**dearer.json(), "portionsLeft": 2}
    assert none.json() == {**dearer.json(), "portionsLeft": 0, "soldOut": True}
    assert kept.json() == {**some.json(), "soldOut": True}
    assert await kitchens.dish(path) == kept.json()
    assert (await kitchens.get(f"{path}/menu")).json()["version"] == 6


async def test_a_price_that_a_choice_would_bring_below_zero_is_refused(kitchens: Kitchens) -> None:
    path, (pho,) = await kitchens.with_menu(a_dish(optionGroups=[SIZE]))
    dish = f"{path}/dishes/{pho['id']}"

    answer = await kitchens.ask("PATCH", dish, {"price": "0.99"})

    assert (answer.status, answer.paths) == (400, ["price"])
    assert (await kitchens.ask("PATCH", dish, {"price": "1.00"})).status == 200


async def test_a_dish_of_another_restaurant_is_not_found(kitchens: Kitchens) -> None:
    _, (pho,) = await kitchens.with_menu()
    other, _ = await kitchens.with_menu()

    answer = await kitchens.ask("PATCH", f"{other}/dishes/{pho['id']}", {"soldOut": True})

    assert (answer.status, answer.code) == (404, "not_found")


async def test_a_kitchen_that_rejects_marks_what_is_sold_out(kitchens: Kitchens) -> None:
    path, (pho, tea) = await kitchens.with_menu(a_dish(), a_dish(name="Tea"))
    restaurant_id = RestaurantId(int(path.rpartition("/")[2]))
    other, (stranger,) = await kitchens.with_menu()

    await kitchens.hear(
        TicketRejected(
            TicketId(1),
            OrderId(1),
            restaurant_id,
            "no noodles",
            (DishId(pho["id"]), DishId(stranger["id"]), DishId(987654321)),
        )
    )

    async def is_marked() -> bool:
        return bool((await kitchens.dish(path))["soldOut"])

    await until_true(is_marked)
    assert (await kitchens.dish(path, "Tea")) == tea
    assert not (await kitchens.dish(other))["soldOut"]


async def test_who_writes_at_once_writes_one_after_the_other(kitchens: Kitchens) -> None:
    path, _ = await kitchens.with_menu()

    written = await asyncio.gather(
        *(
            kitchens.ask("PUT", f"{path}/menu", a_menu(a_dish(price=number), a_dish(name="Tea")))
            for number in range(1, 11)
        )
    )

    versions = sorted(each.json()["version"] for each in written)
    (last,) = [each.json() for each in written if each.json()["version"] == 11]
    assert versions == list(range(2, 12))
    assert (await kitchens.get(f"{path}/menu")).json() == last


async def test_whoever_says_something_new_is_heard_with_place_and_address(
    kitchens: Kitchens,
) -> None:
    place = {"address": "Kampinkuja 2", "location": {"lat": 60.1688, "lon": 24.9316}}
    path, (pho,) = await kitchens.with_menu(place=place, email="inn@test.com")
    restaurant_id = int(path.rpartition("/")[2])
    await kitchens.ask("PATCH", f"{path}/dishes/{pho['id']}", {"soldOut": True})
    await kitchens.ask("PUT", f"{path}/hours", {"timeZone": "UTC", "weekly": []})
    await kitchens.ask("POST", f"{path}/pause", {"until": "2001-01-01T00:00:00Z"})

    # Nobody is there to take them, so they wait in the outbox.
    rows = await run_sql(
        kitchens.url,
        "select version, data from outbox where subject = $1 order by version",
        f"restaurant/{restaurant_id}",
    )

    assert [row["version"] for row in rows] == [1, 2, 3, 4, 5]
    for row in rows:
        assert decode(row["data"].encode(), RestaurantChanged) == RestaurantChanged(
            RestaurantId(restaurant_id),
            "Pho Saigon",
            "Vietnamese",
            Place("Kampinkuja 2", Location(60.1688, 24.9316)),
            "inn@test.com",
        )
