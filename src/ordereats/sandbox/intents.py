"""Rules of a payment intent and its refunds. Pure: no I/O, no clock, no randomness."""

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from ordereats.sandbox.cards import CHALLENGED, DECLINED, Decline, known

LARGEST_AMOUNT = 99_999_999
"""Stripe's limit for one charge, in minor units."""


class Status(StrEnum):
    """Where an intent is, in Stripe's words."""

    REQUIRES_PAYMENT_METHOD = "requires_payment_method"
    REQUIRES_ACTION = "requires_action"
    REQUIRES_CAPTURE = "requires_capture"
    SUCCEEDED = "succeeded"
    CANCELED = "canceled"


class Kind(StrEnum):
    """What can happen to money."""

    AUTHORIZED = "authorized"
    CAPTURED = "captured"
    CANCELED = "canceled"
    REFUNDED = "refunded"
    REFUND_FAILED = "refund_failed"
    DECLINED = "declined"


EVENTS: Mapping[Kind, str] = {
    Kind.AUTHORIZED: "payment_intent.amount_capturable_updated",
    Kind.CAPTURED: "payment_intent.succeeded",
    Kind.CANCELED: "payment_intent.canceled",
    Kind.DECLINED: "payment_intent.payment_failed",
    Kind.REFUNDED: "charge.refunded",
    Kind.REFUND_FAILED: "refund.failed",
}
"""What Stripe calls the event of each."""

MAY: Mapping[str, frozenset[Status]] = {
    "captured": frozenset({Status.REQUIRES_CAPTURE}),
    "canceled": frozenset(
        {Status.REQUIRES_PAYMENT_METHOD, Status.REQUIRES_ACTION, Status.REQUIRES_CAPTURE}
    ),
    "refunded": frozenset({Status.SUCCEEDED}),
}
"""What may be done to an intent in which state. Everything else is refused and changes nothing."""


class Intent(Struct, frozen=True):
    """One attempt to be paid. Amounts are in minor units, times in Unix seconds.

    Attributes:
        charge: what the card's bank was asked; none while the cardholder has yet to confirm.
        amount_capturable: reserved on the card, not taken yet.
        amount_received: taken, with what was given back since.
        failure: why the card was declined.
    """

    id: str
    amount: int
    currency: str
    capture_method: str
    status: Status
    created: int
    payment_method: str | None = None
    charge: str | None = None
    amount_capturable: int = 0
    amount_received: int = 0
    amount_refunded: int = 0
    metadata: Mapping[str, str] = {}
    description: str | None = None
    failure: Decline | None = None
    canceled_at: int | None = None
    cancellation_reason: str | None = None


class Refund(Struct, frozen=True):
    """Money given back.

    Attributes:
        failure_reason: why it came back afterwards, if it did.
    """

    id: str
    intent: str
    charge: str
    amount: int
    currency: str
    created: int
    reason: str | None = None
    metadata: Mapping[str, str] = {}
    failure_reason: str | None = None


class Movement(Struct, frozen=True):
    """One line of the ledger to be: what happened to how much."""

    kind: Kind
    amount: int


