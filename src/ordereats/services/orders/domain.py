"""Rules of an order. Pure: no I/O, no clock, no randomness."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec
from msgspec import UNSET

from ordereats.chassis.errors import Conflict, IllegalMove, Invalid, OrderEatsError
from ordereats.contracts import orders as contract
from ordereats.contracts.ids import CourierId, HoldId, OrderId, RestaurantId, UserId
from ordereats.contracts.menus import PriceParts, Quote, QuotedLine
from ordereats.contracts.money import AmountError, Money
from ordereats.contracts.orders import (
    CancelledBy,
    Fallback,
    OrderAccepted,
    OrderCancelled,
    OrderDeclined,
    OrderDelivered,
    OrderedDish,
    OrderExpired,
    OrderPaid,
    OrderPickedUp,
    OrderPlaced,
    OrderPrice,
    OrderReady,
    OrderRejected,
    OrderStatus,
    PlaceOrder,
)
from ordereats.contracts.places import Place
from ordereats.contracts.problems import FieldProblem

MOVES: Mapping[OrderStatus, frozenset[OrderStatus]] = {
    OrderStatus.PENDING: frozenset(
        {OrderStatus.PAID, OrderStatus.DECLINED, OrderStatus.CANCELLED, OrderStatus.EXPIRED}
    ),
    OrderStatus.PAID: frozenset(
        {OrderStatus.ACCEPTED, OrderStatus.REJECTED, OrderStatus.EXPIRED, OrderStatus.CANCELLED}
    ),
    OrderStatus.ACCEPTED: frozenset({OrderStatus.READY, OrderStatus.CANCELLED}),
    OrderStatus.READY: frozenset({OrderStatus.PICKED_UP, OrderStatus.CANCELLED}),
    OrderStatus.PICKED_UP: frozenset({OrderStatus.DELIVERED, OrderStatus.CANCELLED}),
    OrderStatus.DELIVERED: frozenset(),
    OrderStatus.DECLINED: frozenset(),
    OrderStatus.REJECTED: frozenset(),
    OrderStatus.EXPIRED: frozenset(),
    OrderStatus.CANCELLED: frozenset(),
}
"""Where an order may go from each state. What is not here is refused and changes nothing."""

ENDS = frozenset(status for status, following in MOVES.items() if not following)
"""The states in which an order stays."""

CANCELLABLE: Mapping[CancelledBy, frozenset[OrderStatus]] = {
    CancelledBy.CUSTOMER: frozenset({OrderStatus.PENDING, OrderStatus.PAID}),
    CancelledBy.OPERATOR: frozenset(MOVES) - ENDS,
    CancelledBy.PLATFORM: frozenset(MOVES) - ENDS,
}
"""Until when each may end an order."""

NO_COURIER = "no_courier"
"""Why the platform cancels an order that nobody could be found to bring."""

NO_ANSWER = "no_answer"
"""Why the platform cancels a paid order of which it has not heard the kitchen's answer."""

WITH_FOOD = frozenset({OrderStatus.PICKED_UP, OrderStatus.DELIVERED})
"""Someone has left the restaurant with the food."""


class PriceChanged(Conflict, code="price_changed"):
    """The customer was shown another price than the order has; the answer has the right one."""

    def __init__(self, quote: Quote) -> None:
        super().__init__(f"The price is {quote.total} {quote.currency}.")
        self.extension = {"quote": quote}


class QuoteDoesNotAddUp(OrderEatsError, code="quote_does_not_add_up"):
    """Restaurants answered a total that is not the sum of its parts."""


class Price(msgspec.Struct, frozen=True):
    """How a total is made up.

    Attributes:
        tax_included: inside the total; nothing is added for it.
    """

    subtotal: Money
    delivery_fee: Money
    service_fee: Money
    tip: Money
    tax_included: Money

    @property
    def total(self) -> Money:
        """What the customer pays."""
        return self.subtotal + self.delivery_fee + self.service_fee + self.tip


class Terms(msgspec.Struct, frozen=True):
    """What customer and platform have agreed on.

    Attributes:
        hold_id: of the portions that are kept for it, if some dish has a count.
        fallbacks: what was last known, because it could not be asked.
    """

    lines: tuple[QuotedLine, ...]
    price: Price
    pick_up: Place | None = None
    hold_id: HoldId | None = None
    fallbacks: tuple[Fallback, ...] = ()


class Order(msgspec.Struct, frozen=True):
    """An order.

    Attributes:
        version: counts its moves, from 1; a fact about it carries the version after it.
        due_at: while it is pending: then it expires; while it is paid: then the kitchen is asked to
            give it back.
        wish: why someone wants to cancel it, noted before the kitchen is asked.
        wish_by: who wants that.
        reason: why it ended, if not by a delivery.
        fallbacks: what it was taken by without being asked.
    """

    id: OrderId
    user_id: UserId
    restaurant_id: RestaurantId
    items: tuple[QuotedLine, ...]
    price: Price
    status: OrderStatus
    version: int
    created_at: datetime
    updated_at: datetime
    deliver_to: Place | None = None
    pick_up: Place | None = None
    notes: str | None = None
    due_at: datetime | None = None
    ready_at: datetime | None = None
    courier_id: CourierId | None = None
    wish: str | None = None
    wish_by: CancelledBy | None = None
    reason: str | None = None
    cancelled_by: CancelledBy | None = None
    fallbacks: tuple[Fallback, ...] = ()


