"""Orders are taken by what was last known, when users or restaurants can't be asked."""

import asyncio
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from litestar.testing import RequestFactory
from structlog.testing import capture_logs

from ordereats.chassis.calls.client import CalleeFailed
from ordereats.chassis.clock import SystemClock
from ordereats.chassis.db.pool import Database
from ordereats.chassis.errors import Conflict, DeadlineExceeded, NotFound, Unavailable
from ordereats.chassis.http.idempotency import AlreadyAnswered, take_key
from ordereats.contracts.baskets import ListedDish
from ordereats.contracts.ids import DishId, RestaurantId
from ordereats.contracts.menus import Choice, Option, OptionGroup, OrderedItem
from ordereats.contracts.money import Money
from ordereats.contracts.openings import Opening
from ordereats.contracts.orders import Fallback
from ordereats.contracts.pricing import PriceList, Tariff
from ordereats.contracts.restaurants import MenuChanged
from ordereats.contracts.users import UserCreated
from ordereats.services.orders import store
from ordereats.services.orders.domain import PriceChanged
from ordereats.services.orders.use_cases.last_known import KnownFor
from services.orders.conftest import Desk, a_desk
from services.orders.facts import BASKET, KITCHEN, RESTAURANT, USER, a_quote

DAY_S = 86_400.0
HOUR = timedelta(hours=1)
CLOCK = SystemClock()
CREATED = UserCreated(USER, "Hieu", "hieu@test.com")
SIZE = OptionGroup("Size", (Option("large", Decimal("1.00")),), 0, 1)
PHO = ListedDish(DishId(7), "Phở", Money(800), (SIZE,))
TEA = ListedDish(DishId(8), "Tea", Money(200))
FREE = Tariff(delivery_base=290, delivery_per_km=0, service_share=300, service_least=60)
EVERYTHING = "select id::text from orders union all select id::text from outbox"
DOWN = Unavailable("it is down", retry_after_s=7)


def a_menu(*dishes: ListedDish, version: int = 1, **changes: Any) -> MenuChanged:
    """What restaurants says of a restaurant that is open: the basket costs 25.00 there."""
    prices = PriceList(RESTAURANT, version, "Pho Saigon", KITCHEN, FREE, dishes or (PHO, TEA))
    fact = MenuChanged(prices, openings=None, paused_until=None, at=CLOCK.now())
    return msgspec.structs.replace(fact, **changes)


async def known(desk: Desk) -> None:
    """Everything has been heard, and then nobody can be asked."""
    await desk.hear(CREATED)
    await desk.hear(a_menu())
    desk.users.fails = desk.menus.fails = DOWN


async def test_an_order_is_taken_by_what_was_last_known_and_says_so(desk: Desk) -> None:
    await known(desk)

    order = await desk.get(await desk.place())

    assert order.fallbacks == (Fallback.CUSTOMER, Fallback.MENU)
    assert (order.total_price, order.items[0].price) == (Decimal("25.00"), Decimal("18.00"))


@pytest.mark.parametrize(
    ("down", "fallbacks"), [("users", (Fallback.CUSTOMER,)), ("menus", (Fallback.MENU,))]
)
async def test_one_may_be_last_known_while_the_other_is_asked(
    desk: Desk, down: str, fallbacks: tuple[Fallback, ...]
) -> None:
    await known(desk)
    desk.users.fails = desk.menus.fails = None
    getattr(desk, down).fails = DOWN

    order = await desk.get(await desk.place())

    assert order.fallbacks == fallbacks


async def test_an_order_for_which_all_were_asked_says_nothing_of_it(desk: Desk) -> None:
    await desk.hear(a_menu())

    order = await desk.get(await desk.place())

    assert b"fallbacks" not in msgspec.json.encode(order)
    assert len(desk.menus.asked) == 1


@pytest.mark.parametrize(
    "fails", [DeadlineExceeded("too late"), CalleeFailed("a fault"), Unavailable("down")]
)
async def test_whatever_keeps_it_from_being_asked(desk: Desk, fails: Unavailable) -> None:
    await known(desk)
    desk.users.fails = desk.menus.fails = fails

    assert await desk.place()