class Refused(Exception):  # it is an answer: a "no", not a fault
    """Stripe's "no".

    Attributes:
        status: of the HTTP answer.
        kind: Stripe's `type` of the error.
        code: stable; Stripe has none for some refusals.
        param: the parameter that is to blame.
        intent: the intent as it is, for the answer's body.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        kind: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
        intent: Intent | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.kind = kind
        self.code = code
        self.param = param
        self.intent = intent


def confirm(intent: Intent, card: str, *, charge: str) -> tuple[Intent, tuple[Movement, ...]]:
    """Ask the card's bank, which answers by the name of the test card.

    Args:
        intent: a new one.
        card: the name of one of Stripe's test payment methods.
        charge: the id of the charge, should one be made.

    Raises:
        Refused: no such card, or more than Stripe charges at once.
    """
    if intent.amount > LARGEST_AMOUNT:
        raise Refused(
            f"Amount must be no more than {LARGEST_AMOUNT}.",
            code="amount_too_large",
            param="amount",
        )
    if not known(card):
        raise no_such("PaymentMethod", card, param="payment_method", status=400)
    if card in CHALLENGED:
        return replace(intent, status=Status.REQUIRES_ACTION, payment_method=card), ()
    if failure := DECLINED.get(card):
        declined = replace(intent, charge=charge, failure=failure)
        return declined, (Movement(Kind.DECLINED, intent.amount),)
    held = replace(
        intent,
        status=Status.REQUIRES_CAPTURE,
        payment_method=card,
        charge=charge,
        amount_capturable=intent.amount,
    )
    authorized = Movement(Kind.AUTHORIZED, intent.amount)
    if intent.capture_method == "manual":
        return held, (authorized,)
    taken, captured = capture(held, None)
    return taken, (authorized, captured)


def capture(intent: Intent, amount: int | None) -> tuple[Intent, Movement]:
    """Take the reserved money, or a part of it; the rest is released.

    Raises:
        Refused: not in a state to be captured, or more than is reserved.
    """
    _check(intent, "captured")
    wanted = intent.amount_capturable if amount is None else amount
    if wanted > intent.amount_capturable:
        raise Refused(
            f"{wanted} is more than the {intent.amount_capturable} that can be captured.",
            code="amount_too_large",
            param="amount_to_capture",
            intent=intent,
        )
    taken = replace(intent, status=Status.SUCCEEDED, amount_capturable=0, amount_received=wanted)
    return taken, Movement(Kind.CAPTURED, wanted)


def cancel(intent: Intent, reason: str | None, *, at: int) -> tuple[Intent, Movement]:
    """Give the intent up and release what is reserved.

    Raises:
        Refused: not in a state to be canceled.
    """
    _check(intent, "canceled")
    canceled = replace(
        intent,
        status=Status.CANCELED,
        amount_capturable=0,
        canceled_at=at,
        cancellation_reason=reason,
    )
    return canceled, Movement(Kind.CANCELED, intent.amount_capturable)


def refund(intent: Intent, amount: int | None) -> tuple[Intent, Movement]:
    """Give back what was taken, or a part of it; never more.

    Raises:
        Refused: nothing was taken, or not as much is left.
    """
    if intent.status not in MAY["refunded"]:
        raise Refused(
            f"This PaymentIntent ({intent.id}) has no successful charge to refund.",
            param="payment_intent",
        )
    left = intent.amount_received - intent.amount_refunded
    if left == 0:
        raise Refused(
            f"Charge {intent.charge} has already been refunded.", code="charge_already_refunded"
        )
    wanted = left if amount is None else amount
    if wanted > left:  # the one refusal of these for which Stripe has no code
        raise Refused(
            f"Refund amount ({wanted}) is greater than unrefunded amount on charge ({left}).",
            param="amount",
        )
    return replace(intent, amount_refunded=intent.amount_refunded + wanted), Movement(
        Kind.REFUNDED, wanted
    )


def fail_refund(intent: Intent, given: Refund) -> tuple[Intent, Refund, Movement]:
    """Take a refund back that had succeeded: the customer's bank knows that card no more.

    Raises:
        Refused: it has failed already.
    """
    if given.failure_reason is not None:
        raise Refused(f"Refund {given.id} has failed already.", param="id")
    left = replace(intent, amount_refunded=intent.amount_refunded - given.amount)
    failed = replace(given, failure_reason="expired_or_canceled_card")
    return left, failed, Movement(Kind.REFUND_FAILED, given.amount)


def no_such(thing: str, name: str, *, param: str, status: int = 404) -> Refused:
    """What is asked for does not exist."""
    return Refused(
        f"No such {thing}: '{name}'", status=status, code="resource_missing", param=param
    )


def _check(intent: Intent, done: str) -> None:
    allowed = MAY[done]
    if intent.status not in allowed:
        raise Refused(
            f"This PaymentIntent can't be {done} because it has a status of {intent.status}; "
            f"it would need one of: {', '.join(sorted(allowed))}.",
            code="payment_intent_unexpected_state",
            intent=intent,
        )
