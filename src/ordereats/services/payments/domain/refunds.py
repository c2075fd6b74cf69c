"""Rules of a refund. Pure: no I/O, no clock, no randomness."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import TypeAlias

import msgspec

from ordereats.chassis.errors import Conflict, IllegalMove, Invalid
from ordereats.contracts import payments as contract
from ordereats.contracts.ids import OrderId, PaymentId, RefundId
from ordereats.contracts.money import AmountError, Money
from ordereats.contracts.payments import PaymentRefunded, PaymentStatus, RefundStatus
from ordereats.contracts.problems import FieldProblem
from ordereats.services.payments.domain.payments import (
    TAKEN,
    UNCERTAIN_AT_MOST,
    Payment,
    moved,
)

MOVES: Mapping[RefundStatus, frozenset[RefundStatus]] = {
    RefundStatus.REQUESTED: frozenset({RefundStatus.SUCCEEDED, RefundStatus.FAILED}),
    RefundStatus.SUCCEEDED: frozenset({RefundStatus.FAILED}),
    RefundStatus.FAILED: frozenset(),
}
"""Where a refund may go from each state. One that has succeeded may fail days later, when the
customer's bank sends the money back."""


class AboveCaptured(Conflict, code="above_captured"):
    """More is asked back than is left of what was taken."""

    def __init__(self, left: Money) -> None:
        super().__init__(f"At most {left} can still be refunded.")
        self.extension = {"refundable": left.amount}


class Refund(msgspec.Struct, frozen=True, kw_only=True):
    """Money that goes back to the customer.

    Attributes:
        charge: the provider's id of the charge.
        charge_key: what the provider knows the charge by.
        key: what the provider knows this refund by.
        attempts: how often the provider was asked.
        is_key_old: it was first asked so long ago that the provider may have forgotten the key.
        provider_reference: the provider's id of the refund, once there is one.
    """

    id: RefundId
    payment_id: PaymentId
    order_id: OrderId
    charge: str
    charge_key: str
    amount: Money
    status: RefundStatus
    reason: str
    key: str
    attempts: int
    created_at: datetime
    correlation_id: str
    is_key_old: bool = False
    traceparent: str | None = None
    provider_reference: str | None = None


class Refunded(msgspec.Struct, frozen=True):
    """The provider gave the money back."""

    reference: str


class Refused(msgspec.Struct, frozen=True):
    """The provider will not give it back, finally.

    Attributes:
        reason: its stable word for it.
    """

    reason: str
    reference: str | None = None


class Pending(msgspec.Struct, frozen=True):
    """The provider is about to; what becomes of it will be known later."""

    reference: str


Outcome: TypeAlias = Refunded | Refused | Pending
"""What the provider says has become of a refund."""


def amount_to_refund(payment: Payment, asked: Decimal | None, *, under_way: Money) -> Money:
    """How much goes back: what is asked, or all that is left.

    Args:
        payment: locked, so that no other refund comes between.
        asked: None for all.
        under_way: of refunds that were asked and are not done yet.

    Raises:
        Invalid: no amount that can be refunded.
        IllegalMove: nothing was taken.
        AboveCaptured: more than is left.
    """
    wanted = None if asked is None else _money(asked, payment.amount.currency)
    if payment.status not in TAKEN:
        raise IllegalMove(f"Payment {payment.id} is {payment.status}: there is nothing to refund.")
    left = left_of(payment, under_way=under_way)
    if left.minor == 0 or (wanted is not None and wanted.minor > left.minor):
        raise AboveCaptured(left)
    return wanted or left


def left_of(payment: Payment, *, under_way: Money) -> Money:
    """What can still be refunded."""
    left = payment.captured.minor - payment.refunded.minor - under_way.minor
    return Money(left, payment.amount.currency)


def succeed(
    payment: Payment, refund: Refund, reference: str
) -> tuple[Payment, Refund, PaymentRefunded]:
    """The money went back.

    Raises:
        IllegalMove: see the tables of both.
    """
    done = _moved(refund, RefundStatus.SUCCEEDED, reference)
    after = msgspec.structs.replace(
        moved(payment, PaymentStatus.REFUNDED), refunded=payment.refunded + refund.amount
    )
    fact = PaymentRefunded(
        payment_id=payment.id,
        order_id=payment.order_id,
        user_id=payment.user_id,
        refund_id=refund.id,
        amount=refund.amount,
        reason=refund.reason,
    )
    return after, done, fact


def fail(refund: Refund, reference: str | None) -> Refund:
    """The provider will not give it back.

    Raises:
        IllegalMove: see `MOVES`.
    """
    return _moved(refund, RefundStatus.FAILED, reference)


def come_back(payment: Payment, refund: Refund) -> Payment:
    """The money of a refund that had succeeded lies at the provider again.

    Raises:
        IllegalMove: see the table of payments.
    """
    left = Money(payment.refunded.minor - refund.amount.minor, payment.refunded.currency)
    to = PaymentStatus.REFUNDED if left.minor else PaymentStatus.CAPTURED
    return msgspec.structs.replace(moved(payment, to), refunded=left)


def looks_first(refund: Refund) -> bool:
    """Whether the provider is to be asked what it knows before anything is asked of it."""
    return (
        refund.provider_reference is not None
        or refund.is_key_old
        or refund.attempts > UNCERTAIN_AT_MOST
    )


def shown(refund: Refund) -> contract.Refund:
    """What the world sees of it."""
    return contract.Refund(
        id=refund.id,
        payment_id=refund.payment_id,
        amount=refund.amount.amount,
        status=refund.status,
        reason=refund.reason,
        created_at=refund.created_at,
        currency=refund.amount.currency,
    )


def _money(asked: Decimal, currency: str) -> Money:
    try:
        amount = Money.of(asked, currency)
    except AmountError as error:
        raise Invalid(FieldProblem("amount", str(error))) from None
    if amount.minor == 0:
        raise Invalid(FieldProblem("amount", "must be above 0"))
    return amount


def _moved(refund: Refund, to: RefundStatus, reference: str | None) -> Refund:
    if to not in MOVES[refund.status]:
        raise IllegalMove(f"Refund {refund.id} is {refund.status} and can't become {to}.")
    return msgspec.structs.replace(
        refund, status=to, provider_reference=reference or refund.provider_reference
    )