def shown_price(command: PlaceOrder) -> Money | None:
    """What the customer was shown, if anything.

    Raises:
        Invalid: it is no amount that can be paid.
    """
    if command.total_price is None:
        return None
    try:
        total = Money.of(command.total_price)
    except AmountError as error:
        raise Invalid(FieldProblem("totalPrice", str(error))) from error
    if total.minor == 0:
        raise Invalid(FieldProblem("totalPrice", "must be above 0"))
    return total


def agree(shown: Money | None, quote: Quote) -> Terms:
    """Take the quote for the price of the order, if it is what the customer was shown.

    Raises:
        PriceChanged: it is not.
        Invalid: there is nothing to pay.
        QuoteDoesNotAddUp: not the customer's fault.
    """
    price = Price(
        subtotal=Money.of(quote.subtotal, quote.currency),
        delivery_fee=Money.of(quote.delivery_fee, quote.currency),
        service_fee=Money.of(quote.service_fee, quote.currency),
        tip=Money.of(quote.tip, quote.currency),
        tax_included=Money.of(quote.tax_included, quote.currency),
    )
    if price.total != Money.of(quote.total, quote.currency):
        raise QuoteDoesNotAddUp(f"{quote.total} is not {price.total}")
    if shown is not None and shown != price.total:
        raise PriceChanged(quote)
    if price.total.minor == 0:
        raise Invalid(FieldProblem("items", "must cost something"))
    return Terms(quote.lines, price, quote.pick_up)


def place(
    command: PlaceOrder, terms: Terms, *, order_id: OrderId, now: datetime, pay_by: datetime
) -> tuple[Order, OrderPlaced]:
    """Begin an order's life."""
    price = terms.price
    order = Order(
        id=order_id,
        user_id=command.user_id,
        restaurant_id=command.restaurant_id,
        items=terms.lines,
        price=price,
        status=OrderStatus.PENDING,
        version=1,
        created_at=now,
        updated_at=now,
        deliver_to=command.deliver_to,
        pick_up=terms.pick_up,
        notes=command.notes,
        due_at=pay_by,
        fallbacks=terms.fallbacks,
    )
    placed = OrderPlaced(
        order_id=order.id,
        user_id=order.user_id,
        restaurant_id=order.restaurant_id,
        total=price.total,
        payment_method=command.payment_method,
        price=PriceParts(price.subtotal, price.delivery_fee, price.service_fee, price.tip),
        hold_id=terms.hold_id,
    )
    return order, placed


def pay(order: Order, answer_within: timedelta, *, now: datetime) -> tuple[Order, OrderPaid]:
    """The money is reserved. Raises `IllegalMove`, as every move does: see `MOVES`."""
    paid = _move(order, OrderStatus.PAID, now, due_at=now + answer_within)
    dishes = tuple(_dish(line) for line in paid.items)
    fact = OrderPaid(
        paid.id, paid.user_id, paid.restaurant_id, paid.price.total, dishes, paid.notes
    )
    return paid, fact


def decline(order: Order, reason: str, *, now: datetime) -> tuple[Order, OrderDeclined]:
    """The card was declined."""
    declined = _move(order, OrderStatus.DECLINED, now, reason=reason)
    return declined, OrderDeclined(declined.id, declined.user_id, declined.restaurant_id, reason)


def accept(order: Order, ready_at: datetime, *, now: datetime) -> tuple[Order, OrderAccepted]:
    """The kitchen cooks, and has said until when."""
    accepted = _move(order, OrderStatus.ACCEPTED, now, ready_at=ready_at)
    fact = OrderAccepted(
        order_id=accepted.id,
        user_id=accepted.user_id,
        restaurant_id=accepted.restaurant_id,
        total=accepted.price.total,
        ready_at=ready_at,
        pick_up=accepted.pick_up,
        drop_off=accepted.deliver_to,
    )
    return accepted, fact


def reject(order: Order, reason: str, *, now: datetime) -> tuple[Order, OrderRejected]:
    """The kitchen said no."""
    rejected = _move(order, OrderStatus.REJECTED, now, reason=reason)
    return rejected, OrderRejected(rejected.id, rejected.user_id, rejected.restaurant_id, reason)


def expire(order: Order, *, now: datetime) -> tuple[Order, OrderExpired]:
    """It was not paid, or nobody accepted it, in time."""
    expired = _move(order, OrderStatus.EXPIRED, now)
    return expired, OrderExpired(expired.id, expired.user_id, expired.restaurant_id)


