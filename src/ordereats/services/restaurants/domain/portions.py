"""Portions that are kept for an order: a hold and its life. Pure."""

from collections.abc import Mapping
from enum import StrEnum

import msgspec

from ordereats.chassis.errors import Conflict
from ordereats.contracts.ids import DishId, HoldId, OrderId, RestaurantId


class HoldState(StrEnum):
    """Where a hold is in its life."""

    HELD = "held"
    CONFIRMED = "confirmed"
    LAPSED = "lapsed"
    RELEASED = "released"


MOVES: Mapping[HoldState, frozenset[HoldState]] = {
    HoldState.HELD: frozenset({HoldState.CONFIRMED, HoldState.LAPSED}),
    HoldState.LAPSED: frozenset({HoldState.CONFIRMED}),
    HoldState.CONFIRMED: frozenset({HoldState.RELEASED}),
    HoldState.RELEASED: frozenset(),
}
"""Where a hold may go. One that has lapsed is confirmed by an order that was heard of too late."""


class HoldReused(Conflict, code="hold_reused"):
    """The same id came for another restaurant, or after its time."""


class IllegalMove(Conflict, code="illegal_move"):
    """The hold is in a state from which it can't go there."""


class Hold(msgspec.Struct, frozen=True):
    """Portions that were taken off their dishes.

    Attributes:
        portions: how many of which dish; dishes without a count are not among them.
    """

    id: HoldId
    restaurant_id: RestaurantId
    portions: Mapping[DishId, int]
    state: HoldState = HoldState.HELD
    order_id: OrderId | None = None


def move(hold: Hold, to: HoldState) -> Hold:
    """The hold in another state.

    Raises:
        IllegalMove: see `MOVES`.
    """
    if to not in MOVES[hold.state]:
        raise IllegalMove(f"Hold {hold.id} is {hold.state} and can't become {to}.")
    return msgspec.structs.replace(hold, state=to)


def confirm(hold: Hold, order_id: OrderId) -> Hold:
    """The hold of an order that was placed.

    Raises:
        IllegalMove: see `MOVES`.
    """
    return msgspec.structs.replace(move(hold, HoldState.CONFIRMED), order_id=order_id)


def given_back(before: HoldState, after: HoldState) -> int:
    """What a move does to the portions of its dishes: 1 back, -1 taken again, 0 nothing."""
    return int(_is_taken(before)) - int(_is_taken(after))


def check_again(hold: Hold, restaurant_id: RestaurantId) -> None:
    """Let the same attempt ask again, and refuse another use of its id.

    Raises:
        HoldReused: see there.
    """
    if hold.restaurant_id != restaurant_id or not _is_taken(hold.state):
        raise HoldReused(f"Hold {hold.id} was used before, and is {hold.state}.")


def _is_taken(state: HoldState) -> bool:
    return state in {HoldState.HELD, HoldState.CONFIRMED}
