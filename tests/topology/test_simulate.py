"""A simulation against a small platform: all ends, nothing twice, and the truth at the end."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal
from io import StringIO

import pytest
from rich.console import Console

from ordereats.contracts.ids import OrderId, PaymentId
from ordereats.contracts.orders import OrderStatus
from ordereats.contracts.payments import Payment, PaymentStatus
from ordereats.topology.city import client
from ordereats.topology.city.invented import Size, invent
from ordereats.topology.city.simulation import clock, money, run, stage
from ordereats.topology.city.simulation.money import fits
from ordereats.topology.city.simulation.plan import BAD_CARDS, plan
from ordereats.topology.city.simulation.report import Outcome, Progress
from ordereats.topology.city.simulation.run import Wanted, simulate
from ordereats.topology.city.simulation.shown import TerminalScreen, summary
from ordereats.topology.city.simulation.stage import Glimpse
from support.small_platform import Document, SmallPlatform

D = Decimal


class Silent:
    """A screen that remembers."""

    every_s = 0.2

    def __init__(self) -> None:
        self.seen: list[Progress] = []

    def show(self, progress: Progress) -> None:
        self.seen.append(progress)


@pytest.fixture
async def small() -> AsyncIterator[SmallPlatform]:
    async with SmallPlatform.up() as platform:
        yield platform


@pytest.fixture(autouse=True)
def everyone_looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "LEAST_GLANCE_S", 0.05)


def a_day(small: SmallPlatform, **changes: float) -> Wanted:
    given = {"orders_per_minute": 30, "minutes": 2, "speed": 3000, "patience_s": 120} | changes
    return Wanted(
        url=small.url, seed=3, size=Size(restaurants=8, couriers=40, customers=20), **given
    )


async def play(wanted: Wanted) -> Outcome:
    return await simulate(wanted, Silent(), asyncio.Event())


async def test_every_order_ends_and_the_money_is_where_it_belongs(small: SmallPlatform) -> None:
    outcome = await play(a_day(small))

    ends = outcome.progress.by_status
    assert outcome.is_fine
    assert sum(ends.values()) == len(small.orders) == 60
    assert ends[OrderStatus.DELIVERED] > 40
    assert outcome.books is not None
    assert outcome.books.owed == outcome.books.captured == 25 * ends[OrderStatus.DELIVERED]
    assert outcome.tally.failed == 0
    assert len(outcome.door_min) == ends[OrderStatus.DELIVERED]
    assert 5 < outcome.median_min < outcome.p90_min


async def test_orders_are_followed_from_page_to_page(
    small: SmallPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage, "PAGE", 20)
    monkeypatch.setattr(run, "PATIENCE_MIN", 5)
    small.deaf_kitchen = True

    outcome = await play(a_day(small, patience_s=0.5))

    # Those of the first page stay where they are; those after it are seen to move all the same.
    assert outcome.progress.by_status[OrderStatus.PAID] > 40
    assert outcome.progress.by_status[OrderStatus.PENDING] == 0


async def test_what_the_plan_says_is_what_they_do(small: SmallPlatform) -> None:
    wanted = a_day(small, orders_per_minute=100)
    city = invent(wanted.seed, wanted.size)
    scripts = plan(city, orders_per_minute=100, minutes=wanted.minutes, seed=wanted.seed)

    outcome = await play(wanted)

    done = {line.what: sum(line.outcomes.values()) for line in outcome.tally.lines()}
    ends = outcome.progress.by_status
    assert outcome.is_fine
    assert ends[OrderStatus.DECLINED] == sum(each.customer.card in BAD_CARDS for each in scripts)
    assert done["cancel"] == sum(each.customer.cancels_after_min is not None for each in scripts)
    assert done["look around"] == sum(each.customer.browses for each in scripts)
    # The others happen unless the order has ended before.
    for what, planned in {
        "ask money back": sum(each.customer.refund_percent is not None for each in scripts),
        "reject a ticket": sum(each.kitchen.rejects for each in scripts),
        "delay a ticket": sum(each.kitchen.delayed_by_min is not None for each in scripts),
        "decline an offer": sum(each.courier.declines for each in scripts),
    }.items():
        assert planned * 0.5 <= done[what] <= planned


async def test_money_that_is_missing_is_named_with_its_orders(
    small: SmallPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(money, "PATIENCE_S", 0.3)
    small.captures = "24.99"

    outcome = await play(a_day(small))

    delivered = {each["id"] for each in small.orders.values() if each["status"] == "delivered"}
    assert not outcome.is_fine
    assert outcome.books is not None
    assert set(outcome.books.off) == delivered
    assert "NOT balanced" in text_of(outcome)


async def test_customers_who_never_hear_of_their_order_are_counted(small: SmallPlatform) -> None:
    small.broken.add("POST /orders")

    outcome = await play(a_day(small))

    assert outcome.lost == 60
    assert not outcome.is_fine
    assert "60 customers never heard what became of their order" in text_of(outcome)


async def test_customers_look_again_when_the_price_has_changed(small: SmallPlatform) -> None:
    small.refuses_first_with = "price_changed"

    outcome = await play(a_day(small))

    assert outcome.is_fine
    assert outcome.unplaced == {}
    assert len(small.orders) == 60


async def test_customers_go_away_where_they_are_refused_for_good(small: SmallPlatform) -> None:
    small.refuses_first_with = "closed"

    outcome = await play(a_day(small))

    assert outcome.unplaced == {"closed": 60}
    assert "Went away without an order: 60 closed" in text_of(outcome)


async def test_customers_take_something_else_when_a_dish_is_sold_out(small: SmallPlatform) -> None:
    wanted = a_day(small)
    menus = [each.menu for each in invent(wanted.seed, wanted.size).restaurants]
    every_dish = [dish.name for menu in menus for part in menu.sections for dish in part.dishes]
    small.sold_out = set(every_dish[::2])

    outcome = await play(wanted)

    numbers = {
        dish["id"]: dish["name"]
        for each in small.restaurants.values()
        for section in each["menu"]["sections"]
        for dish in section["dishes"]
    }
    ordered = {numbers[item["dishId"]] for basket in small.baskets for item in basket["items"]}
    assert outcome.is_fine
    assert len(small.orders) == 60
    assert not ordered & small.sold_out


async def test_customers_go_away_when_nothing_is_left(small: SmallPlatform) -> None:
    wanted = a_day(small)
    menus = [each.menu for each in invent(wanted.seed, wanted.size).restaurants]
    small.sold_out = {dish.name for menu in menus for part in menu.sections for dish in part.dishes}

    outcome = await play(wanted)

    assert outcome.unplaced == {"nothing_left": 60}


async def test_couriers_go_home_at_the_end(small: SmallPlatform) -> None:
    await play(a_day(small))

    assert [each for each in small.couriers.values() if each["isOnline"]] == []


async def test_lost_answers_and_refusals_on_the_way_change_nothing(small: SmallPlatform) -> None:
    small.trouble_every = 7

    outcome = await play(a_day(small))

    assert outcome.is_fine
    assert len(small.orders) == 60
    assert sum(line.repeated for line in outcome.tally.lines()) > 100


async def test_an_order_that_never_ends_is_named_when_patience_has_ended(
    small: SmallPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "PATIENCE_MIN", 5)
    small.deaf_kitchen = True

    outcome = await play(a_day(small, patience_s=0.5))

    assert not outcome.is_fine
    assert not outcome.interrupted
    assert len(outcome.unended) > 40
    assert set(outcome.unended) == {
        each["id"] for each in small.orders.values() if each["status"] == "paid"
    }
    assert "orders have not ended" in text_of(outcome)


async def test_who_is_interrupted_sums_up_what_there_is(small: SmallPlatform) -> None:
    stop = asyncio.Event()

    class Impatient(Silent):
        def show(self, progress: Progress) -> None:
            if progress.placed >= 10:
                stop.set()

    outcome = await simulate(a_day(small, minutes=60, speed=600), Impatient(), stop)

    assert outcome.interrupted
    assert not outcome.is_fine
    assert 10 <= outcome.progress.placed < 1800
    assert "Interrupted; so far" in text_of(outcome)
    assert not any(each["isOnline"] for each in small.couriers.values())


async def test_a_platform_that_falls_silent_does_not_keep_the_summary_waiting(
    small: SmallPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "PATIENCE_S", 0.3)
    stop = asyncio.Event()

    class Unplugging(Silent):
        def show(self, progress: Progress) -> None:
            if progress.by_status[OrderStatus.DELIVERED]:
                small.refuse_next = 10**9
                stop.set()

    outcome = await simulate(a_day(small), Unplugging(), stop)

    assert outcome.books is None
    assert not outcome.is_fine
    assert "the platform does not answer" in text_of(outcome)


async def test_a_second_simulation_in_the_same_city_orders_anew(small: SmallPlatform) -> None:
    await play(a_day(small))

    again = await play(a_day(small))

    assert again.is_fine
    assert len(small.orders) == 120
    assert len(small.restaurants) == 8


async def test_customers_ask_the_same_again_in_a_second_run(small: SmallPlatform) -> None:
    await play(a_day(small))
    first = in_some_order(small.baskets)

    await play(a_day(small))

    assert in_some_order(small.baskets[60:]) == first


async def test_the_stream_of_progress_goes_up_to_the_end(small: SmallPlatform) -> None:
    screen = Silent()

    await simulate(a_day(small), screen, asyncio.Event())

    assert len(screen.seen) > 3
    assert [each.placed for each in screen.seen] == sorted(each.placed for each in screen.seen)
    assert screen.seen[-1].placed == screen.seen[-1].planned == 60


async def test_without_a_terminal_progress_is_lines(small: SmallPlatform) -> None:
    out = StringIO()

    with TerminalScreen(Console(file=out, width=200)) as screen:
        await simulate(a_day(small), screen, asyncio.Event())

    assert "60 of 60 orders" in out.getvalue()
    assert "\x1b" not in out.getvalue()


async def test_on_a_terminal_progress_is_a_picture(small: SmallPlatform) -> None:
    out = StringIO()

    with TerminalScreen(Console(file=out, width=200, force_terminal=True)) as screen:
        outcome = await simulate(a_day(small), screen, asyncio.Event())

    assert "\x1b[" in out.getvalue()
    assert "━" in out.getvalue()
    assert "balanced" in text_of(outcome)


def test_a_payment_fits_the_end_of_its_order_or_not() -> None:
    delivered, cancelled = OrderStatus.DELIVERED, OrderStatus.CANCELLED
    captured, voided = PaymentStatus.CAPTURED, PaymentStatus.VOIDED
    refunded, authorized = PaymentStatus.REFUNDED, PaymentStatus.AUTHORIZED

    assert fits(an_order(delivered), a_payment(captured, "25.00", "0.00"))
    assert fits(an_order(delivered), a_payment(captured, "25.00", "5.00"), asked=D("5.00"))
    assert fits(an_order(delivered), a_payment(refunded, "25.00", "25.00"), asked=D("25.00"))
    for given_back in ("5.00", "7.00"):  # nobody heard whether the 2.00 would come
        returned = a_payment(captured, "25.00", given_back)
        assert fits(an_order(delivered), returned, asked=D("5.00"), perhaps=D("2.00"))
    assert fits(an_order(cancelled), a_payment(voided, "0.00", "0.00"))
    assert fits(an_order(cancelled), a_payment(refunded, "25.00", "25.00"))
    assert fits(an_order(cancelled), None)

    assert not fits(an_order(delivered), None)
    assert not fits(an_order(delivered), a_payment(captured, "25.00", "5.00"))
    assert not fits(an_order(delivered), a_payment(captured, "25.00", "0.00"), asked=D("5.00"))
    assert not fits(an_order(delivered), a_payment(authorized, "0.00", "0.00"))
    assert not fits(an_order(delivered), a_payment(captured, "24.99", "0.00"))
    assert not fits(an_order(cancelled), a_payment(captured, "25.00", "0.00"))
    assert not fits(an_order(cancelled), a_payment(refunded, "25.00", "24.99"))
    assert not fits(an_order(cancelled), a_payment(authorized, "0.00", "0.00"))


def an_order(status: OrderStatus) -> Glimpse:
    return Glimpse(OrderId(1), status, 3, D("25.00"), NOON, NOON)


def a_payment(status: PaymentStatus, captured: str, refunded: str) -> Payment:
    return Payment(
        id=PaymentId(1),
        order_id=OrderId(1),
        amount=D("25.00"),
        status=status,
        attempts=1,
        created_at=NOON,
        captured=D(captured),
        refunded=D(refunded),
    )


def in_some_order(baskets: list[Document]) -> list[str]:
    return sorted(map(str, baskets))


def text_of(outcome: Outcome) -> str:
    out = StringIO()
    Console(file=out, width=200).print(summary(outcome))
    return out.getvalue()


NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
