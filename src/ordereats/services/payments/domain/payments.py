"""Rules of a payment. Pure: no I/O, no clock, no randomness."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, TypeAlias

import msgspec

from ordereats.chassis.errors import IllegalMove
from ordereats.contracts import payments as contract
from ordereats.contracts.events import Event
from ordereats.contracts.ids import OrderId, PaymentId, RestaurantId, UserId
from ordereats.contracts.menus import PriceParts
from ordereats.contracts.money import Money
from ordereats.contracts.orders import OrderPlaced
from ordereats.contracts.payments import (
    PaymentAuthorized,
    PaymentCaptured,
    PaymentDeclined,
    PaymentStatus,
    PaymentVoided,
)

MOVES: Mapping[PaymentStatus, frozenset[PaymentStatus]] = {
    PaymentStatus.REQUESTED: frozenset(
        {PaymentStatus.AUTHORIZED, PaymentStatus.DECLINED, PaymentStatus.VOIDED}
    ),
    PaymentStatus.AUTHORIZED: frozenset({PaymentStatus.CAPTURED, PaymentStatus.VOIDED}),
    PaymentStatus.CAPTURED: frozenset({PaymentStatus.REFUNDED}),
    PaymentStatus.REFUNDED: frozenset({PaymentStatus.REFUNDED, PaymentStatus.CAPTURED}),
    PaymentStatus.DECLINED: frozenset(),
    PaymentStatus.VOIDED: frozenset(),
}
"""Where a payment may go from each state: its own machine, not the order's. One that is refunded
in part is refunded again by the next part; one whose refunds have all failed afterwards is captured
as before."""

TAKEN = frozenset({PaymentStatus.CAPTURED, PaymentStatus.REFUNDED})

UNCERTAIN_AT_MOST = 3
"""After so many questions without an answer the provider is asked what it knows, before it is asked
to do the same again."""

NEVER_MADE = "never_made"
"""Why a payment is declined of which the provider knows nothing a day after it was first asked."""


class Goal(StrEnum):
    """What the order wants of a payment. It only goes forward, in this order."""

    RESERVE = "reserve"
    TAKE = "take"
    RELEASE = "release"


class Step(StrEnum):
    """What is to be done next: all but the last at the provider."""

    AUTHORIZE = "authorize"
    CAPTURE = "capture"
    CANCEL = "cancel"
    VOID = "void"


class Payment(msgspec.Struct, frozen=True, kw_only=True):
    """The money of one order.

    Attributes:
        price: the parts of the amount.
        goal: what the order wants of it.
        released_for: why the order wants it no more, as a stable word.
        told: what a webhook says has become of it, until the provider was asked.
        charge_key: what the provider knows this charge by.
        attempts: how often the provider was asked for what is done or due now.
        is_key_old: it was first asked so long ago that the provider may have forgotten the key.
        refunded: what was given back.
        correlation_id: of the request that the order came with; the job goes on under it.
        traceparent: likewise.
    """

    id: PaymentId
    order_id: OrderId
    user_id: UserId
    restaurant_id: RestaurantId
    amount: Money
    price: PriceParts
    payment_method: str
    status: PaymentStatus
    charge_key: str
    attempts: int
    version: int
    created_at: datetime
    correlation_id: str
    goal: Goal = Goal.RESERVE
    refunded: Money = Money(0)
    is_key_old: bool = False
    traceparent: str | None = None
    released_for: str | None = None
    told: PaymentStatus | None = None
    provider_reference: str | None = None
    decline_reason: str | None = None

    @property
    def captured(self) -> Money:
        """What was taken: all of it, or nothing yet."""
        return self.amount if self.status in TAKEN else Money(0, self.amount.currency)


class Authorized(msgspec.Struct, frozen=True):
    """The provider reserved the money.

    Attributes:
        reference: the provider's id of the charge.
    """

    reference: str


class Captured(msgspec.Struct, frozen=True):
    """The provider took all of the money."""

    reference: str


class Canceled(msgspec.Struct, frozen=True):
    """The provider let the reservation go."""

    reference: str


class Declined(msgspec.Struct, frozen=True):
    """The provider said no, finally.

    Attributes:
        reason: its stable word for it.
        reference: its id of the attempt, if it made one.
    """

    reason: str
    reference: str | None


Truth: TypeAlias = Authorized | Captured | Canceled | Declined
"""What the provider says has become of a charge."""


class Move(NamedTuple):
    """A payment after a move, and the fact of it."""

    payment: Payment
    fact: Event


def parts(placed: OrderPlaced) -> PriceParts:
    """How an order's total is made up; one that doesn't say is all subtotal.

    Raises:
        ValueError: the parts are not the whole.
    """
    nothing = Money(0, placed.total.currency)
    price = placed.price or PriceParts(placed.total, nothing, nothing, nothing)
    if price.subtotal + price.delivery_fee + price.service_fee + price.tip != placed.total:
        raise ValueError(f"the parts of the price of order {placed.order_id} are not its total")
    return price


def next_step(payment: Payment) -> Step | None:
    """What is to be done for the order's goal, if anything is."""
    match payment.status, payment.goal:
        case PaymentStatus.REQUESTED, Goal.RELEASE if payment.attempts == 0:
            return Step.VOID
        case PaymentStatus.REQUESTED, _:  # asked already: whatever came of it has to be known
            return Step.AUTHORIZE
        case PaymentStatus.AUTHORIZED, Goal.TAKE:
            return Step.CAPTURE
        case PaymentStatus.AUTHORIZED, Goal.RELEASE:
            return Step.CANCEL
    return None


