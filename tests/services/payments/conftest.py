"""Payments on its own tables, with a provider that keeps a ledger and misbehaves when told to."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from ordereats.chassis.clock import SystemClock
from ordereats.chassis.db.pool import Database, Row
from ordereats.chassis.http.idempotency import Answers
from ordereats.chassis.messaging.inbox import Inbox
from ordereats.chassis.messaging.outbox import Outbox
from ordereats.contracts.deliveries import DeliveryDelivered
from ordereats.contracts.events import Event, type_of
from ordereats.contracts.ids import (
    CourierId,
    DeliveryId,
    OrderId,
    PaymentId,
    RestaurantId,
    UserId,
)
from ordereats.contracts.menus import PriceParts
from ordereats.contracts.money import Money
from ordereats.contracts.orders import (
    CancelledBy,
    OrderAccepted,
    OrderCancelled,
    OrderExpired,
    OrderPlaced,
    OrderRejected,
)
from ordereats.contracts.payments import AskRefund, Refund
from ordereats.services.payments import clients
from ordereats.services.payments.handlers import subscriptions
from ordereats.services.payments.use_cases import due, refunds
from ordereats.services.payments.use_cases.deps import Deps
from services.payments.fake import Provider
from support.builders import a_message, nothing

Tables = Callable[..., AbstractAsyncContextManager[Database]]

USER, RESTAURANT, COURIER = UserId(1), RestaurantId(2), CourierId(3)
TOTAL = Money(2500)
PRICE = PriceParts(Money(2000), Money(290), Money(60), Money(150))
READY_AT = datetime(2026, 2, 28, 18, 30, tzinfo=UTC)


def placed(order_id: int = 1) -> OrderPlaced:
    return OrderPlaced(
        order_id=OrderId(order_id),
        user_id=USER,
        restaurant_id=RESTAURANT,
        total=TOTAL,
        payment_method="pm_card_visa",
        price=PRICE,
    )


def accepted(order_id: int = 1) -> OrderAccepted:
    return OrderAccepted(OrderId(order_id), USER, RESTAURANT, TOTAL, READY_AT)


def delivered(order_id: int = 1) -> DeliveryDelivered:
    return DeliveryDelivered(DeliveryId(9), OrderId(order_id), RESTAURANT, USER, COURIER)


def cancelled(order_id: int = 1) -> OrderCancelled:
    return OrderCancelled(OrderId(order_id), USER, RESTAURANT, CancelledBy.CUSTOMER)


def rejected(order_id: int = 1) -> OrderRejected:
    return OrderRejected(OrderId(order_id), USER, RESTAURANT, "too busy")


def expired(order_id: int = 1) -> OrderExpired:
    return OrderExpired(OrderId(order_id), USER, RESTAURANT)


class Till:
    """Payments, at work."""

    def __init__(self, deps: Deps, provider: Provider) -> None:
        self.deps = deps
        self.provider = provider
        self.inbox = Inbox(deps.database, subscriptions(deps))

    async def hear(self, *facts: Event | int) -> None:
        """Hear of facts; a number stands for an order that was placed."""
        for each in facts:
            fact = placed(each) if isinstance(each, int) else each
            walk = f"walk-{getattr(fact, 'order_id', None)}"
            receive = self.inbox.handler(f"payments.{type_of(fact).split('.')[1]}")
            await receive(a_message(fact, correlation_id=walk), 1)

    async def sweep(self) -> bool:
        return await due.payments_due(self.deps)

    async def work(self) -> None:
        """Do at the provider whatever is due now, and what follows from it."""
        while await self._is_due():
            await due.payments_due(self.deps)
            await due.refunds_due(self.deps)

    async def let_time_pass(self) -> None:
        """Let every lease and every pause be over."""
        for table in ("payments", "refunds"):
            await self.deps.database.execute(
                f"update {table} set due_at = now() where due_at is not null"  # noqa: S608  # two names
            )

    async def let_a_day_pass(self) -> None:
        """Let the provider forget its keys."""
        for table in ("payments", "refunds"):
            await self.deps.database.execute(
                f"update {table} set asked_at = asked_at - interval '1 day'"  # noqa: S608  # two names
            )
        await self.let_time_pass()

    async def refund(self, amount: str | None = None, order_id: int = 1) -> Refund:
        """Ask for a refund."""
        payment = await self.payment(order_id)
        command = AskRefund("cold", None if amount is None else Decimal(amount))
        return await refunds.ask(self.deps, PaymentId(payment["id"]), command)

    async def payment(self, order_id: int = 1) -> Row:
        row = await self.deps.database.fetch_one(
            "select *, extract(epoch from due_at - now())::float as pause_s"
            " from payments where order_id = $1",
            order_id,
        )
        assert row is not None
        return row

    async def status(self, order_id: int = 1) -> str:
        return str((await self.payment(order_id))["status"])

    async def refunds(self) -> list[Row]:
        return await self.deps.database.fetch("select * from refunds order by id")

    async def facts(self) -> list[Row]:
        return await self.deps.database.fetch("select * from outbox order by position")

    async def told(self) -> list[str]:
        """The facts' short names, in order."""
        return [fact["type"].split(".", 1)[1].removesuffix(".v1") for fact in await self.facts()]

    async def waiting(self) -> list[Row]:
        """Facts that will be tried again."""
        return await self.deps.database.fetch("select * from inbox where state = 'waiting'")

    async def balances(self) -> dict[str, int]:
        rows = await self.deps.database.fetch(
            "select account, sum(amount_minor)::bigint as minor from postings group by account"
        )
        return {row["account"]: row["minor"] for row in rows}

    async def _is_due(self) -> bool:
        row = await self.deps.database.fetch_one(
            "select (select count(*) from payments where due_at <= now())"
            " + (select count(*) from refunds where due_at <= now()) as due"
        )
        assert row is not None
        return bool(row["due"])


@pytest.fixture
def provider() -> Provider:
    return Provider()


@pytest.fixture
async def till(tables: Tables, provider: Provider) -> AsyncIterator[Till]:
    async with tables("payments") as database:
        yield Till(a_deps(database, provider), provider)


def a_deps(database: Database, provider: clients.Provider) -> Deps:
    return Deps(
        database=database,
        outbox=Outbox("payments", SystemClock(), nothing),
        answers=Answers(database),
        clock=SystemClock(),
        provider=provider,
        wake_jobs=nothing,
        lease_s=15,
    )
