"""Stripe's test payment methods and what each one's bank says. Data only."""

from collections.abc import Mapping

from msgspec import Struct


class Decline(Struct, frozen=True):
    """A bank's "no", in the words of Stripe's card errors.

    Attributes:
        decline_code: the bank's reason, where `code` is only `card_declined`.
        param: the part of the card that is to blame.
    """

    code: str
    message: str
    decline_code: str | None = None
    param: str | None = None


def known(card: str) -> bool:
    """Whether it is the name of a test card at all."""
    return card in APPROVED or card in DECLINED or card in CHALLENGED


APPROVED = frozenset({"pm_card_visa", "pm_card_mastercard"})

CHALLENGED = frozenset({"pm_card_authenticationRequired"})
"""The cardholder would have to confirm first, and nobody does in the sandbox."""

_GENERIC = Decline("card_declined", "Your card was declined.", "generic_decline")
_FUNDS = Decline("card_declined", "Your card has insufficient funds.", "insufficient_funds")
_LOST = Decline("card_declined", "Your card was declined.", "lost_card")
_STOLEN = Decline("card_declined", "Your card was declined.", "stolen_card")
_EXPIRED = Decline("expired_card", "Your card has expired.", param="exp_month")
_CVC = Decline("incorrect_cvc", "Your card's security code is incorrect.", param="cvc")
_FAULT = Decline("processing_error", "An error occurred while processing your card.")

DECLINED: Mapping[str, Decline] = {
    # As Stripe's page on testing names them.
    "pm_card_visa_chargeDeclined": _GENERIC,
    "pm_card_visa_chargeDeclinedInsufficientFunds": _FUNDS,
    "pm_card_visa_chargeDeclinedLostCard": _LOST,
    "pm_card_visa_chargeDeclinedStolenCard": _STOLEN,
    "pm_card_chargeDeclinedExpiredCard": _EXPIRED,
    "pm_card_chargeDeclinedIncorrectCvc": _CVC,
    "pm_card_chargeDeclinedProcessingError": _FAULT,
    # The same without the brand, an older spelling that is still in use.
    "pm_card_chargeDeclined": _GENERIC,
    "pm_card_chargeDeclinedInsufficientFunds": _FUNDS,
    "pm_card_chargeDeclinedLostCard": _LOST,
    "pm_card_chargeDeclinedStolenCard": _STOLEN,
}
