"""Notifications: who is told what, once for each fact, by the names heard so far."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager

import pytest

from ordereats.chassis.clock import SystemClock
from ordereats.chassis.db.pool import Database
from ordereats.chassis.messaging.inbox import Inbox
from ordereats.contracts.events import Event
from ordereats.contracts.ids import OrderId, RestaurantId, UserId
from ordereats.contracts.money import Money
from ordereats.contracts.notifications import Notification
from ordereats.contracts.orders import OrderDeclined, OrderPaid
from ordereats.contracts.restaurants import RestaurantChanged
from ordereats.contracts.users import UserCreated
from ordereats.services.notifications import use_cases
from ordereats.services.notifications.handlers import subscriptions
from ordereats.services.notifications.use_cases import Deps
from support.builders import a_fact, a_message

Tables = Callable[..., AbstractAsyncContextManager[Database]]
PAID = OrderPaid(OrderId(1), UserId(1), RestaurantId(1), Money(2500))
HIEU = UserCreated(UserId(1), "Hieu", "hieu@test.com")
PHO = RestaurantChanged(RestaurantId(1), "Pho Saigon", None)


class Desk:
    """Notifications, at work."""

    def __init__(self, deps: Deps) -> None:
        self.deps = deps
        self._inbox = Inbox(deps.database, subscriptions(deps))

    async def hear(self, *facts: Event) -> None:
        for fact in facts:
            family = {"UserCreated": "user", "RestaurantChanged": "restaurant"}.get(
                type(fact).__name__, "order"
            )
            receive: Callable[..., Awaitable[None]] = self._inbox.handler(f"notifications.{family}")
            await receive(a_message(fact))

    async def told(self, user_id: int = 1, **page: int) -> list[Notification]:
        asked = {"after": 0, "limit": 100, **page}
        return await use_cases.page(self.deps, UserId(user_id), **asked)


@pytest.fixture
async def desk(tables: Tables) -> AsyncIterator[Desk]:
    async with tables("notifications") as database:
        yield Desk(Deps(database=database, clock=SystemClock()))


async def test_a_customer_is_told_by_name_what_happened_where(desk: Desk) -> None:
    await desk.hear(HIEU, PHO, a_fact(), PAID)

    placed, paid = await desk.told()
    assert (placed.user_id, placed.order_id) == (1, 1)
    assert placed.subject == "Your order at Pho Saigon"
    assert placed.text.startswith("Hello Hieu, ")
    assert "25.00 EUR" in placed.text
    assert "Paid" in paid.subject


async def test_before_the_names_are_heard_they_are_told_all_the_same(desk: Desk) -> None:
    await desk.hear(a_fact())

    (told,) = await desk.told()
    assert told.text.startswith("Hello, ")
    assert told.subject == "Your order at the restaurant"


async def test_a_name_that_changed_is_the_one_that_is_used(desk: Desk) -> None:
    await desk.hear(HIEU, PHO, RestaurantChanged(RestaurantId(1), "Pho Hanoi", "Vietnamese"))

    await desk.hear(PAID)

    (told,) = await desk.told()
    assert "Pho Hanoi" in told.subject


async def test_each_fact_is_told_once_also_when_it_comes_as_another_message(desk: Desk) -> None:
    await desk.hear(PAID, PAID, PAID)

    assert len(await desk.told()) == 1


async def test_nobody_reads_what_others_are_told(desk: Desk) -> None:
    await desk.hear(PAID, OrderDeclined(OrderId(2), UserId(2), RestaurantId(1), "expired_card"))

    assert [each.order_id for each in await desk.told(1)] == [1]
    assert [each.order_id for each in await desk.told(2)] == [2]
    assert await desk.told(3) == []


async def test_a_page_begins_after_an_id_and_ends_at_the_limit(desk: Desk) -> None:
    await desk.hear(*(a_fact(order_id) for order_id in range(1, 6)))

    first = await desk.told(limit=2)
    rest = await desk.told(after=first[-1].id)

    assert [each.order_id for each in (*first, *rest)] == [1, 2, 3, 4, 5]
