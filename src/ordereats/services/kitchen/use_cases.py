"""What kitchen does: one function, one transaction. It asks nobody."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from ordereats.chassis import context
from ordereats.chassis.context import Context
from ordereats.chassis.db.pool import Database, Transaction
from ordereats.chassis.errors import NotFound, TooEarly
from ordereats.chassis.messaging.outbox import Outbox
from ordereats.chassis.story import Fact, facts_of
from ordereats.contracts import kitchen as contract
from ordereats.contracts.events import Event
from ordereats.contracts.ids import OrderId, RestaurantId, TicketId
from ordereats.contracts.kitchen import (
    AcceptTicket,
    DelayTicket,
    RejectTicket,
    TicketCancelled,
    TicketStatus,
    Withdrawn,
)
from ordereats.contracts.orders import OrderPaid
from ordereats.services.kitchen import domain, store
from ordereats.services.kitchen.domain import Ticket
from ordereats.services.kitchen.store import Bar

AT_ONCE = 50

Move: TypeAlias = Callable[[Ticket, datetime], tuple[Ticket, Event]]
"""What becomes of a ticket, and the fact; given the database's time."""


@dataclass(frozen=True, slots=True)
class Deps:
    """What kitchen needs.

    Attributes:
        accept_within_s: how long a kitchen has to accept or reject.
    """

    database: Database
    outbox: Outbox
    accept_within_s: float


async def accept(deps: Deps, ticket_id: TicketId, command: AcceptTicket) -> contract.Ticket:
    """The kitchen takes it, and says how long it needs.

    Raises:
        NotFound: none has this id.
        Expired: too late, also when the job has not been by yet.
        IllegalMove: it is not new any more.
    """
    return await _move(
        deps, ticket_id, lambda ticket, now: domain.accept(ticket, command.prep_minutes, now=now)
    )


async def delay(deps: Deps, ticket_id: TicketId, command: DelayTicket) -> contract.Ticket:
    """It takes longer than was said.

    Raises:
        NotFound: none has this id.
        IllegalMove: it is not being cooked.
    """
    return await _move(
        deps, ticket_id, lambda ticket, _now: domain.delay(ticket, command.by_minutes)
    )


async def reject(deps: Deps, ticket_id: TicketId, command: RejectTicket) -> contract.Ticket:
    """The kitchen can't.

    Raises:
        NotFound: none has this id.
        Invalid: a dish that is none of this order's.
        Expired: too late, also when the job has not been by yet.
        IllegalMove: it is not new any more.
    """
    return await _move(
        deps,
        ticket_id,
        lambda ticket, now: domain.reject(ticket, command.reason, command.sold_out, now=now),
    )


async def ready(deps: Deps, ticket_id: TicketId) -> contract.Ticket:
    """The food waits to be fetched.

    Raises:
        NotFound: none has this id.
        IllegalMove: it is not being cooked.
    """
    return await _move(deps, ticket_id, lambda ticket, _now: domain.ready(ticket))


async def withdraw(deps: Deps, order_id: OrderId, restaurant_id: RestaurantId) -> Withdrawn:
    """Take an order back, also one that is still to come. Asking again is fine.

    Raises:
        AlreadyAccepted: the kitchen cooks it.
    """
    async with deps.database.transaction() as tx:
        barred = await store.bar(tx, order_id, restaurant_id, context.current())
        if barred is not None:
            await _tell_barred(deps, tx, barred, TicketCancelled(order_id, restaurant_id))
            return Withdrawn(order_id)
        ticket = await store.lock_of_order(tx, order_id)
        if ticket is not None and ticket.status not in domain.NOT_COOKED:
            await _save(deps, tx, *domain.withdraw(ticket))
    return Withdrawn(order_id)


