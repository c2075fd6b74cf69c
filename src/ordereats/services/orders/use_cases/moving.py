"""Moving: what happens to an order that others or the clock make happen. Each move is told."""

from datetime import datetime
from typing import Protocol

import structlog

from ordereats.chassis import context
from ordereats.chassis.db.pool import Transaction
from ordereats.chassis.errors import Conflict, Invalid, NotFound
from ordereats.contracts import orders as contract
from ordereats.contracts.events import Event
from ordereats.contracts.ids import OrderId
from ordereats.contracts.orders import CancelledBy, CancelOrder, OrderStatus
from ordereats.contracts.problems import FieldProblem
from ordereats.services.orders import domain, store
from ordereats.services.orders.domain import Order
from ordereats.services.orders.use_cases.deps import Deps

log = structlog.get_logger(__name__)

AT_ONCE = 20


class Move(Protocol):
    """A rule that brings an order into its next state."""

    def __call__(self, order: Order, *, now: datetime) -> tuple[Order, Event]:
        """The moved order, and the fact."""
        ...


class Overtaken(Conflict, code="overtaken"):
    """Someone else moved the order at the same moment."""


async def hear(deps: Deps, tx: Transaction, order_id: OrderId, to: OrderStatus, move: Move) -> None:
    """Let a fact of another service move an order, unless the order is past it.

    Raises:
        IllegalMove: the fact has come too early, and waits for its turn; or it contradicts what is
            so, and waits for a person.
        NotFound: no order has this id.
    """
    order = await store.lock(tx, order_id)
    if order is None:
        raise NotFound(f"There is no order {order_id}.")
    if domain.is_overtaken(order, to):
        log.info("fact_overtaken", order_id=order_id, status=order.status.value, to=to.value)
        return
    if not await _save(deps, tx, *move(order, now=deps.clock.now())):
        raise Overtaken(f"Order {order_id} was moved by someone else.")


async def cancel(deps: Deps, order_id: OrderId, command: CancelOrder) -> contract.Order:
    """End an order; one that the same has cancelled already stays as it is.

    A customer's cancel of a paid order needs the kitchen's word: of accept and cancel one wins
    there. If we die between that word and our transaction, `ticket.cancelled` ends the order.

    Raises:
        NotFound: none has this id.
        IllegalMove: it has ended otherwise, or this one may not end it any more.
        Conflict: the kitchen has just accepted it, `already_accepted`.
        Unavailable: the kitchen can't be asked; nothing was done.
        Invalid: the platform cancels by itself, and not when asked.
    """
    if command.by is CancelledBy.PLATFORM:
        raise Invalid(FieldProblem("by", "must be customer or operator"))
    while True:  # again whenever someone else was faster; that can't be more often than it moves
        order = await deps.found.ask(order_id)
        if order.status is OrderStatus.CANCELLED and order.cancelled_by is command.by:
            return domain.shown(order)
        cancelled, fact = domain.cancel(order, command.by, command.reason, now=deps.clock.now())
        if domain.needs_kitchen(order, command.by):
            await _withdraw(deps, order, command.reason)
        async with deps.database.transaction() as tx:
            if await _save(deps, tx, cancelled, fact):
                return domain.shown(cancelled)


async def expire_unpaid(deps: Deps) -> bool:
    """End some orders that were not paid in time. Returns whether there may be more at once."""
    async with deps.database.transaction() as tx:
        due = await store.lock_due(tx, limit=AT_ONCE)
        for order, at in due:
            with context.entered(at):
                await _save(deps, tx, *domain.expire(order, now=deps.clock.now()))
    return len(due) == AT_ONCE


async def _withdraw(deps: Deps, order: Order, reason: str | None) -> None:
    if reason is not None:
        await store.note_wish(deps.database, order.id, reason)
    await deps.kitchen.withdraw(order.id, order.restaurant_id)


async def _save(deps: Deps, tx: Transaction, order: Order, fact: Event) -> bool:
    """Store and tell a move; false, and neither, when someone else has moved the order."""
    if not await store.save(tx, order):
        return False
    await deps.outbox.add(tx, fact, subject=f"order/{order.id}", version=order.version)
    tx.after_commit(deps.streams.hint.give)
    return True
