"""What to say about each fact, to whom, and when again. Pure: no I/O, no clock, no randomness."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from ordereats.contracts.deliveries import DeliveryAssigned, DeliveryOffered
from ordereats.contracts.events import Event, type_of
from ordereats.contracts.ids import CourierId, NotificationId, OrderId, RestaurantId, UserId
from ordereats.contracts.kitchen import (
    TicketCancelled,
    TicketCreated,
    TicketDelayed,
    TicketExpired,
)
from ordereats.contracts.notifications import Mail, Receiver
from ordereats.contracts.orders import (
    CancelledBy,
    OrderAccepted,
    OrderCancelled,
    OrderDeclined,
    OrderDelivered,
    OrderExpired,
    OrderPaid,
    OrderPickedUp,
    OrderPlaced,
    OrderReady,
    OrderRejected,
)
from ordereats.contracts.payments import PaymentCaptured, PaymentRefunded, PaymentVoided

OrderFact = (
    OrderPlaced
    | OrderPaid
    | OrderAccepted
    | OrderReady
    | OrderPickedUp
    | OrderDelivered
    | OrderDeclined
    | OrderRejected
    | OrderExpired
    | OrderCancelled
)
TicketFact = TicketCreated | TicketDelayed | TicketExpired | TicketCancelled
DeliveryFact = DeliveryOffered | DeliveryAssigned
PaymentFact = PaymentCaptured | PaymentVoided | PaymentRefunded
Fact = OrderFact | TicketFact | DeliveryFact | PaymentFact


@dataclass(frozen=True, slots=True)
class Template:
    """A message with gaps: `{restaurant}`, `{why}`, and any field of the fact by its name."""

    subject: str
    text: str


_CALLED_OFF = Template(
    "Order {order_id} was cancelled", "Order {order_id} was cancelled: please don't bring it."
)

TEMPLATES: Mapping[Receiver, Mapping[type[Event], Template]] = {
    Receiver.CUSTOMER: {
        OrderPlaced: Template(
            "Your order at {restaurant}",
            "We have your order {order_id} for {total} and are asking for the payment.",
        ),
        OrderPaid: Template(
            "Paid: your order at {restaurant}",
            "{total} is reserved on your card. Next, the kitchen is asked.",
        ),
        OrderAccepted: Template(
            "Accepted: your order at {restaurant}",
            "The kitchen is cooking, and promises your food for {ready_at}.",
        ),
        TicketDelayed: Template(
            "Delayed: your order at {restaurant}",
            "The kitchen needs longer than it thought, and now promises your food for {ready_at}.",
        ),
        DeliveryAssigned: Template(
            "A courier for your order at {restaurant}",
            "A courier brings your food at about {estimated_at}, and by {latest_at} at the latest.",
        ),
        OrderReady: Template(
            "Ready: your order at {restaurant}", "Your food is ready and waits for its courier."
        ),
        OrderPickedUp: Template(
            "On its way: your order at {restaurant}", "Your courier has the food."
        ),
        OrderDelivered: Template(
            "Delivered: your order at {restaurant}", "Your food was delivered. Enjoy it!"
        ),
        OrderDeclined: Template(
            "Not paid: your order at {restaurant}",
            "The card was declined: {why}. Nothing was charged.",
        ),
        OrderRejected: Template(
            "Not accepted: your order at {restaurant}",
            "The kitchen can't take your order: {why}. Nothing is charged.",
        ),
        OrderExpired: Template(
            "Not accepted: your order at {restaurant}",
            "Your order was not confirmed in time and has ended. Nothing is charged.",
        ),
        OrderCancelled: Template(
            "Cancelled: your order at {restaurant}",
            "Your order was cancelled: {why}. What was paid is given back.",
        ),
        PaymentCaptured: Template(
            "Charged: {amount} for order {order_id}",
            "{amount} for order {order_id} was charged to your card.",
        ),
        PaymentVoided: Template(
            "Nothing charged for order {order_id}",
            "Order {order_id} is not charged: what was reserved on your card is free again.",
        ),
        PaymentRefunded: Template(
            "Refund: {amount} for order {order_id}",
            "{amount} for order {order_id} went back to your card: {why}.",
        ),
    },
    Receiver.RESTAURANT: {
        TicketCreated: Template(
            "New order {order_id}", "Order {order_id} is waiting: please accept it by {accept_by}."
        ),
        TicketExpired: Template(
            "Order {order_id} has expired",
            "Nobody accepted order {order_id} in time. It has ended, and the customer knows.",
        ),
        TicketCancelled: Template(
            "Order {order_id} was taken back",
            "Order {order_id} was taken back before it was accepted.",
        ),
        OrderCancelled: Template(
            "Order {order_id} was cancelled",
            "Order {order_id} was cancelled: {why}. Please stop cooking.",
        ),
    },
    Receiver.COURIER: {
        DeliveryOffered: Template(
            "A delivery for you",
            "Order {order_id} of {restaurant} is offered to you until {until}.",
        ),
        OrderCancelled: _CALLED_OFF,
        DeliveryAssigned: _CALLED_OFF,
    },
}
"""What is said of each fact. The last one is for an order that was cancelled meanwhile."""

_WHY = {
    "insufficient_funds": "there was not enough money on it",
    "expired_card": "it has expired",
    "authentication_required": "your bank wants you to confirm it",
    "no_courier": "no courier could be found",
    "no_answer": "the kitchen gave no answer",
}
_WHY_NOT_SAID: Mapping[type[Event], str] = {
    OrderCancelled: "as was asked for",
    PaymentRefunded: "as was asked for",
}


@dataclass(frozen=True, slots=True)
class Known:
    """What other facts have told, as far as they have come.

    Attributes:
        user_id: who ordered.
        courier_id: who brings it.
        is_paid: the kitchen may have heard of the order.
        customer: the name of who ordered.
        restaurant: its name.
        has_restaurant_email: whether the restaurant wants mail.
    """

    user_id: UserId | None = None
    courier_id: CourierId | None = None
    is_paid: bool = False
    is_cancelled: bool = False
    customer: str | None = None
    restaurant: str | None = None
    has_restaurant_email: bool = False


@dataclass(frozen=True, slots=True)
class Told:
    """One message to one receiver about one fact.

    Attributes:
        fact: tells the fact from every other of the order: of its kind, or of the same kind.
        is_mailed: not in the app alone.
    """

    receiver: Receiver
    receiver_id: int
    order_id: OrderId
    fact: str
    subject: str
    text: str
    is_mailed: bool


@dataclass(frozen=True, slots=True)
class Letter:
    """A message that is due to be mailed.

    Attributes:
        attempts: how often it was tried, this time included.
        was_handed: someone began to hand it over and was cut off: it may have arrived.
    """

    id: NotificationId
    to: str
    subject: str
    text: str
    created_at: datetime
    attempts: int
    was_handed: bool


def tell(fact: Fact, known: Known) -> list[Told]:
    """Put a fact into words, for everyone who must hear of it."""
    told = []
    for receiver, templates in TEMPLATES.items():
        template, receiver_id = templates.get(type(fact)), _WHOM[receiver](fact, known)
        if template is not None and receiver_id is not None:
            words = _words(fact, known)
            text = template.text.format_map(words)
            if receiver is Receiver.CUSTOMER:
                text = f"Hello {known.customer}. {text}" if known.customer else f"Hello. {text}"
            told.append(
                Told(
                    receiver=receiver,
                    receiver_id=receiver_id,
                    order_id=fact.order_id,
                    fact=identity(fact),
                    subject=template.subject.format_map(words),
                    text=text,
                    is_mailed=_is_mailed(receiver, known),
                )
            )
    return told


def identity(fact: Fact) -> str:
    """What makes it another fact of its order: its kind, and what is new each time."""
    match fact:
        case PaymentRefunded():
            return f"{type_of(fact)}:{fact.refund_id}"
        case TicketDelayed():
            return f"{type_of(fact)}:{fact.ready_at.isoformat()}"
        case DeliveryOffered():
            return f"{type_of(fact)}:{fact.until.isoformat()}"
        case DeliveryAssigned():
            return f"{type_of(fact)}:{fact.courier_id}"
        case _:
            return type_of(fact)


def restaurant_of(fact: Fact) -> RestaurantId | None:
    """The restaurant that it is about, where it says so."""
    return None if isinstance(fact, PaymentFact) else fact.restaurant_id


def was_paid(version: int) -> bool:
    """Whether an order that has ended at this version was paid: placed, paid, ended."""
    return version > 2  # counted there


def first_state(told: Told, *, has_server: bool) -> Mail:
    """What becomes of its mail at first."""
    if not told.is_mailed:
        return Mail.NONE
    return Mail.WAITING if has_server else Mail.KEPT


def _customer(fact: Fact, known: Known) -> int | None:
    return getattr(fact, "user_id", known.user_id)


def _restaurant(fact: Fact, known: Known) -> int | None:
    if isinstance(fact, OrderCancelled):
        # A customer who cancels has asked the kitchen, which says so itself; and nobody cancels
        # for a kitchen what it has never heard of.
        is_news = known.is_paid and fact.by is not CancelledBy.CUSTOMER
        return fact.restaurant_id if is_news else None
    return restaurant_of(fact)


def _courier(fact: Fact, known: Known) -> int | None:
    match fact:
        case DeliveryOffered():
            return fact.courier_id
        case OrderCancelled():
            return known.courier_id
        case DeliveryAssigned() if known.is_cancelled:
            return fact.courier_id
        case _:
            return None


_WHOM = {
    Receiver.CUSTOMER: _customer,
    Receiver.RESTAURANT: _restaurant,
    Receiver.COURIER: _courier,
}


def _is_mailed(receiver: Receiver, known: Known) -> bool:
    """Every customer has an address, though it may still have to come; some restaurants have."""
    return receiver is Receiver.CUSTOMER or (
        receiver is Receiver.RESTAURANT and known.has_restaurant_email
    )


def _words(fact: Fact, known: Known) -> dict[str, str]:
    said = {name: _said(getattr(fact, name)) for name in fact.__struct_fields__}
    return {**said, "restaurant": known.restaurant or "the restaurant", "why": _why(fact)}


def _why(fact: Fact) -> str:
    """A reason as people say it, without the full stop that follows it."""
    reason = (getattr(fact, "reason", None) or "").strip().rstrip(".?! ")
    if isinstance(fact, OrderDeclined):
        return _WHY.get(reason, "your bank said no")
    return _WHY.get(reason, reason) or _WHY_NOT_SAID.get(type(fact), "it did not say why")


def _said(value: object) -> str:
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%H:%M} UTC"
    return str(value)
