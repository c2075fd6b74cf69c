"""Portions that are held: the last one goes to one buyer, and what is not ordered comes back."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest

from ordereats.chassis.clock import SystemClock
from ordereats.chassis.errors import IllegalMove
from ordereats.contracts.events import Event
from ordereats.contracts.ids import DishId, OrderId, RestaurantId, UserId
from ordereats.contracts.money import Money
from ordereats.contracts.orders import (
    CancelledBy,
    OrderCancelled,
    OrderDeclined,
    OrderExpired,
    OrderPlaced,
    OrderRejected,
)
from ordereats.services.restaurants.domain import portions
from ordereats.services.restaurants.domain.portions import (
    MOVES,
    Hold,
    HoldReused,
    HoldState,
)
from services.restaurants.kitchens import Kitchens, a_dish
from support.builders import Reply, run_sql, until_true

_ORDER_IDS = iter(range(1, 1_000_000))


def a_hold_id() -> str:
    return str(SystemClock().new_id())


async def hold(kitchens: Kitchens, path: str, hold_id: str, *items: dict[str, Any]) -> Reply:
    return await kitchens.ask(
        "POST", f"{path}/holds", {"holdId": hold_id, "items": items or [{"name": "Pho", "qty": 1}]}
    )


async def left(kitchens: Kitchens, path: str, name: str = "Pho") -> int | None:
    found: int | None = (await kitchens.dish(path, name))["portionsLeft"]
    return found


async def state(kitchens: Kitchens, hold_id: str) -> str:
    (row,) = await run_sql(
        kitchens.url, "select state from portion_holds where id = $1::uuid", hold_id
    )
    return str(row["state"])


def until_state(kitchens: Kitchens, hold_id: str, wanted: str) -> Awaitable[None]:
    async def is_so() -> bool:
        return await state(kitchens, hold_id) == wanted

    return until_true(is_so)


async def make_due(kitchens: Kitchens, hold_id: str) -> None:
    """Let the time of a hold be over."""
    await run_sql(
        kitchens.url, "update portion_holds set due_at = now() where id = $1::uuid", hold_id
    )


def placed(path: str, order_id: int, hold_id: str | None) -> OrderPlaced:
    return OrderPlaced(
        order_id=OrderId(order_id),
        user_id=UserId(1),
        restaurant_id=of(path),
        total=Money(2500),
        payment_method="pm_card_visa",
        hold_id=hold_id,
    )


def of(path: str) -> RestaurantId:
    return RestaurantId(int(path.rpartition("/")[2]))


def declined(path: str, order_id: int) -> Event:
    return OrderDeclined(OrderId(order_id), UserId(1), of(path), "expired_card")


ENDS: list[Callable[[str, int], Event]] = [
    declined,
    lambda path, order_id: OrderRejected(OrderId(order_id), UserId(1), of(path), "too busy"),
    lambda path, order_id: OrderExpired(OrderId(order_id), UserId(1), of(path)),
    lambda path, order_id: OrderCancelled(
        OrderId(order_id), UserId(1), of(path), CancelledBy.CUSTOMER
    ),
]


async def test_the_last_portion_goes_to_exactly_one_of_twenty_buyers(kitchens: Kitchens) -> None:
    path, (pho,) = await kitchens.with_menu(a_dish(portionsLeft=1))

    answers = await asyncio.gather(*(hold(kitchens, path, a_hold_id()) for _ in range(20)))

    refused = [each for each in answers if each.status != 200]
    assert len(refused) == 19
    for each in refused:
        assert (each.status, each.code, each.json()["dishes"]) == (409, "sold_out", [pho["id"]])
    assert await left(kitchens, path) == 0


async def test_the_same_id_holds_once_however_often_and_at_once_it_is_asked(
    kitchens: Kitchens,
) -> None:
    path, _ = await kitchens.with_menu(a_dish(portionsLeft=2))
    hold_id = a_hold_id()
    items = {"name": "Pho", "qty": 2}

    answers = await asyncio.gather(*(hold(kitchens, path, hold_id, items) for _ in range(10)))

    assert {each.status for each in answers} == {200}
    assert answers[0].json() == {"holdId": hold_id, "restaurantId": of(path)}
    assert await left(kitchens, path) == 0


async def test_all_of_a_basket_is_held_or_nothing(kitchens: Kitchens) -> None:
    path, (pho, tea, _) = await kitchens.with_menu(
        a_dish(portionsLeft=5), a_dish(name="Tea", portionsLeft=3), a_dish(name="Bun")
    )
    basket = [
        {"dishId": pho["id"], "qty": 2},
        {"name": "Pho", "qty": 1},
        {"name": "Tea", "qty": 2},
        {"name": "Bun", "qty": 9},
    ]

    first = await hold(kitchens, path, a_hold_id(), *basket)
    second = await hold(kitchens, path, a_hold_id(), *basket)

    assert (first.status, second.status) == (200, 409)
    assert second.json()["dishes"] == [pho["id"], tea["id"]]
    assert (await left(kitchens, path), await left(kitchens, path, "Tea")) == (2, 1)
    assert await left(kitchens, path, "Bun") is None


async def test_what_is_not_on_the_menu_is_400_and_an_unknown_restaurant_404(
    kitchens: Kitchens,
) -> None:
    path, _ = await kitchens.with_menu()

    unknown = await hold(kitchens, path, a_hold_id(), {"name": "Tea", "qty": 1})
    nowhere = await hold(kitchens, "/restaurants/987654321", a_hold_id())
    nameless = await hold(kitchens, path, "1")

    assert (unknown.status, unknown.paths) == (400, ["items[0].name"])
    assert (nowhere.status, nowhere.code) == (404, "not_found")
    assert (nameless.status, nameless.paths) == (400, ["holdId"])


async def test_what_nobody_ordered_in_time_can_be_sold_again_once(kitchens: Kitchens) -> None:
    path, _ = await kitchens.with_menu(a_dish(portionsLeft=3))
    late, early = a_hold_id(), a_hold_id()
    await hold(kitchens, path, late, {"name": "Pho", "qty": 2})
    await hold(kitchens, path, early)

    await make_due(kitchens, late)
    await until_state(kitchens, late, "lapsed")

    assert await left(kitchens, path) == 2
    assert await state(kitchens, early) == "held"
    again = await hold(kitchens, path, late)
    assert (again.status, again.code) == (409, "hold_reused")
    assert await left(kitchens, path) == 2


async def test_an_order_keeps_its_portions_beyond_that_time(kitchens: Kitchens) -> None:
    path, _ = await kitchens.with_menu(a_dish(portionsLeft=3))
    ordered, abandoned = a_hold_id(), a_hold_id()
    await hold(kitchens, path, ordered)
    await hold(kitchens, path, abandoned)
    await kitchens.hear(placed(path, next(_ORDER_IDS), ordered))
    await until_state(kitchens, ordered, "confirmed")

    await make_due(kitchens, ordered)
    await make_due(kitchens, abandoned)
    await until_state(kitchens, abandoned, "lapsed")

    assert await state(kitchens, ordered) == "confirmed"
    assert await left(kitchens, path) == 2


@pytest.mark.parametrize("end", ENDS)
async def test_an_order_that_ends_without_a_meal_gives_its_portions_back_once(
    kitchens: Kitchens, end: Callable[[str, int], Event]
) -> None:
    path, _ = await kitchens.with_menu(a_dish(portionsLeft=3))
    hold_id, order_id = a_hold_id(), next(_ORDER_IDS)
    await hold(kitchens, path, hold_id, {"name": "Pho", "qty": 2})

    await kitchens.hear(placed(path, order_id, hold_id))
    await kitchens.hear(end(path, order_id), version=2)
    await kitchens.hear(end(path, order_id), version=3)
    await kitchens.hear(declined(path, order_id), version=4)
    await _until_heard(kitchens, order_id, 4)

    assert (await state(kitchens, hold_id), await left(kitchens, path)) == ("released", 3)


async def test_an_end_that_is_heard_before_the_beginning_gives_the_portions_back_too(
    kitchens: Kitchens,
) -> None:
    path, _ = await kitchens.with_menu(a_dish(portionsLeft=3))
    hold_id, order_id = a_hold_id(), next(_ORDER_IDS)
    await hold(kitchens, path, hold_id)

    await kitchens.hear(declined(path, order_id), version=2)
    await _until_heard(kitchens, order_id, 1)
    held = await left(kitchens, path)
    await kitchens.hear(placed(path, order_id, hold_id))
    await until_state(kitchens, hold_id, "released")

    assert (held, await left(kitchens, path)) == (2, 3)
    assert await run_sql(kitchens.url, "select from ended_early") == []


async def test_an_order_that_is_heard_of_too_late_takes_what_is_left_and_gives_that_back(
    kitchens: Kitchens,
) -> None:
    path, (pho,) = await kitchens.with_menu(a_dish(portionsLeft=3))
    hold_id = a_hold_id()
    await hold(kitchens, path, hold_id, {"name": "Pho", "qty": 2})
    await make_due(kitchens, hold_id)
    await until_state(kitchens, hold_id, "lapsed")
    await kitchens.ask("PATCH", f"{path}/dishes/{pho['id']}", {"portionsLeft": 1})

    order_id = next(_ORDER_IDS)
    await kitchens.hear(placed(path, order_id, hold_id))
    await until_state(kitchens, hold_id, "confirmed")
    kept = await left(kitchens, path)
    await kitchens.hear(declined(path, order_id), version=2)
    await until_state(kitchens, hold_id, "released")

    assert (kept, await left(kitchens, path)) == (0, 1)


async def test_an_order_with_an_unknown_hold_is_tried_again(kitchens: Kitchens) -> None:
    path, _ = await kitchens.with_menu(a_dish(portionsLeft=3))
    hold_id = a_hold_id()

    await kitchens.hear(placed(path, next(_ORDER_IDS), hold_id))

    async def waits() -> bool:
        rows = await run_sql(kitchens.url, "select last_error from inbox where state = 'waiting'")
        return [row["last_error"] for row in rows] == [f"NotFound: There is no hold {hold_id}."]

    await until_true(waits)
    await hold(kitchens, path, hold_id)
    await until_state(kitchens, hold_id, "confirmed")


async def test_a_menu_that_is_written_meanwhile_says_how_many_are_left(kitchens: Kitchens) -> None:
    path, (pho,) = await kitchens.with_menu(a_dish(portionsLeft=3))
    hold_id = a_hold_id()
    await hold(kitchens, path, hold_id)

    endless = {"sections": [{"name": "Soups", "dishes": [a_dish(id=pho["id"])]}]}
    await kitchens.ask("PUT", f"{path}/menu", endless)
    await make_due(kitchens, hold_id)
    await until_state(kitchens, hold_id, "lapsed")

    assert await left(kitchens, path) is None


def test_a_move_that_is_not_in_the_table_is_refused() -> None:
    for before in HoldState:
        for after in HoldState:
            one = Hold(a_hold_id(), RestaurantId(1), {}, before)

            if after in MOVES[before]:
                assert portions.move(one, after).state is after
            else:
                with pytest.raises(IllegalMove):
                    portions.move(one, after)


def test_on_every_way_through_the_table_portions_are_taken_or_given_back_alternately() -> None:
    dish_id = DishId(1)

    def walk(at: Hold, taken: int) -> None:
        for after in MOVES[at.state]:
            moved = msgspec.structs.replace(at, state=after)
            now = taken - portions.given_back(at, moved).get(dish_id, 0)
            assert now in {0, 2}
            walk(moved, now)

    walk(Hold(a_hold_id(), RestaurantId(1), {dish_id: 2}), 2)


def test_one_that_is_confirmed_late_takes_what_is_left_and_gives_no_more_back() -> None:
    scarce, gone, endless = DishId(1), DishId(2), DishId(3)
    wanted = {scarce: 3, gone: 1, endless: 5}
    lapsed = Hold(a_hold_id(), RestaurantId(1), wanted, HoldState.LAPSED)

    confirmed = portions.confirm(lapsed, OrderId(7), {scarce: 2, gone: 0})
    released = portions.move(confirmed, HoldState.RELEASED)

    assert portions.given_back(lapsed, confirmed) == {scarce: -2}
    assert portions.given_back(confirmed, released) == {scarce: 2}


def test_an_id_is_not_used_at_another_restaurant() -> None:
    with pytest.raises(HoldReused):
        portions.check_again(Hold(a_hold_id(), RestaurantId(1), {}), RestaurantId(2))


def _until_heard(kitchens: Kitchens, order_id: int, count: int) -> Awaitable[None]:
    """Wait until so many facts of an order have been handled."""

    async def are_done() -> bool:
        handled = "select from inbox where subject = $1 and state = 'done'"
        return len(await run_sql(kitchens.url, handled, f"order/{order_id}")) == count

    return until_true(are_done)
