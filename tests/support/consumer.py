"""A consumer behind an inbox, which notes what it hears and fails when it is told to."""

import asyncio
from collections.abc import Awaitable

from ordereats.chassis import context
from ordereats.chassis.clock import SystemClock
from ordereats.chassis.context import Context
from ordereats.chassis.db.pool import Database, Transaction
from ordereats.chassis.errors import DatabaseError
from ordereats.chassis.messaging.bus import Message
from ordereats.chassis.messaging.inbox import Inbox
from ordereats.chassis.messaging.outbox import Outbox
from ordereats.chassis.messaging.subscriptions import effect, subscribe
from ordereats.contracts.ids import OrderId, RestaurantId, UserId
from ordereats.contracts.money import Money
from ordereats.contracts.orders import OrderPaid, OrderPlaced
from support.builders import nothing

CONSUMER = "testing.order"


class Consumer:
    """Notes each order that it hears of in the database; fails when it is told to.

    Attributes:
        fails: raised after the effect, which then has to be undone.
        contexts: that were current.
        may_go_on: it waits for this, inside the transaction.
    """

    def __init__(self, database: Database) -> None:
        self.database = database
        self.fails: dict[int, Exception] = {}
        self.contexts: list[Context] = []
        self.begun = asyncio.Event()
        self.may_go_on = asyncio.Event()
        self.may_go_on.set()
        self.inbox = Inbox(
            database, [subscribe("testing", "order", [effect(OrderPlaced, self.note)])]
        )
        self._receive = self.inbox.handler(CONSUMER)

    async def receive(self, message: Message, handed_out: int = 1) -> None:
        await self._receive(message, handed_out)

    async def note(self, tx: Transaction, fact: OrderPlaced) -> None:
        self.contexts.append(context.current())
        await tx.execute("insert into noted (order_id) values ($1)", fact.order_id)
        self.begun.set()
        await self.may_go_on.wait()
        if fact.order_id in self.fails:
            raise self.fails[fact.order_id]
        outbox = Outbox("testing", SystemClock(), nothing)
        caused = OrderPaid(OrderId(fact.order_id), UserId(1), RestaurantId(1), Money(1))
        await outbox.add(tx, caused, subject=f"order/{fact.order_id}", version=2)

    async def noted(self) -> list[int]:
        rows = await self.database.fetch("select order_id from noted order by order_id")
        return [row["order_id"] for row in rows]

    async def rows(self) -> list[dict[str, object]]:
        found = await self.database.fetch("select * from inbox order by received_at")
        return [dict(row) for row in found]

    async def try_again(self) -> None:
        """Let every pause be over, and sweep."""
        await self.database.execute("update inbox set due_at = now() where state = 'waiting'")
        await self.inbox.retry_once()


async def outcome(work: Awaitable[object]) -> Exception | None:
    try:
        await work
    except DatabaseError as error:
        return error
    return None