@pytest.mark.parametrize("unknown", ["customer", "menu"])
async def test_what_was_never_heard_of_is_503_and_nothing_is_stored(
    desk: Desk, unknown: str
) -> None:
    await desk.hear(CREATED if unknown == "menu" else a_menu())
    desk.users.fails = desk.menus.fails = DOWN

    with pytest.raises(Unavailable) as refused:
        await desk.place()

    assert refused.value is DOWN
    assert await desk.rows(EVERYTHING) == []


async def test_portions_with_a_count_are_not_sold_by_what_was_last_known(desk: Desk) -> None:
    await known(desk)
    limited = msgspec.structs.replace(TEA, is_limited=True)
    await desk.hear(a_menu(PHO, limited, version=2))

    with pytest.raises(Unavailable):
        await desk.place()

    assert await desk.rows(EVERYTHING) == []
    assert desk.menus.held == []


async def test_portions_that_can_not_be_held_are_503_and_nothing_is_stored(desk: Desk) -> None:
    desk.menus.says = a_quote(is_limited=True)
    desk.menus.sold_out = DOWN

    with pytest.raises(Unavailable):
        await desk.place()

    assert await desk.rows(EVERYTHING) == []


@pytest.mark.parametrize(("table", "hours"), [("known_customers", 2), ("known_menus", 1)])
async def test_what_was_not_confirmed_for_too_long_is_not_used(
    database: Database, table: str, hours: int
) -> None:
    async def confirmed(desk: Desk, *, s_ago: int) -> None:
        confirm = f"update {table} set confirmed_at = now() - make_interval(secs => $1)"  # noqa: S608  # two names
        await desk.deps.database.execute(confirm, s_ago)

    known_for = KnownFor(customers=2 * HOUR, menus=HOUR)
    async with a_desk(database, known_for=known_for) as desk:
        await known(desk)
        await confirmed(desk, s_ago=hours * 3600 - 10)
        assert await desk.place()
        await confirmed(desk, s_ago=hours * 3600 + 10)

        with pytest.raises(Unavailable):
            await desk.place()


async def test_a_menu_is_as_old_as_what_it_says_of_itself(database: Database) -> None:
    async with a_desk(database, known_for=KnownFor(customers=HOUR, menus=HOUR)) as desk:
        await known(desk)
        await desk.hear(a_menu(version=2, at=CLOCK.now() - 2 * HOUR))

        with pytest.raises(Unavailable):
            await desk.place()


def span(opens: datetime, closes: datetime) -> tuple[Opening, ...]:
    return (Opening(opens, closes),)


NOW = CLOCK.now()


@pytest.mark.parametrize(
    ("menu", "code"),
    [
        (a_menu(version=2, openings=()), "closed"),
        (a_menu(version=2, openings=span(NOW + HOUR, NOW + 2 * HOUR)), "closed"),
        (a_menu(version=2, paused_until=NOW + HOUR), "paused"),
        (a_menu(msgspec.structs.replace(PHO, sold_out=True), TEA, version=2), "sold_out"),
    ],
)
async def test_what_it_would_refuse_is_refused_by_what_it_said_last(
    desk: Desk, menu: MenuChanged, code: str
) -> None:
    await known(desk)
    await desk.hear(menu)

    with pytest.raises(Conflict) as refused:
        await desk.place()

    assert refused.value.code == code
    assert await desk.rows(EVERYTHING) == []


async def test_that_it_was_last_known_is_said_in_the_log(desk: Desk) -> None:
    await known(desk)

    with capture_logs() as lines:
        await desk.place()

    assert sorted(line["of"] for line in lines) == ["customer", "menu"]
    said = {(line["event"], line["log_level"], line["code"]) for line in lines}
    assert said == {("last_known_used", "warning", "unavailable")}


