"""What a courier may be refused, each with its code. Pure."""

from ordereats.chassis.errors import Conflict


class NotYours(Conflict, code="not_yours"):
    """It is offered, or was given, to another courier."""


class OfferLapsed(Conflict, code="offer_lapsed"):
    """The offer stands no more."""


class NotReady(Conflict, code="not_ready"):
    """The kitchen has not said yet that the food waits."""


class TooFar(Conflict, code="too_far"):
    """The courier is not where the food is to be handed over."""