def delay(order: Order, ready_at: datetime) -> Order:
    """The kitchen needs longer than it said. That is no move, and is noted whenever it is heard."""
    if order.ready_at is None:
        return order
    return msgspec.structs.replace(order, ready_at=max(order.ready_at, ready_at))


def make_ready(order: Order, *, now: datetime) -> tuple[Order, OrderReady]:
    """The food waits to be fetched."""
    ready = _move(order, OrderStatus.READY, now)
    return ready, OrderReady(ready.id, ready.user_id, ready.restaurant_id)


def pick_up(order: Order, courier_id: CourierId, *, now: datetime) -> tuple[Order, OrderPickedUp]:
    """A courier has the food."""
    taken = _move(order, OrderStatus.PICKED_UP, now, courier_id=courier_id)
    return taken, OrderPickedUp(taken.id, taken.user_id, taken.restaurant_id, courier_id)


def deliver(order: Order, courier_id: CourierId, *, now: datetime) -> tuple[Order, OrderDelivered]:
    """The customer has the food."""
    brought = _move(order, OrderStatus.DELIVERED, now, courier_id=courier_id)
    fact = OrderDelivered(
        brought.id, brought.user_id, brought.restaurant_id, courier_id, brought.price.total
    )
    return brought, fact


def cancel(
    order: Order, by: CancelledBy, reason: str | None, *, now: datetime
) -> tuple[Order, OrderCancelled]:
    """Someone ends it. Raises `IllegalMove` also where it is too late for this one: `CANCELLABLE`.

    Whether the kitchen agrees, if it has to, is asked before: `needs_kitchen`.
    """
    if order.status not in CANCELLABLE[by]:
        raise IllegalMove(f"Order {order.id} is {order.status}: no {by} can cancel it.")
    cancelled = _move(order, OrderStatus.CANCELLED, now, reason=reason, cancelled_by=by)
    fact = OrderCancelled(cancelled.id, cancelled.user_id, cancelled.restaurant_id, by, reason)
    return cancelled, fact


def withdraw(order: Order, *, now: datetime) -> tuple[Order, OrderCancelled]:
    """Someone wanted to cancel it, its customer unless we know better; the kitchen has agreed."""
    return cancel(order, order.wish_by or CancelledBy.CUSTOMER, order.wish, now=now)


def needs_kitchen(order: Order, by: CancelledBy) -> bool:
    """Whether a cancel stands only if the kitchen has not begun: it alone knows."""
    return by is CancelledBy.CUSTOMER and order.status is OrderStatus.PAID


def is_overtaken(order: Order, to: OrderStatus) -> bool:
    """Whether a fact that leads to a state has nothing left to change.

    So it is where the order has been there already, for the fact has come again, and where it has
    ended: whoever sent the fact hears of the end. A fact that has come too early is not overtaken,
    and neither is one that contradicts what is so.
    """
    return order.status in ENDS or order.status is to or order.status in _LATER[to]


def is_too_early(order: Order, to: OrderStatus) -> bool:
    """Whether a fact that leads to a state has come before another one that the order waits for."""
    return to not in MOVES[order.status] and to in _LATER[order.status]


def shown(order: Order) -> contract.Order:
    """What the world sees of it."""
    price = order.price
    return contract.Order(
        id=order.id,
        user_id=order.user_id,
        restaurant_id=order.restaurant_id,
        items=order.items,
        price=OrderPrice(
            subtotal=price.subtotal.amount,
            delivery_fee=price.delivery_fee.amount,
            service_fee=price.service_fee.amount,
            tip=price.tip.amount,
            tax_included=price.tax_included.amount,
        ),
        total_price=price.total.amount,
        status=order.status,
        created_at=order.created_at,
        updated_at=order.updated_at,
        version=order.version,
        currency=price.subtotal.currency,
        deliver_to=order.deliver_to,
        notes=order.notes,
        accept_by=order.due_at,
        ready_at=order.ready_at,
        courier_id=order.courier_id,
        reason=order.reason,
        cancelled_by=order.cancelled_by,
        fallbacks=order.fallbacks or UNSET,
    )


def _move(order: Order, to: OrderStatus, now: datetime, **changes: Any) -> Order:
    if to not in MOVES[order.status]:
        raise IllegalMove(f"Order {order.id} is {order.status} and can't become {to}.")
    return msgspec.structs.replace(
        order, status=to, version=order.version + 1, updated_at=now, **{"due_at": None} | changes
    )


def _dish(line: QuotedLine) -> OrderedDish:
    options = tuple(f"{each.group}: {each.name}" for each in line.options)
    return OrderedDish(line.qty, line.name, line.dish_id, options)


def _later(status: OrderStatus) -> frozenset[OrderStatus]:
    """Every state that may lie between this one and an end."""
    return MOVES[status].union(*(_later(each) for each in MOVES[status]))


_LATER: Mapping[OrderStatus, frozenset[OrderStatus]] = {each: _later(each) for each in MOVES}