def aim(payment: Payment, goal: Goal, *, released_for: str | None = None) -> Payment:
    """Take over what the order wants now. A goal that was overtaken changes nothing."""
    if _ORDER[goal] <= _ORDER[payment.goal]:
        return payment
    aimed = msgspec.structs.replace(payment, goal=goal, released_for=released_for)
    if next_step(aimed) is next_step(payment):
        return aimed
    return msgspec.structs.replace(aimed, attempts=0)


def void_unasked(payment: Payment) -> Move:
    """End a payment for which the provider was never asked.

    Raises:
        IllegalMove: see `MOVES`.
    """
    return _move(payment, PaymentStatus.VOIDED)


def take_over(payment: Payment, truth: Truth) -> list[Move]:
    """Make the moves that lead to where the provider says the charge is; none if it was overtaken.

    Raises:
        IllegalMove: no way leads there.
    """
    moves: list[Move] = []
    for to in _way(payment, truth):
        if to is payment.status or payment.status in _BEYOND[to]:
            continue
        known = msgspec.structs.replace(
            payment, provider_reference=truth.reference or payment.provider_reference
        )
        reason = truth.reason if isinstance(truth, Declined) else None
        moves.append(_move(known, to, reason=reason))
        payment = moves[-1].payment
    return moves


def restarted(before: Payment, after: Payment) -> Payment:
    """Begin to count anew if something else is to be asked for now."""
    step = next_step(after)
    if step is None or step is next_step(before):
        return after
    return msgspec.structs.replace(after, attempts=0)


def tell(payment: Payment, told: PaymentStatus) -> Payment:
    """Note what a webhook says, if that is news."""
    heard = msgspec.structs.replace(payment, told=told)
    return heard if has_news(heard) else payment


def has_news(payment: Payment) -> bool:
    """Whether a webhook told of a state that still lies ahead; of refunds it tells otherwise."""
    return payment.status not in TAKEN and payment.told in _BEYOND[payment.status]


def is_due(payment: Payment) -> bool:
    """Whether there is something to ask the provider."""
    return next_step(payment) is not None or has_news(payment)


def looks_first(payment: Payment) -> bool:
    """Whether the provider is to be asked what it knows before anything is asked of it."""
    wants_nothing = payment.status is PaymentStatus.REQUESTED and payment.goal is Goal.RELEASE
    return (
        payment.told is not None
        or payment.is_key_old
        or wants_nothing
        or payment.attempts > UNCERTAIN_AT_MOST
    )


def shown(payment: Payment) -> contract.Payment:
    """What the world sees of it."""
    return contract.Payment(
        id=payment.id,
        order_id=payment.order_id,
        amount=payment.amount.amount,
        status=payment.status,
        attempts=payment.attempts,
        created_at=payment.created_at,
        captured=payment.captured.amount,
        refunded=payment.refunded.amount,
        currency=payment.amount.currency,
        provider_reference=payment.provider_reference,
        decline_reason=payment.decline_reason,
    )


def moved(payment: Payment, to: PaymentStatus) -> Payment:
    """Make a move of the table.

    Raises:
        IllegalMove: it is not in the table.
    """
    if to not in MOVES[payment.status]:
        raise IllegalMove(f"Payment {payment.id} is {payment.status} and can't become {to}.")
    return msgspec.structs.replace(payment, status=to, version=payment.version + 1)


def _way(payment: Payment, truth: Truth) -> tuple[PaymentStatus, ...]:
    match truth:
        case Authorized():
            return (PaymentStatus.AUTHORIZED,)
        case Captured():
            return (PaymentStatus.AUTHORIZED, PaymentStatus.CAPTURED)
        case Canceled():
            return (PaymentStatus.VOIDED,)
        case Declined() if payment.goal is Goal.RELEASE:  # nobody waits for the card any more
            return (PaymentStatus.VOIDED,)
        case Declined():
            return (PaymentStatus.DECLINED,)


def _move(payment: Payment, to: PaymentStatus, *, reason: str | None = None) -> Move:
    after = moved(payment, to)
    match to:
        case PaymentStatus.AUTHORIZED:
            return Move(after, PaymentAuthorized(after.id, after.order_id, after.amount))
        case PaymentStatus.CAPTURED:
            taken = PaymentCaptured(after.id, after.order_id, after.user_id, after.amount)
            return Move(after, taken)
        case PaymentStatus.VOIDED:
            return Move(after, PaymentVoided(after.id, after.order_id, after.user_id))
        case _:
            why = reason or "declined"
            declined = msgspec.structs.replace(after, decline_reason=why)
            return Move(declined, PaymentDeclined(after.id, after.order_id, why))


def _beyond(status: PaymentStatus) -> frozenset[PaymentStatus]:
    reached, ahead = set[PaymentStatus](), set(MOVES[status])
    while ahead:
        each = ahead.pop()
        reached.add(each)
        ahead |= MOVES[each] - reached
    return frozenset(reached)


_ORDER = {goal: place for place, goal in enumerate(Goal)}
_BEYOND = {status: _beyond(status) for status in PaymentStatus}
"""Every state that can be reached from a state."""
