"""What kitchen says: what each restaurant has to accept, cook and hand over."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from msgspec import Meta, Struct

from ordereats.contracts.calls import Call
from ordereats.contracts.events import Event
from ordereats.contracts.ids import DishId, OrderId, RestaurantId, TicketId
from ordereats.contracts.orders import OrderedDish, Reason
from ordereats.contracts.wire import Answer, Body

Minutes = Annotated[int, Meta(ge=1, le=180)]


class TicketStatus(StrEnum):
    """Where a ticket is in its own life."""

    NEW = "new"
    ACCEPTED = "accepted"
    READY = "ready"
    HANDED_OVER = "handed_over"
    REJECTED = "rejected"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


class Ticket(Answer, frozen=True):
    """What a kitchen reads.

    Attributes:
        accept_by: then it expires, if nobody has accepted or rejected it.
        ready_at: when the food is promised, once accepted.
        reason: why it was rejected.
        version: counts its moves, from 1.
    """

    id: TicketId
    order_id: OrderId
    restaurant_id: RestaurantId
    status: TicketStatus
    items: tuple[OrderedDish, ...]
    created_at: datetime
    accept_by: datetime
    version: int
    notes: str | None = None
    prep_minutes: int | None = None
    ready_at: datetime | None = None
    reason: str | None = None


class AcceptTicket(Body, frozen=True):
    """The kitchen takes it, and says how long it needs."""

    prep_minutes: Minutes


class DelayTicket(Body, frozen=True):
    """It takes longer than was said."""

    by_minutes: Minutes


class RejectTicket(Body, frozen=True):
    """The kitchen can't.

    Attributes:
        sold_out: dishes of the order that are no more to be had; they are marked so on the menu.
    """

    reason: Reason
    sold_out: Annotated[tuple[DishId, ...], Meta(max_length=50)] = ()


class TicketCreated(Event, frozen=True, tag="ordereats.ticket.created.v1"):
    """A kitchen has something to accept."""

    ticket_id: TicketId
    order_id: OrderId
    restaurant_id: RestaurantId
    accept_by: datetime


class TicketAccepted(Event, frozen=True, tag="ordereats.ticket.accepted.v1"):
    """A kitchen cooks."""

    ticket_id: TicketId
    order_id: OrderId
    restaurant_id: RestaurantId
    ready_at: datetime


class TicketDelayed(Event, frozen=True, tag="ordereats.ticket.delayed.v1"):
    """A kitchen needs longer than it said."""

    ticket_id: TicketId
    order_id: OrderId
    restaurant_id: RestaurantId
    ready_at: datetime


class TicketRejected(Event, frozen=True, tag="ordereats.ticket.rejected.v1"):
    """A kitchen said no.

    Attributes:
        sold_out: dishes that are no more to be had.
    """

    ticket_id: TicketId
    order_id: OrderId
    restaurant_id: RestaurantId
    reason: str
    sold_out: tuple[DishId, ...] = ()


class TicketExpired(Event, frozen=True, tag="ordereats.ticket.expired.v1"):
    """A kitchen said nothing in time."""

    ticket_id: TicketId
    order_id: OrderId
    restaurant_id: RestaurantId


class TicketReady(Event, frozen=True, tag="ordereats.ticket.ready.v1"):
    """The food waits to be fetched."""

    ticket_id: TicketId
    order_id: OrderId
    restaurant_id: RestaurantId


class TicketCancelled(Event, frozen=True, tag="ordereats.ticket.cancelled.v1"):
    """The order was taken back before the kitchen had accepted it, or even heard of it."""

    order_id: OrderId
    restaurant_id: RestaurantId


class Withdrawn(Answer, frozen=True):
    """The kitchen will not cook this order, now or later."""

    order_id: OrderId


class WithdrawOrder(Body, frozen=True):
    """An order is taken back: its customer cancels it, or the platform, which has heard no answer.

    Attributes:
        restaurant_id: of the order, of which the kitchen may not have heard yet.
    """

    restaurant_id: RestaurantId


class WhichOrder(Struct, frozen=True):
    """The ticket of this order, also if it is still to come."""

    order_id: OrderId
    body: WithdrawOrder


WITHDRAW = Call(
    "kitchen", "withdraw", "/kitchen/orders/{order_id}/withdraw", WhichOrder, Withdrawn, "POST"
)
"""Answered as long as the kitchen has not accepted; then 409. The same however often it is asked,
so that whoever got no answer asks again."""
