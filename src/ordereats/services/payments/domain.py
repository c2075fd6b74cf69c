"""Rules of a payment. Pure: no I/O, no clock, no randomness."""

from collections.abc import Mapping
from datetime import datetime

import msgspec

from ordereats.chassis.errors import Conflict
from ordereats.contracts import payments as contract
from ordereats.contracts.ids import OrderId, PaymentId
from ordereats.contracts.money import Money
from ordereats.contracts.payments import PaymentAuthorized, PaymentDeclined, PaymentStatus

MOVES: Mapping[PaymentStatus, frozenset[PaymentStatus]] = {
    PaymentStatus.REQUESTED: frozenset({PaymentStatus.AUTHORIZED, PaymentStatus.DECLINED}),
    PaymentStatus.AUTHORIZED: frozenset(),
    PaymentStatus.DECLINED: frozenset(),
}
"""Where a payment may go from each state: its own machine, not the order's."""

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0


class IllegalMove(Conflict, code="illegal_move"):
    """The payment is in a state from which it can't go there."""


class Payment(msgspec.Struct, frozen=True):
    """The money of one order.

    Attributes:
        charge_key: what the provider knows this charge by.
        attempts: how often the provider was asked.
        correlation_id: of the request that the order came with; the job goes on under it.
        traceparent: likewise.
    """

    id: PaymentId
    order_id: OrderId
    amount: Money
    payment_method: str
    status: PaymentStatus
    charge_key: str
    attempts: int
    version: int
    created_at: datetime
    correlation_id: str
    traceparent: str | None = None
    provider_reference: str | None = None
    decline_reason: str | None = None


class Authorized(msgspec.Struct, frozen=True):
    """The provider reserved the money.

    Attributes:
        reference: the provider's id of the charge.
    """

    reference: str


class Declined(msgspec.Struct, frozen=True):
    """The provider said no, finally.

    Attributes:
        reason: its stable word for it.
        reference: its id of the attempt, if it made one.
    """

    reason: str
    reference: str | None


def settle(
    payment: Payment, outcome: Authorized | Declined
) -> tuple[Payment, PaymentAuthorized | PaymentDeclined]:
    """Take over what the provider answered.

    Raises:
        IllegalMove: see `MOVES`.
    """
    if isinstance(outcome, Authorized):
        authorized = _move(payment, PaymentStatus.AUTHORIZED, outcome.reference)
        return authorized, PaymentAuthorized(payment.id, payment.order_id, payment.amount)
    moved = _move(payment, PaymentStatus.DECLINED, outcome.reference)
    declined = msgspec.structs.replace(moved, decline_reason=outcome.reason)
    return declined, PaymentDeclined(payment.id, payment.order_id, outcome.reason)


def pause_s(attempts: int, *, share: float) -> float:
    """How long to leave the provider alone after so many attempts.

    Args:
        attempts: made so far, from 1.
        share: from 0 to 1, by chance, so that not everyone comes back at once.
    """
    longest = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** min(attempts - 1, 10))
    return longest * (0.5 + share / 2)


def shown(payment: Payment) -> contract.Payment:
    """What the world sees of it."""
    return contract.Payment(
        id=payment.id,
        order_id=payment.order_id,
        amount=payment.amount.amount,
        status=payment.status,
        attempts=payment.attempts,
        created_at=payment.created_at,
        currency=payment.amount.currency,
        provider_reference=payment.provider_reference,
        decline_reason=payment.decline_reason,
    )


def _move(payment: Payment, to: PaymentStatus, reference: str | None) -> Payment:
    if to not in MOVES[payment.status]:
        raise IllegalMove(f"Payment {payment.id} is {payment.status} and can't become {to}.")
    return msgspec.structs.replace(
        payment, status=to, version=payment.version + 1, provider_reference=reference
    )
