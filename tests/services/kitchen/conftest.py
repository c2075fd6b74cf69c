"""Kitchen on its own tables: it hears of orders, cooks, and its facts are read from the outbox."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import msgspec
import pytest

from ordereats.chassis.clock import SystemClock
from ordereats.chassis.db.pool import Database, Row
from ordereats.chassis.messaging.bus import Handler
from ordereats.chassis.messaging.inbox import Inbox
from ordereats.chassis.messaging.outbox import Outbox
from ordereats.contracts.events import Event
from ordereats.contracts.ids import CourierId, DishId, OrderId, RestaurantId, TicketId, UserId
from ordereats.contracts.kitchen import AcceptTicket, Ticket, Withdrawn
from ordereats.contracts.money import Money
from ordereats.contracts.orders import (
    CancelledBy,
    OrderCancelled,
    OrderedDish,
    OrderPaid,
    OrderPickedUp,
)
from ordereats.services.kitchen import use_cases
from ordereats.services.kitchen.handlers import subscriptions
from ordereats.services.kitchen.use_cases import Deps
from support.builders import a_message, nothing

Tables = Callable[..., AbstractAsyncContextManager[Database]]

PHO = DishId(4)


def paid(order_id: int = 1, **changes: Any) -> OrderPaid:
    """An order of two dishes at restaurant 1, one of them on its menu."""
    fact = OrderPaid(
        OrderId(order_id),
        UserId(1),
        RestaurantId(1),
        Money(2500),
        (OrderedDish(2, "Phở", PHO, ("Size: large",)), OrderedDish(1, "Tea")),
        "No coriander",
    )
    return msgspec.structs.replace(fact, **changes)


def cancelled(order_id: int = 1) -> OrderCancelled:
    return OrderCancelled(OrderId(order_id), UserId(1), RestaurantId(1), CancelledBy.OPERATOR)


def picked_up(order_id: int = 1) -> OrderPickedUp:
    return OrderPickedUp(OrderId(order_id), UserId(1), RestaurantId(1), CourierId(3))


class Kitchen:
    """Kitchen, at work."""

    def __init__(self, deps: Deps) -> None:
        self.deps = deps
        self.inbox = Inbox(deps.database, subscriptions(deps))
        self._receive: Handler = self.inbox.handler("kitchen.order")

    async def hear(self, *facts: Event) -> None:
        """Hear of orders, one fact after the other."""
        for fact in facts:
            await self._receive(a_message(fact, correlation_id="the-walk"), 1)

    async def ticket(self, order_id: int = 1) -> Ticket:
        """The ticket of an order, as a kitchen sees it."""
        (row,) = await self.rows(order_id)
        return await use_cases.get(self.deps, row["id"])

    async def rows(self, order_id: int = 1) -> list[Row]:
        return await self.deps.database.fetch("select * from tickets where order_id = $1", order_id)

    async def new(self, order_id: int = 1) -> TicketId:
        """A ticket that is new."""
        await self.hear(paid(order_id))
        return (await self.ticket(order_id)).id

    async def accepted(self, order_id: int = 1) -> TicketId:
        """A ticket that is being cooked."""
        ticket_id = await self.new(order_id)
        await use_cases.accept(self.deps, ticket_id, AcceptTicket(20))
        return ticket_id

    async def ready(self, order_id: int = 1) -> TicketId:
        """A ticket whose food waits."""
        ticket_id = await self.accepted(order_id)
        await use_cases.ready(self.deps, ticket_id)
        return ticket_id

    async def withdraw(self, order_id: int = 1) -> Withdrawn:
        return await use_cases.withdraw(self.deps, OrderId(order_id), RestaurantId(1))

    async def let_time_pass(self) -> None:
        """Let the time of every new ticket be over."""
        await self.deps.database.execute(
            "update tickets set accept_by = now() where status = 'new'"
        )

    async def someone_waits_for_a_lock(self) -> bool:
        return bool(
            await self.deps.database.fetch(
                "select from pg_stat_activity"
                " where datname = current_database() and wait_event_type = 'Lock'"
            )
        )

    async def facts(self, order_id: int = 1) -> list[Row]:
        """What was told of an order, with the short name of each fact."""
        return await self.deps.database.fetch(
            "select *, split_part(type, '.', 3) as short from outbox"
            " where (data ->> 'orderId')::bigint = $1 order by position",
            order_id,
        )

    async def told(self, order_id: int = 1) -> list[str]:
        return [fact["short"] for fact in await self.facts(order_id)]

    async def waiting(self) -> list[str]:
        """Why messages wait to be tried again."""
        rows = await self.deps.database.fetch("select * from inbox where state <> 'done'")
        return [row["last_error"] for row in rows]


@pytest.fixture
async def kitchen(tables: Tables) -> AsyncIterator[Kitchen]:
    async with tables("kitchen") as database:
        outbox = Outbox("kitchen", SystemClock(), nothing)
        yield Kitchen(Deps(database, outbox, accept_within_s=300))