async def get(deps: Deps, ticket_id: TicketId) -> contract.Ticket:
    """Find a ticket.

    Raises:
        NotFound: none has this id.
    """
    ticket = await store.find(deps.database, ticket_id)
    if ticket is None:
        raise NotFound(f"There is no ticket {ticket_id}.")
    return domain.shown(ticket)


async def page(
    deps: Deps, restaurant_id: RestaurantId, status: TicketStatus | None, *, after: int, limit: int
) -> list[contract.Ticket]:
    """List a restaurant's tickets in the order of their ids; without a status, all."""
    found = await store.page(deps.database, restaurant_id, status, after=after, limit=limit)
    return [domain.shown(ticket) for ticket in found]


async def create(deps: Deps, tx: Transaction, paid: OrderPaid) -> None:
    """An order is paid: its kitchen has something to accept, unless it was taken back already.

    Then that is told again: whoever says that it is paid goes on without having heard of it.
    """
    ticket = await store.insert(
        tx, paid, accept_within_s=deps.accept_within_s, at=context.current()
    )
    if ticket is not None:
        await _tell(deps, tx, ticket, domain.created(ticket))
        return
    met = await store.meet_bar(tx, paid.order_id)
    if met is not None:
        await _tell_barred(deps, tx, met, TicketCancelled(paid.order_id, paid.restaurant_id))


async def cancel(tx: Transaction, order_id: OrderId, restaurant_id: RestaurantId) -> None:
    """An order has ended. Of one that is still to come no ticket will be made."""
    if await store.bar(tx, order_id, restaurant_id, context.current()) is not None:
        return
    ticket = await store.lock_of_order(tx, order_id)
    if ticket is not None and ticket.status not in domain.ENDED:
        await store.save(tx, domain.cancel(ticket))


async def hand_over(tx: Transaction, order_id: OrderId) -> None:
    """A courier has the food of an order.

    Raises:
        TooEarly: this fact has overtaken another.
    """
    ticket = await store.lock_of_order(tx, order_id)
    if ticket is None:
        raise TooEarly(f"There is no ticket of order {order_id} yet.")
    if ticket.status in domain.ENDED:
        return
    if ticket.status is not TicketStatus.READY:
        raise TooEarly(f"Ticket {ticket.id} is {ticket.status}: the food is not ready yet.")
    await store.save(tx, domain.hand_over(ticket))


async def expire_due(deps: Deps) -> bool:
    """End some of the tickets whose time is over. Returns whether there may be more at once."""
    async with deps.database.transaction() as tx:
        due = await store.lock_due(tx, limit=AT_ONCE)
        for ticket in due:
            with context.entered(Context(ticket.correlation_id, traceparent=ticket.traceparent)):
                await _save(deps, tx, *domain.expire(ticket))
    return len(due) == AT_ONCE


async def story(database: Database, order_id: OrderId) -> list[Fact]:
    """What became of an order's ticket, for operators."""
    return facts_of(await store.story(database, order_id), "kitchen")


async def _move(deps: Deps, ticket_id: TicketId, move: Move) -> contract.Ticket:
    async with deps.database.transaction() as tx:
        locked = await store.lock(tx, ticket_id)
        if locked is None:
            raise NotFound(f"There is no ticket {ticket_id}.")
        moved, fact = move(locked.ticket, locked.now)
        await _save(deps, tx, moved, fact)
    return domain.shown(moved)


async def _save(deps: Deps, tx: Transaction, ticket: Ticket, fact: Event) -> None:
    await store.save(tx, ticket)
    await _tell(deps, tx, ticket, fact)


async def _tell_barred(deps: Deps, tx: Transaction, bar: Bar, fact: TicketCancelled) -> None:
    await deps.outbox.add(tx, fact, subject=f"ticket/{bar.id}", version=bar.version)


async def _tell(deps: Deps, tx: Transaction, ticket: Ticket, fact: Event) -> None:
    await deps.outbox.add(tx, fact, subject=f"ticket/{ticket.id}", version=ticket.version)