async def test_that_it_was_refused_by_what_was_last_known_is_said_too(desk: Desk) -> None:
    await known(desk)
    desk.users.fails = None

    with capture_logs() as lines, pytest.raises(PriceChanged):
        await desk.place(total_price=Decimal("24.00"))
    await desk.hear(a_menu(version=2, openings=()))
    with capture_logs() as more, pytest.raises(Conflict):
        await desk.place()

    assert [line["of"] for line in [*lines, *more]] == ["menu", "menu"]


async def test_when_it_opens_is_told_by_what_it_said_last(desk: Desk) -> None:
    await known(desk)
    await desk.hear(a_menu(version=2, openings=span(NOW - HOUR, NOW + HOUR)))
    assert await desk.place()
    await desk.hear(a_menu(version=3, openings=span(NOW + HOUR, NOW + 2 * HOUR)))

    with pytest.raises(Conflict) as refused:
        await desk.place()

    assert refused.value.extension == {"opensAt": NOW + HOUR}


async def test_another_price_is_told_by_what_it_said_last(desk: Desk) -> None:
    await known(desk)

    with pytest.raises(PriceChanged):
        await desk.place(total_price=Decimal("24.00"))


@pytest.mark.parametrize("chosen", ["dish", "option"])
async def test_what_is_not_on_the_list_may_be_by_now_and_is_503(desk: Desk, chosen: str) -> None:
    await known(desk)
    items: tuple[OrderedItem, ...] = BASKET
    if chosen == "dish":
        await desk.hear(a_menu(PHO, version=2))
    else:
        items = (msgspec.structs.replace(BASKET[0], options=(Choice("Size", "huge"),)),)

    with pytest.raises(Unavailable) as refused:
        await desk.place(items=items, total_price=None)

    assert refused.value is DOWN
    assert await desk.rows(EVERYTHING) == []


async def test_without_a_menu_the_agreed_price_is_taken_also_by_what_was_last_known(
    desk: Desk,
) -> None:
    await known(desk)
    prices = msgspec.structs.replace(a_menu(version=2).price_list, dishes=None)
    await desk.hear(a_menu(price_list=prices))
    items = (msgspec.structs.replace(BASKET[1], qty=3),)

    order = await desk.get(await desk.place(items=items, total_price=Decimal("9.50")))

    assert order.total_price == Decimal("9.50")


@pytest.mark.parametrize("versions", [(1, 2), (2, 1), (2, 2), (2, 1, 2)])
async def test_of_two_menus_the_newer_one_counts_in_whatever_order_they_come(
    desk: Desk, versions: tuple[int, ...]
) -> None:
    for number, version in enumerate(versions):
        price = Money(800 if version == 2 and versions.index(2) == number else 1)
        dish = msgspec.structs.replace(PHO, price=price)
        await desk.hear(a_menu(dish, TEA, version=version))
    await desk.hear(CREATED)
    desk.menus.fails = DOWN

    assert await desk.place()  # at 25.00


async def test_an_answer_is_taken_before_what_was_last_known(desk: Desk) -> None:
    await desk.hear(CREATED)
    await desk.hear(a_menu())
    desk.menus.fails = NotFound("gone")

    with pytest.raises(NotFound):
        await desk.place()


async def test_a_retry_with_its_key_gives_the_order_that_was_taken_by_what_was_last_known(
    desk: Desk,
) -> None:
    await known(desk)

    async def post() -> object:
        await take_key(RequestFactory().post("/orders", headers={"Idempotency-Key": "k"}))
        return await desk.place()

    (first,) = await asyncio.gather(post())
    desk.users.fails = desk.menus.fails = None
    (again,) = await asyncio.gather(post(), return_exceptions=True)

    assert isinstance(again, AlreadyAnswered)
    assert [row["id"] for row in await desk.rows("select id from orders")] == [first]
    assert b'"fallbacks":["customer","menu"]' in again.body


async def test_of_the_copies_those_that_are_asked_for_are_read(desk: Desk) -> None:
    await known(desk)

    menus = await store.known_menus(
        desk.deps.database, [RESTAURANT, RestaurantId(9)], known_for_s=DAY_S
    )

    assert set(menus) == {RESTAURANT}
    assert menus[RESTAURANT].price_list.dishes == (PHO, TEA)
