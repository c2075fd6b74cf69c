"""Rules of an order. Pure: no I/O, no clock, no randomness."""

from collections.abc import Mapping
from datetime import datetime

import msgspec

from ordereats.chassis.errors import Conflict, Invalid
from ordereats.contracts import orders as contract
from ordereats.contracts.ids import OrderId, RestaurantId, UserId
from ordereats.contracts.money import AmountError, Money
from ordereats.contracts.orders import (
    OrderDeclined,
    OrderedItem,
    OrderPaid,
    OrderPlaced,
    OrderStatus,
    PlaceOrder,
)
from ordereats.contracts.problems import FieldProblem

MOVES: Mapping[OrderStatus, frozenset[OrderStatus]] = {
    OrderStatus.PENDING: frozenset({OrderStatus.PAID, OrderStatus.DECLINED}),
    OrderStatus.PAID: frozenset(),
    OrderStatus.DECLINED: frozenset(),
}
"""Where an order may go from each state. What is not here is refused and changes nothing."""


class IllegalMove(Conflict, code="illegal_move"):
    """The order is in a state from which it can't go there."""


class Order(msgspec.Struct, frozen=True):
    """An order.

    Attributes:
        version: counts its moves, from 1; a fact about it carries the version after it.
    """

    id: OrderId
    user_id: UserId
    restaurant_id: RestaurantId
    items: tuple[OrderedItem, ...]
    total: Money
    status: OrderStatus
    version: int
    created_at: datetime
    decline_reason: str | None = None


def agreed_price(command: PlaceOrder) -> Money:
    """What the customer was shown.

    Raises:
        Invalid: it is no amount that can be paid.
    """
    try:
        total = Money.of(command.total_price)
    except AmountError as error:
        raise Invalid(FieldProblem("totalPrice", str(error))) from error
    if total.minor == 0:
        raise Invalid(FieldProblem("totalPrice", "must be above 0"))
    return total


def place(
    command: PlaceOrder, *, order_id: OrderId, total: Money, now: datetime
) -> tuple[Order, OrderPlaced]:
    """Begin an order's life."""
    order = Order(
        id=order_id,
        user_id=command.user_id,
        restaurant_id=command.restaurant_id,
        items=command.items,
        total=total,
        status=OrderStatus.PENDING,
        version=1,
        created_at=now,
    )
    placed = OrderPlaced(
        order_id=order.id,
        user_id=order.user_id,
        restaurant_id=order.restaurant_id,
        total=order.total,
        payment_method=command.payment_method,
    )
    return order, placed


def pay(order: Order) -> tuple[Order, OrderPaid]:
    """The money is reserved.

    Raises:
        IllegalMove: see `MOVES`.
    """
    paid = _move(order, OrderStatus.PAID)
    return paid, OrderPaid(paid.id, paid.user_id, paid.restaurant_id, paid.total)


def decline(order: Order, reason: str) -> tuple[Order, OrderDeclined]:
    """The card was declined.

    Raises:
        IllegalMove: see `MOVES`.
    """
    moved = _move(order, OrderStatus.DECLINED)
    declined = msgspec.structs.replace(moved, decline_reason=reason)
    return declined, OrderDeclined(declined.id, declined.user_id, declined.restaurant_id, reason)


def shown(order: Order) -> contract.Order:
    """What the world sees of it."""
    return contract.Order(
        id=order.id,
        user_id=order.user_id,
        restaurant_id=order.restaurant_id,
        items=order.items,
        total_price=order.total.amount,
        status=order.status,
        created_at=order.created_at,
        version=order.version,
        currency=order.total.currency,
        decline_reason=order.decline_reason,
    )


def _move(order: Order, to: OrderStatus) -> Order:
    if to not in MOVES[order.status]:
        raise IllegalMove(f"Order {order.id} is {order.status} and can't become {to}.")
    return msgspec.structs.replace(order, status=to, version=order.version + 1)
