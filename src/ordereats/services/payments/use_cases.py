"""What payments does: the provider is asked between transactions, never inside one."""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

import structlog

from ordereats.chassis import context
from ordereats.chassis.clock import Clock
from ordereats.chassis.db.pool import Database, Transaction
from ordereats.chassis.errors import NotFound
from ordereats.chassis.messaging.outbox import Outbox
from ordereats.contracts import payments as contract
from ordereats.contracts.ids import OrderId, PaymentId
from ordereats.contracts.orders import OrderPlaced
from ordereats.services.payments import domain, store
from ordereats.services.payments.clients import Provider, ProviderUncertainError
from ordereats.services.payments.domain import Payment

log = structlog.get_logger(__name__)

AT_ONCE = 20
LOUD_AFTER = 5
"""Attempts; then somebody should have a look. It is asked again all the same."""


@dataclass(frozen=True, slots=True)
class Deps:
    """What payments needs.

    Attributes:
        wake_job: says that a payment is due.
        lease_s: longer than the provider may take; a process that dies delays its payments by it.
    """

    database: Database
    outbox: Outbox
    clock: Clock
    provider: Provider
    wake_job: Callable[[], None]
    lease_s: float


async def request(deps: Deps, tx: Transaction, placed: OrderPlaced) -> None:
    """Note that the money of an order is to be reserved. The charge's key is stored here, first."""
    await store.request(
        tx,
        placed,
        charge_key=str(deps.clock.new_id()),
        created_at=deps.clock.now(),
        at=context.current(),
    )
    tx.after_commit(deps.wake_job)


async def authorize_due(deps: Deps) -> bool:
    """Ask the provider about some of what is due. Returns whether there may be more at once."""
    lease = deps.clock.new_id()
    due = await store.lease_due(deps.database, lease=lease, for_s=deps.lease_s, limit=AT_ONCE)
    asked = (_authorize(deps, payment, lease) for payment in due)
    outcomes = await asyncio.gather(*asked, return_exceptions=True)
    for outcome in outcomes:  # only now: what goes wrong with one is no other one's matter
        if isinstance(outcome, BaseException):
            raise outcome
    return len(due) == AT_ONCE


async def get(deps: Deps, payment_id: PaymentId) -> contract.Payment:
    """Find a payment.

    Raises:
        NotFound: none has this id.
    """
    payment = await store.find(deps.database, payment_id)
    if payment is None:
        raise NotFound(f"There is no payment {payment_id}.")
    return domain.shown(payment)


async def of_order(deps: Deps, order_id: OrderId) -> list[contract.Payment]:
    """The payments of an order: one, or none yet."""
    return [domain.shown(each) for each in await store.of_order(deps.database, order_id)]


async def _authorize(deps: Deps, payment: Payment, lease: UUID) -> None:
    at = context.Context(payment.correlation_id, traceparent=payment.traceparent)
    with context.entered(at):
        try:
            outcome = await deps.provider.authorize(payment)
        except ProviderUncertainError as error:
            tell = log.warning if payment.attempts < LOUD_AFTER else log.error
            tell(
                "provider_uncertain",
                order_id=payment.order_id,
                attempt=payment.attempts,
                error=str(error),
            )
            by_s = domain.pause_s(payment.attempts, share=random.random())  # noqa: S311  # jitter
            await store.postpone(
                deps.database, payment.id, lease=lease, by_s=by_s, error=str(error)
            )
            return
        settled, fact = domain.settle(payment, outcome)
        async with deps.database.transaction() as tx:
            if await store.settle(tx, settled, lease=lease):
                subject = f"payment/{payment.id}"
                await deps.outbox.add(tx, fact, subject=subject, version=settled.version)
