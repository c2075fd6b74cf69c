"""What to say about each fact. Pure: no I/O, no clock, no randomness."""

from dataclasses import dataclass

from ordereats.contracts.events import type_of
from ordereats.contracts.ids import OrderId, UserId
from ordereats.contracts.orders import OrderDeclined, OrderPaid, OrderPlaced

OrderFact = OrderPlaced | OrderPaid | OrderDeclined

_REASONS = {
    "insufficient_funds": "there was not enough money on it",
    "expired_card": "it has expired",
    "authentication_required": "your bank wants you to confirm it",
}


@dataclass(frozen=True, slots=True)
class Told:
    """One message to one person about one fact."""

    user_id: UserId
    order_id: OrderId
    fact: str
    subject: str
    text: str


def tell(fact: OrderFact, *, name: str | None, restaurant: str | None) -> Told:
    """Put a fact into words.

    Args:
        fact: what happened to an order.
        name: the customer's; None while we have not heard of them.
        restaurant: its name; None likewise.
    """
    place = restaurant or "the restaurant"
    match fact:
        case OrderPlaced():
            subject = f"Your order at {place}"
            text = f"We have your order for {fact.total} and are asking for the payment."
        case OrderPaid():
            subject = f"Paid: your order at {place}"
            text = f"{fact.total} is reserved on your card. Next, {place} is told."
        case OrderDeclined():
            subject = f"Not paid: your order at {place}"
            why = _REASONS.get(fact.reason, "your bank said no")
            text = f"The card was declined: {why}. Nothing was charged."
    greeting = f"Hello {name}, " if name else "Hello, "
    opening = (
        text if text.startswith(place) or not text[0].isalpha() else text[0].lower() + text[1:]
    )
    return Told(fact.user_id, fact.order_id, type_of(fact), subject, greeting + opening)
