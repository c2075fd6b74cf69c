"""Payments on its own tables, with a provider that keeps a ledger and misbehaves when told to."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager

import pytest

from ordereats.chassis.background import Hint
from ordereats.chassis.clock import SystemClock
from ordereats.chassis.db.pool import Database, Row
from ordereats.chassis.messaging.bus import Message
from ordereats.chassis.messaging.inbox import Inbox
from ordereats.chassis.messaging.outbox import Outbox
from ordereats.services.payments import use_cases
from ordereats.services.payments.clients import ProviderUncertainError
from ordereats.services.payments.domain import Authorized, Declined, Payment
from ordereats.services.payments.handlers import subscriptions
from ordereats.services.payments.use_cases import Deps
from support.builders import a_fact, a_message, nothing

Tables = Callable[..., AbstractAsyncContextManager[Database]]


class Provider:
    """Reserves money once for each key.

    Attributes:
        ledger: what was answered, by key.
        asked: the order and the key of each question.
        declines: why an order's card is refused.
        loses: answers of this order get lost, after the money was reserved, so many times.
        breaks: raised for an order, before anything else.
        may_answer: it waits for this before it answers, after the money was reserved.
        begun: it was asked something.
    """

    def __init__(self) -> None:
        self.ledger: dict[str, Authorized | Declined] = {}
        self.asked: list[tuple[int, str]] = []
        self.declines: dict[int, str] = {}
        self.loses: dict[int, int] = {}
        self.breaks: dict[int, Exception] = {}
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.begun = asyncio.Event()

    async def authorize(self, payment: Payment) -> Authorized | Declined:
        order_id, key = payment.order_id, payment.charge_key
        self.asked.append((order_id, key))
        if order_id in self.breaks:
            raise self.breaks[order_id]
        if key not in self.ledger:
            number = len(self.ledger) + 1
            self.ledger[key] = (
                Declined(self.declines[order_id], f"pi_{number}")
                if order_id in self.declines
                else Authorized(f"pi_{number}")
            )
        self.begun.set()
        await self.may_answer.wait()
        if self.loses.get(order_id, 0):
            self.loses[order_id] -= 1
            raise ProviderUncertainError("the answer got lost")
        return self.ledger[key]


class Till:
    """Payments, at work."""

    def __init__(self, deps: Deps, provider: Provider) -> None:
        self.deps = deps
        self.provider = provider
        inbox = Inbox(deps.database, subscriptions(deps))
        self.receive: Callable[[Message], Awaitable[None]] = inbox.handler("payments.order")

    async def hear(self, *order_ids: int) -> None:
        """Hear of orders."""
        for each in order_ids:
            await self.receive(a_message(a_fact(each), correlation_id=f"walk-{each}"))

    async def sweep(self) -> bool:
        return await use_cases.authorize_due(self.deps)

    async def let_time_pass(self) -> None:
        """Let every lease and every pause be over."""
        await self.deps.database.execute(
            "update payments set due_at = now() where due_at is not null"
        )

    async def payment(self, order_id: int = 1) -> Row:
        row = await self.deps.database.fetch_one(
            "select *, extract(epoch from due_at - now())::float as pause_s"
            " from payments where order_id = $1",
            order_id,
        )
        assert row is not None
        return row

    async def facts(self) -> list[Row]:
        return await self.deps.database.fetch("select * from outbox order by position")


@pytest.fixture
def provider() -> Provider:
    return Provider()


@pytest.fixture
async def till(tables: Tables, provider: Provider) -> AsyncIterator[Till]:
    async with tables("payments") as database:
        deps = Deps(
            database=database,
            outbox=Outbox("payments", SystemClock(), nothing),
            clock=SystemClock(),
            provider=provider,
            wake_job=Hint().give,
            lease_s=15,
        )
        yield Till(deps, provider)
