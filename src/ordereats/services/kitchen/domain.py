"""Rules of a ticket. Pure: no I/O, no clock, no randomness."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import msgspec

from ordereats.chassis.errors import IllegalMove, Invalid
from ordereats.contracts import kitchen as contract
from ordereats.contracts.ids import DishId, OrderId, RestaurantId, TicketId
from ordereats.contracts.kitchen import (
    TicketAccepted,
    TicketCancelled,
    TicketCreated,
    TicketDelayed,
    TicketExpired,
    TicketReady,
    TicketRejected,
    TicketStatus,
)
from ordereats.contracts.orders import OrderedDish
from ordereats.contracts.problems import FieldProblem

MOVES: Mapping[TicketStatus, frozenset[TicketStatus]] = {
    TicketStatus.NEW: frozenset(
        {
            TicketStatus.ACCEPTED,
            TicketStatus.REJECTED,
            TicketStatus.EXPIRED,
            TicketStatus.CANCELLED,
        }
    ),
    TicketStatus.ACCEPTED: frozenset({TicketStatus.READY, TicketStatus.CANCELLED}),
    TicketStatus.READY: frozenset({TicketStatus.HANDED_OVER, TicketStatus.CANCELLED}),
    TicketStatus.HANDED_OVER: frozenset(),
    TicketStatus.REJECTED: frozenset(),
    TicketStatus.EXPIRED: frozenset(),
    TicketStatus.CANCELLED: frozenset(),
}
"""Where a ticket may go from each state. What is not here is refused and changes nothing."""

ENDED = frozenset(status for status, moves in MOVES.items() if not moves)
"""No fact moves such a ticket any more."""

NOT_COOKED = frozenset({TicketStatus.REJECTED, TicketStatus.EXPIRED, TicketStatus.CANCELLED})
"""Whoever takes the order back has nothing left to ask of the kitchen."""


class Expired(IllegalMove, code="expired"):
    """Its time to be accepted or rejected is over, whether or not that has been noted yet."""


class AlreadyAccepted(IllegalMove, code="already_accepted"):
    """The kitchen cooks: only the operator cancels now."""


class Ticket(msgspec.Struct, frozen=True):
    """What a kitchen has to do for one order.

    Attributes:
        accept_by: then it expires, if nobody has accepted or rejected it.
        prep_minutes: what the kitchen said when it accepted.
        ready_at: when the food is promised; a delay moves it.
        version: counts its changes, from 1; a fact about it carries the version after it.
        correlation_id: of the request that the order came with; the job goes on under it.
        traceparent: likewise.
    """

    id: TicketId
    order_id: OrderId
    restaurant_id: RestaurantId
    status: TicketStatus
    items: tuple[OrderedDish, ...]
    notes: str | None
    created_at: datetime
    accept_by: datetime
    version: int
    correlation_id: str
    traceparent: str | None = None
    prep_minutes: int | None = None
    ready_at: datetime | None = None
    reason: str | None = None


def created(ticket: Ticket) -> TicketCreated:
    """The fact about a ticket that has just come."""
    return TicketCreated(ticket.id, ticket.order_id, ticket.restaurant_id, ticket.accept_by)


def accept(ticket: Ticket, prep_minutes: int, *, now: datetime) -> tuple[Ticket, TicketAccepted]:
    """The kitchen takes it, and says how long it needs.

    Raises:
        Expired: too late.
        IllegalMove: see `MOVES`.
    """
    _check_time(ticket, now)
    moved = _move(ticket, TicketStatus.ACCEPTED)
    ready_at = now + timedelta(minutes=prep_minutes)
    accepted = msgspec.structs.replace(moved, prep_minutes=prep_minutes, ready_at=ready_at)
    return accepted, TicketAccepted(ticket.id, ticket.order_id, ticket.restaurant_id, ready_at)


def delay(ticket: Ticket, by_minutes: int) -> tuple[Ticket, TicketDelayed]:
    """It takes longer than was said; it stays accepted.

    Raises:
        IllegalMove: it is not being cooked.
    """
    if ticket.status is not TicketStatus.ACCEPTED or ticket.ready_at is None:
        raise IllegalMove(f"Ticket {ticket.id} is {ticket.status} and can't be delayed.")
    ready_at = ticket.ready_at + timedelta(minutes=by_minutes)
    delayed = msgspec.structs.replace(ticket, ready_at=ready_at, version=ticket.version + 1)
    return delayed, TicketDelayed(ticket.id, ticket.order_id, ticket.restaurant_id, ready_at)


def reject(
    ticket: Ticket, reason: str, sold_out: Sequence[DishId], *, now: datetime
) -> tuple[Ticket, TicketRejected]:
    """The kitchen can't.

    Raises:
        Invalid: a dish that is said to be sold out is none of this order's.
        Expired: too late.
        IllegalMove: see `MOVES`.
    """
    _check_dishes(ticket, sold_out)
    _check_time(ticket, now)
    rejected = msgspec.structs.replace(_move(ticket, TicketStatus.REJECTED), reason=reason)
    dishes = tuple(dict.fromkeys(sold_out))
    return rejected, TicketRejected(
        ticket.id, ticket.order_id, ticket.restaurant_id, reason, dishes
    )


def expire(ticket: Ticket) -> tuple[Ticket, TicketExpired]:
    """The kitchen said nothing in time.

    Raises:
        IllegalMove: see `MOVES`.
    """
    expired = _move(ticket, TicketStatus.EXPIRED)
    return expired, TicketExpired(ticket.id, ticket.order_id, ticket.restaurant_id)


def ready(ticket: Ticket) -> tuple[Ticket, TicketReady]:
    """The food waits to be fetched.

    Raises:
        IllegalMove: see `MOVES`.
    """
    moved = _move(ticket, TicketStatus.READY)
    return moved, TicketReady(ticket.id, ticket.order_id, ticket.restaurant_id)


def withdraw(ticket: Ticket) -> tuple[Ticket, TicketCancelled]:
    """The order is taken back.

    Raises:
        AlreadyAccepted: the kitchen cooks, or has cooked.
    """
    if ticket.status is not TicketStatus.NEW:
        raise AlreadyAccepted(f"Ticket {ticket.id} is {ticket.status}: the kitchen took the order.")
    return cancel(ticket), TicketCancelled(ticket.order_id, ticket.restaurant_id)


def cancel(ticket: Ticket) -> Ticket:
    """The order has ended. That is known already, so it is no fact of the kitchen's.

    Raises:
        IllegalMove: see `MOVES`.
    """
    return _move(ticket, TicketStatus.CANCELLED)


def hand_over(ticket: Ticket) -> Ticket:
    """A courier has the food. That is known already, as above.

    Raises:
        IllegalMove: see `MOVES`.
    """
    return _move(ticket, TicketStatus.HANDED_OVER)


def shown(ticket: Ticket) -> contract.Ticket:
    """What a kitchen sees of it."""
    return contract.Ticket(
        id=ticket.id,
        order_id=ticket.order_id,
        restaurant_id=ticket.restaurant_id,
        status=ticket.status,
        items=ticket.items,
        created_at=ticket.created_at,
        accept_by=ticket.accept_by,
        version=ticket.version,
        notes=ticket.notes,
        prep_minutes=ticket.prep_minutes,
        ready_at=ticket.ready_at,
        reason=ticket.reason,
    )


def _check_time(ticket: Ticket, now: datetime) -> None:
    is_late = ticket.status is TicketStatus.NEW and ticket.accept_by <= now
    if is_late or ticket.status is TicketStatus.EXPIRED:
        raise Expired(f"Ticket {ticket.id} had to be accepted by {ticket.accept_by:%H:%M:%S} UTC.")


def _check_dishes(ticket: Ticket, sold_out: Sequence[DishId]) -> None:
    ordered = {each.dish_id for each in ticket.items}
    problems = [
        FieldProblem(f"soldOut[{index}]", "is not a dish of this order")
        for index, dish_id in enumerate(sold_out)
        if dish_id not in ordered
    ]
    if problems:
        raise Invalid(*problems)


def _move(ticket: Ticket, to: TicketStatus) -> Ticket:
    if to not in MOVES[ticket.status]:
        raise IllegalMove(f"Ticket {ticket.id} is {ticket.status} and can't become {to}.")
    return msgspec.structs.replace(ticket, status=to, version=ticket.version + 1)
