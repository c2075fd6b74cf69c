"""What a courier may be refused, each with its code. Pure."""

from ordereats.chassis.errors import Conflict


class IllegalMove(Conflict, code="illegal_move"):
    """The delivery is in a state from which it can't go there."""


class NotYours(Conflict, code="not_yours"):
    """It is offered, or was given, to another courier."""


class OfferLapsed(Conflict, code="offer_lapsed"):
    """The offer stands no more."""


class NotReady(Conflict, code="not_ready"):
    """The kitchen has not said yet that the food waits."""


class TooFar(Conflict, code="too_far"):
    """The courier is not where the food is to be handed over."""
