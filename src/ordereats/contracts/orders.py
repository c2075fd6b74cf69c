"""What orders says: the order and its life."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from ordereats.contracts.events import Event
from ordereats.contracts.ids import CourierId, DishId, HoldId, OrderId, RestaurantId, UserId
from ordereats.contracts.menus import Basket, Price, PriceParts, QuotedLine
from ordereats.contracts.money import CURRENCY, Money
from ordereats.contracts.places import Place
from ordereats.contracts.wire import Answer, Body, Text

PaymentMethod = Annotated[
    str,
    Meta(
        pattern=r"^pm_[A-Za-z0-9_]+$(?!\n)",
        max_length=100,
        description="The provider's name for a card; never the card itself.",
    ),
]
Reason = Annotated[str, Meta(min_length=1, max_length=200, pattern=Text)]


class OrderStatus(StrEnum):
    """Where an order is in its life."""

    PENDING = "pending"
    PAID = "paid"
    ACCEPTED = "accepted"
    READY = "ready"
    PICKED_UP = "picked_up"
    DELIVERED = "delivered"
    DECLINED = "declined"
    REJECTED = "rejected"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


class CancelledBy(StrEnum):
    """Who ended an order."""

    CUSTOMER = "customer"
    OPERATOR = "operator"
    PLATFORM = "platform"


class Fallback(StrEnum):
    """What an order was taken by as it was last known, for nobody could be asked just then."""

    CUSTOMER = "customer"
    MENU = "menu"


class PlaceOrder(Body, frozen=True):
    """A basket, where it goes, and the price that the customer was shown for it.

    Attributes:
        total_price: required where the restaurant has no menu: the price that was agreed. With a
            menu the server prices the basket, and another total than that is refused.
    """

    user_id: UserId
    restaurant_id: RestaurantId
    items: Basket
    total_price: Annotated[
        Decimal | None,
        Meta(description="Above 0, at most 2 decimals; a JSON number or a string."),
    ] = None
    tip: Price | None = None
    deliver_to: Place | None = None
    notes: Annotated[str, Meta(min_length=1, max_length=500, pattern=Text)] | None = None
    payment_method: PaymentMethod = "pm_card_visa"


class CancelOrder(Body, frozen=True):
    """Why an order is to end, and who wants that.

    Attributes:
        by: a customer may cancel until the kitchen has accepted, an operator until the delivery.
    """

    by: CancelledBy = CancelledBy.CUSTOMER
    reason: Reason | None = None


class OrderPrice(Answer, frozen=True):
    """How a total is made up: it is the sum of all but `tax_included`, which is inside it."""

    subtotal: Decimal
    delivery_fee: Decimal
    service_fee: Decimal
    tip: Decimal
    tax_included: Decimal


class Order(Answer, frozen=True):
    """An order, as anyone who may see it sees it.

    Attributes:
        version: counts its moves, from 1.
        accept_by: what happens by then or never: the payment, then the kitchen's acceptance.
        ready_at: when the kitchen promises the food, once it has accepted.
        reason: why it ended, if not by a delivery; a stable word such as `insufficient_funds`, or
            what a person gave.
        fallbacks: what was last known, and not asked, when the order was taken; left out where all
            was asked.
    """

    id: OrderId
    user_id: UserId
    restaurant_id: RestaurantId
    items: tuple[QuotedLine, ...]
    price: OrderPrice
    total_price: Decimal
    status: OrderStatus
    created_at: datetime
    updated_at: datetime
    version: int
    currency: str = CURRENCY
    deliver_to: Place | None = None
    notes: str | None = None
    accept_by: datetime | None = None
    ready_at: datetime | None = None
    courier_id: CourierId | None = None
    reason: str | None = None
    cancelled_by: CancelledBy | None = None
    fallbacks: tuple[Fallback, ...] | UnsetType = UNSET


class TimelineEntry(Answer, frozen=True):
    """One move of an order.

    Attributes:
        version: of the order after it; in the event stream, the event's id.
    """

    order_id: OrderId
    version: int
    status: OrderStatus
    at: datetime
    reason: str | None = None


class OrderedDish(Struct, frozen=True, rename="camel"):
    """What the kitchen reads of one line.

    Attributes:
        options: as people say them: `Size: large`.
    """

    qty: int
    name: str
    dish_id: DishId | None = None
    options: tuple[str, ...] = ()


class OrderPlaced(Event, frozen=True, tag="ordereats.order.placed.v1"):
    """A customer has ordered; the money has not been asked for yet.

    Attributes:
        hold_id: of the portions that restaurants keeps for it, if some dish had a count.
    """

    order_id: OrderId
    user_id: UserId
    restaurant_id: RestaurantId
    total: Money
    payment_method: str
    price: PriceParts | None = None
    hold_id: HoldId | None = None


class OrderPaid(Event, frozen=True, tag="ordereats.order.paid.v1"):
    """The money is reserved; the kitchen may be told."""

    order_id: OrderId
    user_id: UserId
    restaurant_id: RestaurantId
    total: Money
    items: tuple[OrderedDish, ...] = ()
    notes: str | None = None


class OrderAccepted(Event, frozen=True, tag="ordereats.order.accepted.v1"):
    """The kitchen cooks; the money is due and a courier is needed.

    Attributes:
        ready_at: when the kitchen promises the food.
        pick_up: where the restaurant is, if known.
        drop_off: where the customer wants it, if given.
    """

    order_id: OrderId
    user_id: UserId
    restaurant_id: RestaurantId
    total: Money
    ready_at: datetime
    pick_up: Place | None = None
    drop_off: Place | None = None


class OrderReady(Event, frozen=True, tag="ordereats.order.ready.v1"):
    """The food waits to be fetched."""

    order_id: OrderId
    user_id: UserId
    restaurant_id: RestaurantId


class OrderPickedUp(Event, frozen=True, tag="ordereats.order.picked_up.v1"):
    """A courier has the food."""

    order_id: OrderId
    user_id: UserId
    restaurant_id: RestaurantId
    courier_id: CourierId


class OrderDelivered(Event, frozen=True, tag="ordereats.order.delivered.v1"):
    """The customer has the food; the order has ended well."""

    order_id: OrderId
    user_id: UserId
    restaurant_id: RestaurantId
    courier_id: CourierId
    total: Money


class OrderDeclined(Event, frozen=True, tag="ordereats.order.declined.v1"):
    """The card was declined; the order has ended.

    Attributes:
        reason: the provider's stable word for it, such as `insufficient_funds`.
    """

    order_id: OrderId
    user_id: UserId
    restaurant_id: RestaurantId
    reason: str


class OrderRejected(Event, frozen=True, tag="ordereats.order.rejected.v1"):
    """The kitchen said no; the order has ended and nothing is to be paid."""

    order_id: OrderId
    user_id: UserId
    restaurant_id: RestaurantId
    reason: str


class OrderExpired(Event, frozen=True, tag="ordereats.order.expired.v1"):
    """It was not paid, or nobody accepted it, in time; it has ended and nothing is to be paid."""

    order_id: OrderId
    user_id: UserId
    restaurant_id: RestaurantId


class OrderCancelled(Event, frozen=True, tag="ordereats.order.cancelled.v1"):
    """Someone ended the order; what was paid is given back.

    Attributes:
        reason: a stable word such as `no_courier`, or what a person gave.
    """

    order_id: OrderId
    user_id: UserId
    restaurant_id: RestaurantId
    by: CancelledBy
    reason: str | None = None
