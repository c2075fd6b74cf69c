"""Moving: what happens to an order that others or the clock make happen. Each move is told."""

from datetime import datetime
from functools import partial
from typing import Protocol

import structlog

from ordereats.chassis import context
from ordereats.chassis.db.pool import Transaction
from ordereats.chassis.errors import (
    Conflict,
    DatabaseError,
    Invalid,
    OrderEatsError,
    TooEarly,
)
from ordereats.chassis.telemetry import tracing
from ordereats.contracts import orders as contract
from ordereats.contracts.events import Event
from ordereats.contracts.ids import OrderId
from ordereats.contracts.orders import CancelledBy, CancelOrder, OrderStatus
from ordereats.contracts.problems import FieldProblem
from ordereats.services.orders import domain, store
from ordereats.services.orders.domain import Order
from ordereats.services.orders.use_cases.deps import Deps

log = structlog.get_logger(__name__)

ALREADY_ACCEPTED = "already_accepted"
"""The code of kitchen's refusal to withdraw what it cooks."""

AT_ONCE = 20

LOOK_AGAIN_S = 60.0
"""When a paid order is looked at again whose kitchen could not be asked, or says that it cooks.
Longer than asking about `AT_ONCE` takes."""


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
        TooEarly: the fact waits for its turn.
        IllegalMove: it contradicts what is so, and waits for a person.
    """
    order = await _lock(tx, order_id)
    if domain.is_too_early(order, to):
        raise TooEarly(f"Order {order_id} is only {order.status}, and is to become {to}.")
    if domain.is_overtaken(order, to):
        _log_overtaken(order, to)
        return
    if not await _save(deps, tx, order, *move(order, now=deps.clock.now())):
        raise Overtaken(f"Order {order_id} was moved by someone else.")


async def delay(tx: Transaction, order_id: OrderId, ready_at: datetime) -> None:
    """Note that the kitchen needs longer than it said.

    Raises:
        TooEarly: we have not heard yet what it said.
    """
    order = await _lock(tx, order_id)
    if domain.is_too_early(order, OrderStatus.READY):
        raise TooEarly(f"Order {order_id} is only {order.status}, and is to be delayed.")
    await store.delay(tx, domain.delay(order, ready_at))


async def cancel(deps: Deps, order_id: OrderId, command: CancelOrder) -> contract.Order:
    """End an order; one that the same has cancelled already stays as it is.

    A customer's cancel of a paid order needs the kitchen's word: of accept and cancel one wins
    there. If we die between that word and our transaction, `ticket.cancelled` ends the order.

    Raises:
        NotFound: none has this id.
        IllegalMove: it has ended otherwise, or this one may not end it any more.
        Conflict: the kitchen has just accepted it, `already_accepted`.
        Unavailable: the kitchen can't be asked, or its answer was lost. It was not cancelled, or
            will be when `ticket.cancelled` is heard.
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
            await _withdraw(deps, order, command.by, command.reason)
        async with deps.database.transaction() as tx:
            if await _save(deps, tx, order, cancelled, fact):
                return domain.shown(cancelled)


async def expire_unpaid(deps: Deps) -> bool:
    """End some orders that were not paid in time. Returns whether there may be more at once."""
    async with deps.database.transaction() as tx:
        due = await store.lock_unpaid(tx, limit=AT_ONCE)
        for order, at in due:
            with context.entered(at):
                await _save(deps, tx, order, *domain.expire(order, now=deps.clock.now()))
    return len(due) == AT_ONCE


async def cancel_unanswered(deps: Deps) -> bool:
    """End some paid orders whose kitchen was not heard in time: a fact on the way was lost.

    The kitchen is asked first, as for a customer. Returns whether there may be more at once.
    """
    due = await store.lease_unanswered(deps.database, for_s=LOOK_AGAIN_S, limit=AT_ONCE)
    for order, at in due:
        with tracing.resumed(deps.spans, "job", "cancel_unanswered", at, service="orders") as span:
            if span is not None:
                span.order_id = order.id
            await _cancel_unanswered(deps, order)
    return len(due) == AT_ONCE


async def _cancel_unanswered(deps: Deps, order: Order) -> None:
    by, reason = CancelledBy.PLATFORM, domain.NO_ANSWER
    try:
        await _withdraw(deps, order, by, reason)
    except DatabaseError:
        raise
    except OrderEatsError as error:  # each by itself: one that fails stops none of the others
        if error.code == ALREADY_ACCEPTED:
            log.error("order_accepted_unheard", order_id=order.id)  # noqa: TRY400  # no fault of ours
        else:
            log.warning("kitchen_not_asked", order_id=order.id, error=str(error))
        return
    async with deps.database.transaction() as tx:
        await _save(deps, tx, order, *domain.cancel(order, by, reason, now=deps.clock.now()))


async def _lock(tx: Transaction, order_id: OrderId) -> Order:
    order = await store.lock(tx, order_id)
    if order is None:
        raise TooEarly(f"There is no order {order_id} yet.")
    return order


def _log_overtaken(order: Order, to: OrderStatus) -> None:
    about = {"order_id": order.id, "status": order.status.value, "to": to.value}
    if order.status is OrderStatus.CANCELLED and to in domain.WITH_FOOD:
        log.error("food_of_cancelled_order", **about)  # someone has it, and it was given back
    else:
        log.info("fact_overtaken", **about)


async def _withdraw(deps: Deps, order: Order, by: CancelledBy, reason: str | None) -> None:
    await store.note_wish(deps.database, order.id, by, reason)
    await deps.kitchen.withdraw(order.id, order.restaurant_id)


async def _save(deps: Deps, tx: Transaction, before: Order, order: Order, fact: Event) -> bool:
    """Store and tell a move; false, and neither, when someone else has moved the order."""
    if not await store.save(tx, order):
        return False
    await deps.outbox.add(tx, fact, subject=f"order/{order.id}", version=order.version)
    tx.after_commit(deps.streams.hint.give)
    tx.after_commit(partial(deps.figures.moved, before, order))
    return True
