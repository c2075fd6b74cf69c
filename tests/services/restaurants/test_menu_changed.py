"""What restaurants tells of its menus is enough to do without it, and prices as it does itself."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from decimal import Decimal

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ordereats.chassis.clock import SystemClock
from ordereats.chassis.db.pool import Database
from ordereats.contracts import pricing
from ordereats.contracts.ids import DishId, OrderId, RestaurantId, TicketId
from ordereats.contracts.kitchen import TicketRejected
from ordereats.contracts.menus import AskQuote, Choice, OrderedItem, Quote
from ordereats.contracts.openings import Opening, opens_next, takes_orders_at
from ordereats.contracts.places import Location
from ordereats.contracts.pricing import PriceList, Tariff
from ordereats.contracts.problems import Refused, Unfit
from ordereats.contracts.restaurants import Hours, MenuChanged, OpenRestaurant
from ordereats.contracts.wire import decode, encode
from ordereats.services.restaurants.domain import menu
from ordereats.services.restaurants.domain.menu import Dish
from ordereats.services.restaurants.domain.restaurant import menu_changed, price_list
from ordereats.services.restaurants.store import restaurants as store
from services.restaurants.kitchens import Kitchens, a_dish
from services.restaurants.test_pricing import INN, amounts, menus
from support.builders import run_sql, until_true

Tables = Callable[..., AbstractAsyncContextManager[Database]]
NOW = SystemClock().now()
HOUR = timedelta(hours=1)
hours = st.integers(-30, 30).map(lambda number: NOW + number * HOUR)

MOST_DIGITS = 19
"""Of an id."""
MOST_OF_A_MESSAGE = 1024 * 1024
"""RabbitMQ 4 takes 16 MiB unless told otherwise, earlier ones 128 MiB."""


@st.composite
def baskets(draw: st.DrawFn) -> tuple[list[Dish], tuple[OrderedItem, ...]]:
    """A menu of which some is sold out, and a basket that may break its rules."""
    dishes = [
        msgspec.structs.replace(each, is_marked=draw(st.integers(0, 5)) == 0)
        for each in draw(menus())
    ]
    known = [*(each.id for each in dishes), DishId(99)]
    names = [*(each.name for each in dishes), None, None]
    choices = st.sets(st.sampled_from([Choice("A", "0"), Choice("B", "0")]))
    items = st.builds(
        OrderedItem,
        st.integers(1, 99),
        st.sampled_from([*known, None]),
        st.sampled_from(names),
        choices.map(tuple),
    )
    return dishes, tuple(draw(st.lists(items, min_size=1, max_size=3)))


@given(
    baskets(),
    st.none() | amounts,
    st.none() | st.builds(Location, st.floats(60.0, 60.3), st.floats(24.8, 25.1)),
    st.sampled_from([0, 1]),
)
def test_a_basket_costs_the_same_by_what_was_told_or_is_refused_for_the_same_reason(
    chosen: tuple[list[Dish], tuple[OrderedItem, ...]],
    tip: Decimal | None,
    to: Location | None,
    menu_version: int,
) -> None:
    dishes, items = chosen
    inn = msgspec.structs.replace(INN, menu_version=menu_version)
    asked = AskQuote(items, to, tip, total_price=tip)
    meant = [each for each in dishes if any(_means(item, each) for item in items)]

    live = price_list(inn, menu.listed_for(items, meant), Tariff())
    told = price_list(inn, [menu.listed(each) for each in dishes], Tariff())
    heard = decode(encode(menu_changed(inn, told, [])), MenuChanged).price_list

    assert _said(heard, asked) == _said(live, asked)


@pytest.fixture
async def database(tables: Tables) -> AsyncIterator[Database]:
    async with tables("restaurants") as database:
        async with database.transaction() as tx:
            await store.insert(tx, OpenRestaurant("Inn"), at=NOW)
        yield database


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None
)
@given(st.lists(st.tuples(hours, hours), max_size=4), st.none() | hours, hours)
async def test_it_opens_at_the_same_moment_by_what_was_told(
    database: Database,
    spans: Sequence[tuple[datetime, datetime]],
    paused_until: datetime | None,
    now: datetime,
) -> None:
    inn = RestaurantId(1)
    calendar = sorted((min(span), max(span)) for span in spans if span[0] != span[1])
    unrolled = [Opening(*span) for span in calendar]
    async with database.transaction() as tx:
        await store.set_hours(tx, inn, Hours("UTC", ()))
        await store.set_opening(tx, inn, unrolled, for_s=60)
        await store.pause(tx, inn, paused_until)
    live = (await store.some(database, [inn], at=now))[inn]

    told = await store.openings(database, inn)

    for openings in told, unrolled:  # merged or not
        assert live.takes_orders_at == takes_orders_at(
            has_hours=True,
            opens=opens_next(openings, max(now, paused_until or now)),
            paused_until=paused_until,
            now=now,
        )


async def test_whatever_changes_is_told_whole_and_with_a_version_that_grows(
    kitchens: Kitchens,
) -> None:
    path, (pho, tea) = await kitchens.with_menu(a_dish(), a_dish(name="Tea", portionsLeft=3))
    restaurant_id = RestaurantId(int(path.rpartition("/")[2]))
    await kitchens.ask("PATCH", f"{path}/dishes/{pho['id']}", {"price": "9.00"})
    await kitchens.ask("PUT", f"{path}/hours", {"timeZone": "UTC", "weekly": []})
    await kitchens.ask("POST", f"{path}/pause", {"until": (NOW + HOUR).isoformat()})
    await kitchens.hear(
        TicketRejected(TicketId(1), OrderId(1), restaurant_id, "no rice", (pho["id"],))
    )

    async def all_are_told() -> bool:
        return len(await _told(kitchens, restaurant_id)) == 6

    await until_true(all_are_told)
    facts = await _told(kitchens, restaurant_id)
    lists = [fact.price_list.dishes or () for fact in facts]
    dishes = [[(each.price.minor, each.sold_out, each.is_limited) for each in its] for its in lists]
    assert [fact.price_list.version for fact in facts] == [1, 2, 3, 4, 5, 6]
    assert facts[0].price_list.dishes is None
    assert dishes[1] == [(1250, False, False), (1250, False, True)]
    assert dishes[2] == [(900, False, False), (1250, False, True)]
    assert dishes[5] == [(900, True, False), (1250, False, True)]
    assert [fact.openings for fact in facts] == [None, None, None, (), (), ()]
    assert [fact.paused_until for fact in facts[3:]] == [None, NOW + HOUR, NOW + HOUR]
    assert tea["id"] == lists[5][1].id


async def test_portions_that_are_held_are_not_told(kitchens: Kitchens) -> None:
    path, _ = await kitchens.with_menu(a_dish(portionsLeft=1))
    restaurant_id = RestaurantId(int(path.rpartition("/")[2]))
    held = {"holdId": str(SystemClock().new_id()), "items": [{"name": "Pho", "qty": 1}]}

    answer = await kitchens.post(f"{path}/holds", held)

    assert answer.status == 200
    assert len(await _told(kitchens, restaurant_id)) == 2


async def test_the_largest_menu_that_is_taken_fits_into_a_message(kitchens: Kitchens) -> None:
    """Of all that 256 KiB can hold, the shortest dishes grow most: each is told with an id."""
    dishes = [{"name": f"{number:x}", "price": 1} for number in range(10_000)]
    sections = [
        {"name": "-", "dishes": dishes[each : each + 200]} for each in range(0, 10_000, 200)
    ]
    path = f"/restaurants/{(await kitchens.opened())['id']}"
    answer = await kitchens.ask("PUT", f"{path}/menu", {"sections": sections})

    (_, fact) = await _told(kitchens, RestaurantId(int(path.rpartition("/")[2])))

    assert answer.status == 200
    assert len(fact.price_list.dishes or ()) == 10_000
    assert len(encode(fact)) + 10_000 * MOST_DIGITS < MOST_OF_A_MESSAGE


def _means(item: OrderedItem, dish: Dish) -> bool:
    return item.dish_id == dish.id or item.name == dish.name


def _said(by: PriceList, asked: AskQuote) -> Quote | tuple[type, str]:
    try:
        return pricing.quote(by, asked)
    except (Refused, Unfit) as refused:
        return type(refused), str(refused)


async def _told(kitchens: Kitchens, restaurant_id: RestaurantId) -> list[MenuChanged]:
    # Nobody is there to take them, so they wait in the outbox.
    rows = await run_sql(
        kitchens.url,
        "select data from outbox where subject = $1 order by version",
        f"menu/{restaurant_id}",
    )
    return [decode(row["data"].encode(), MenuChanged) for row in rows]
