"""What orders says: the order and its life."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from msgspec import Meta

from ordereats.contracts.events import Event
from ordereats.contracts.ids import OrderId, RestaurantId, UserId
from ordereats.contracts.money import CURRENCY, Money
from ordereats.contracts.wire import Answer, Body, Text

PaymentMethod = Annotated[
    str,
    Meta(
        pattern=r"^pm_[A-Za-z0-9_]+$(?!\n)",
        max_length=100,
        description="The provider's name for a card; never the card itself.",
    ),
]


class OrderStatus(StrEnum):
    """Where an order is in its life."""

    PENDING = "pending"
    PAID = "paid"
    DECLINED = "declined"


class OrderedItem(Body, frozen=True):
    """One line of a basket."""

    name: Annotated[str, Meta(min_length=1, max_length=100, pattern=Text)]
    qty: Annotated[int, Meta(ge=1, le=99)]


class PlaceOrder(Body, frozen=True):
    """A basket, and the price that the customer was shown for it."""

    user_id: UserId
    restaurant_id: RestaurantId
    items: Annotated[tuple[OrderedItem, ...], Meta(min_length=1, max_length=50)]
    total_price: Annotated[
        Decimal, Meta(description="Above 0, at most 2 decimals; a JSON number or a string.")
    ]
    payment_method: PaymentMethod = "pm_card_visa"


class Order(Answer, frozen=True):
    """An order, as anyone who may see it sees it."""

    id: OrderId
    user_id: UserId
    restaurant_id: RestaurantId
    items: tuple[OrderedItem, ...]
    total_price: Decimal
    status: OrderStatus
    created_at: datetime
    version: int
    currency: str = CURRENCY
    decline_reason: str | None = None


class OrderPlaced(Event, frozen=True, tag="ordereats.order.placed.v1"):
    """A customer has ordered; the money has not been asked for yet."""

    order_id: OrderId
    user_id: UserId
    restaurant_id: RestaurantId
    total: Money
    payment_method: str


class OrderPaid(Event, frozen=True, tag="ordereats.order.paid.v1"):
    """The money is reserved; the kitchen may be told."""

    order_id: OrderId
    user_id: UserId
    restaurant_id: RestaurantId
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
