"""Orders hears what payments found out: each order moves once, and says so."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial

import pytest

from ordereats.chassis.background import Background
from ordereats.chassis.clock import SystemClock
from ordereats.chassis.coalescing import Coalescer
from ordereats.chassis.db.pool import Database
from ordereats.chassis.errors import Invalid, Unavailable
from ordereats.chassis.http.idempotency import Answers
from ordereats.chassis.messaging.bus import Message
from ordereats.chassis.messaging.inbox import Inbox
from ordereats.chassis.messaging.outbox import Outbox
from ordereats.contracts.ids import OrderId, PaymentId, RestaurantId, UserId
from ordereats.contracts.money import Money
from ordereats.contracts.orders import (
    OrderDeclined,
    OrderedItem,
    OrderPaid,
    OrderStatus,
    PlaceOrder,
)
from ordereats.contracts.payments import PaymentAuthorized, PaymentDeclined
from ordereats.contracts.wire import decode
from ordereats.services.orders import use_cases
from ordereats.services.orders.handlers import subscriptions
from ordereats.services.orders.use_cases import Deps, Placements
from support.builders import a_message, nothing

Tables = Callable[..., AbstractAsyncContextManager[Database]]


class Neighbour:
    """Users or restaurants.

    Attributes:
        known: ids.
        fails: raised instead of an answer.
    """

    def __init__(self) -> None:
        self.known = {1}
        self.fails: Exception | None = None

    async def is_known(self, which: int) -> bool:
        if self.fails is not None:
            raise self.fails
        return which in self.known


class Kitchen:
    """Orders with neighbours that a test can break."""

    def __init__(self, deps: Deps, users: Neighbour, restaurants: Neighbour) -> None:
        self.deps = deps
        self.users = users
        self.restaurants = restaurants
        self.inbox = Inbox(deps.database, subscriptions(deps))
        self.receive: Callable[[Message], Awaitable[None]] = self.inbox.handler("orders.payment")

    async def place(self, *, user_id: int = 1, restaurant_id: int = 1) -> OrderId:
        command = PlaceOrder(
            user_id=UserId(user_id),
            restaurant_id=RestaurantId(restaurant_id),
            items=(OrderedItem(name="Pho", qty=2),),
            total_price=Money(2500).amount,
        )
        return (await use_cases.place(self.deps, command)).id

    async def status(self, order_id: OrderId) -> str:
        return (await use_cases.get(self.deps, order_id)).status

    async def rows(self, sql: str) -> list[dict[str, object]]:
        return [dict(row) for row in await self.deps.database.fetch(sql)]


@pytest.fixture
async def kitchen(tables: Tables) -> AsyncIterator[Kitchen]:
    async with tables("orders") as database, Background.open() as background:
        outbox = Outbox("orders", SystemClock(), nothing)
        answers, clock = Answers(database), SystemClock()
        users, restaurants = Neighbour(), Neighbour()
        placements = Placements(database, outbox, answers, clock)
        find = partial(use_cases.find, database)
        deps = Deps(
            database=database,
            outbox=outbox,
            answers=answers,
            clock=clock,
            customers=users,
            restaurants=restaurants,
            placements=Coalescer(placements.write, background, name="placements"),
            found=Coalescer(find, background, name="found"),
        )
        yield Kitchen(deps, users, restaurants)


def authorized(order_id: int) -> Message:
    fact = PaymentAuthorized(PaymentId(7), OrderId(order_id), Money(2500))
    return a_message(fact, subject="payment/7", correlation_id="the-walk")


def declined(order_id: int) -> Message:
    fact = PaymentDeclined(PaymentId(7), OrderId(order_id), "insufficient_funds")
    return a_message(fact, subject="payment/7")


async def test_an_authorized_payment_makes_the_order_paid_and_that_is_told(
    kitchen: Kitchen,
) -> None:
    order_id = await kitchen.place()

    await kitchen.receive(authorized(order_id))

    assert await kitchen.status(order_id) == "paid"
    (fact,) = await kitchen.rows("select * from outbox where type = 'ordereats.order.paid.v1'")
    assert (fact["subject"], fact["version"]) == (f"order/{order_id}", 2)
    assert fact["correlation_id"] == "the-walk"
    paid = decode(str(fact["data"]).encode(), OrderPaid)
    assert paid == OrderPaid(order_id, UserId(1), RestaurantId(1), Money(2500))


async def test_a_declined_one_ends_the_order_with_its_reason(kitchen: Kitchen) -> None:
    order_id = await kitchen.place()

    await kitchen.receive(declined(order_id))

    order = await use_cases.get(kitchen.deps, order_id)
    assert (order.status, order.decline_reason) == (OrderStatus.DECLINED, "insufficient_funds")
    (fact,) = await kitchen.rows("select * from outbox where type = 'ordereats.order.declined.v1'")
    assert decode(str(fact["data"]).encode(), OrderDeclined).reason == "insufficient_funds"


async def test_the_same_news_twice_is_one_move(kitchen: Kitchen) -> None:
    order_id = await kitchen.place()
    message = authorized(order_id)

    await kitchen.receive(message)
    await kitchen.receive(message)

    assert len(await kitchen.rows("select from outbox where version = 2")) == 1


async def test_news_that_contradict_what_is_so_change_nothing_and_wait_for_a_person(
    kitchen: Kitchen,
) -> None:
    order_id = await kitchen.place()
    await kitchen.receive(authorized(order_id))

    await kitchen.receive(declined(order_id))

    assert await kitchen.status(order_id) == "paid"
    (row,) = await kitchen.rows("select * from inbox where state = 'waiting'")
    assert "IllegalMove" in str(row["last_error"])


async def test_news_of_an_order_that_is_not_there_wait(kitchen: Kitchen) -> None:
    await kitchen.receive(authorized(99))

    (row,) = await kitchen.rows("select * from inbox")
    assert row["state"] == "waiting"


async def test_an_order_and_its_fact_are_stored_together(kitchen: Kitchen) -> None:
    order_id = await kitchen.place()

    (fact,) = await kitchen.rows("select * from outbox")
    assert (fact["type"], fact["subject"], fact["version"], fact["source"]) == (
        "ordereats.order.placed.v1",
        f"order/{order_id}",
        1,
        "orders",
    )


async def test_both_who_are_unknown_are_named(kitchen: Kitchen) -> None:
    with pytest.raises(Invalid) as error:
        await kitchen.place(user_id=8, restaurant_id=9)

    assert [each.path for each in error.value.problems] == ["userId", "restaurantId"]
    assert await kitchen.rows("select from orders union all select from outbox") == []


@pytest.mark.parametrize("who", ["users", "restaurants"])
async def test_who_can_not_be_asked_is_not_taken_for_unknown(kitchen: Kitchen, who: str) -> None:
    neighbour: Neighbour = getattr(kitchen, who)
    neighbour.fails = Unavailable("it is down")

    with pytest.raises(Unavailable):
        await kitchen.place(user_id=8, restaurant_id=9)

    assert await kitchen.rows("select from orders union all select from outbox") == []
