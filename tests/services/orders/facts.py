"""What tests of orders speak of: a basket with its quote, an order, what others say of it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial

import msgspec

from ordereats.contracts.deliveries import (
    DeliveryDelivered,
    DeliveryPickedUp,
    DeliveryUnassigned,
)
from ordereats.contracts.events import Event
from ordereats.contracts.ids import (
    CourierId,
    DeliveryId,
    DishId,
    OrderId,
    PaymentId,
    RestaurantId,
    TicketId,
    UserId,
)
from ordereats.contracts.kitchen import (
    TicketAccepted,
    TicketCancelled,
    TicketDelayed,
    TicketExpired,
    TicketReady,
    TicketRejected,
)
from ordereats.contracts.menus import Choice, ChosenOption, OrderedItem, Quote, QuotedLine
from ordereats.contracts.money import Money
from ordereats.contracts.orders import CancelledBy, OrderStatus, PlaceOrder
from ordereats.contracts.payments import PaymentAuthorized, PaymentDeclined
from ordereats.contracts.places import Location, Place
from ordereats.services.orders import domain
from ordereats.services.orders.domain import Order
from ordereats.services.orders.use_cases.moving import Move

NOW = datetime(2026, 2, 28, 18, 30, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)
READY_AT = NOW + timedelta(minutes=20)
USER, RESTAURANT, COURIER = UserId(1), RestaurantId(2), CourierId(3)
ORDER = OrderId(17)
KITCHEN = Place("Lönnrotinkatu 1", Location(60.166, 24.937))
HOME = Place("Aleksanterinkatu 5", Location(60.169, 24.948))
LARGE = ChosenOption("Size", "large")
LINES = (
    QuotedLine(2, 'Phở "đặc biệt" \\ 😋', DishId(7), (LARGE,), Decimal("9.00"), Decimal("18.00")),
    QuotedLine(1, "Tea", None, (), Decimal("2.00"), Decimal("2.00")),
)
BASKET = (OrderedItem(2, DishId(7), options=(Choice("Size", "large"),)), OrderedItem(1, name="Tea"))


def a_command(**changes: object) -> PlaceOrder:
    """Someone orders, who was shown 25.00."""
    command = PlaceOrder(
        user_id=USER,
        restaurant_id=RESTAURANT,
        items=BASKET,
        total_price=Decimal("25.00"),
        tip=Decimal("1.50"),
        deliver_to=HOME,
        notes="no coriander",
        payment_method="pm_card_mastercard",
    )
    return msgspec.structs.replace(command, **changes)


def a_quote(**changes: object) -> Quote:
    """What restaurants says to that: 25.00."""
    quote = Quote(
        restaurant_id=RESTAURANT,
        restaurant_name="Pho Saigon",
        lines=LINES,
        subtotal=Decimal("20.00"),
        delivery_fee=Decimal("2.90"),
        service_fee=Decimal("0.60"),
        tip=Decimal("1.50"),
        tax_included=Decimal("2.80"),
        total=Decimal("25.00"),
        pick_up=KITCHEN,
    )
    return msgspec.structs.replace(quote, **changes)


def an_order(status: OrderStatus = OrderStatus.PENDING, version: int = 1) -> Order:
    """One that has come so far."""
    terms = domain.agree(None, a_quote())
    order, _ = domain.place(a_command(), terms, order_id=ORDER, now=NOW, pay_by=READY_AT)
    return msgspec.structs.replace(order, status=status, version=version)


RULES: dict[OrderStatus, Move] = {
    OrderStatus.PAID: partial(domain.pay, answer_within=timedelta(minutes=30)),
    OrderStatus.DECLINED: partial(domain.decline, reason="insufficient_funds"),
    OrderStatus.ACCEPTED: partial(domain.accept, ready_at=READY_AT),
    OrderStatus.REJECTED: partial(domain.reject, reason="no rice"),
    OrderStatus.EXPIRED: domain.expire,
    OrderStatus.READY: domain.make_ready,
    OrderStatus.PICKED_UP: partial(domain.pick_up, courier_id=COURIER),
    OrderStatus.DELIVERED: partial(domain.deliver, courier_id=COURIER),
    OrderStatus.CANCELLED: partial(domain.cancel, by=CancelledBy.OPERATOR, reason="mistake"),
}
"""What brings an order into each state but the first."""

SAID: dict[OrderStatus, Callable[[OrderId], Event]] = {
    OrderStatus.PAID: lambda order: PaymentAuthorized(PaymentId(4), order, Money(2500)),
    OrderStatus.DECLINED: lambda order: PaymentDeclined(PaymentId(4), order, "expired_card"),
    OrderStatus.ACCEPTED: lambda order: TicketAccepted(TicketId(5), order, RESTAURANT, READY_AT),
    OrderStatus.REJECTED: lambda order: TicketRejected(TicketId(5), order, RESTAURANT, "no rice"),
    OrderStatus.EXPIRED: lambda order: TicketExpired(TicketId(5), order, RESTAURANT),
    OrderStatus.READY: lambda order: TicketReady(TicketId(5), order, RESTAURANT),
    OrderStatus.PICKED_UP: lambda order: DeliveryPickedUp(
        DeliveryId(6), order, RESTAURANT, USER, COURIER
    ),
    OrderStatus.DELIVERED: lambda order: DeliveryDelivered(
        DeliveryId(6), order, RESTAURANT, USER, COURIER
    ),
    OrderStatus.CANCELLED: lambda order: DeliveryUnassigned(DeliveryId(6), order, RESTAURANT, USER),
}
"""Who says so: what other services tell of an order that is to come into each state."""

WAYS: dict[OrderStatus, tuple[OrderStatus, ...]] = {
    OrderStatus.PENDING: (),
    OrderStatus.PAID: (OrderStatus.PAID,),
    OrderStatus.ACCEPTED: (OrderStatus.PAID, OrderStatus.ACCEPTED),
    OrderStatus.READY: (OrderStatus.PAID, OrderStatus.ACCEPTED, OrderStatus.READY),
    OrderStatus.PICKED_UP: (
        OrderStatus.PAID,
        OrderStatus.ACCEPTED,
        OrderStatus.READY,
        OrderStatus.PICKED_UP,
    ),
    OrderStatus.DELIVERED: (
        OrderStatus.PAID,
        OrderStatus.ACCEPTED,
        OrderStatus.READY,
        OrderStatus.PICKED_UP,
        OrderStatus.DELIVERED,
    ),
    OrderStatus.DECLINED: (OrderStatus.DECLINED,),
    OrderStatus.REJECTED: (OrderStatus.PAID, OrderStatus.REJECTED),
    OrderStatus.EXPIRED: (OrderStatus.PAID, OrderStatus.EXPIRED),
    OrderStatus.CANCELLED: (OrderStatus.PAID, OrderStatus.ACCEPTED, OrderStatus.CANCELLED),
}
"""One way into each state."""


def delayed(order: OrderId, ready_at: datetime) -> TicketDelayed:
    """The kitchen needs longer than it said."""
    return TicketDelayed(TicketId(5), order, RESTAURANT, ready_at)


def withdrawn(order: OrderId) -> TicketCancelled:
    """The kitchen has agreed to a customer's cancel."""
    return TicketCancelled(order, RESTAURANT)
