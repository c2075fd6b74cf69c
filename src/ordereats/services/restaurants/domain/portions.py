"""Portions that are kept for an order: a hold and its life. Pure."""

from collections.abc import Mapping
from enum import StrEnum

import msgspec

from ordereats.chassis.errors import Conflict, IllegalMove
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


class Hold(msgspec.Struct, frozen=True):
    """Portions that were taken off their dishes.

    Attributes:
        portions: how many were taken of which dish; dishes without a count are not among them.
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


def confirm(hold: Hold, order_id: OrderId, left: Mapping[DishId, int]) -> Hold:
    """The hold of an order that was placed.

    One that has lapsed takes its portions again as far as they are left, and is then of those: it
    never gives back what it did not take.

    Args:
        hold: which.
        order_id: whose it is now.
        left: how many there are of each dish that has a count; asked only if it has lapsed.

    Raises:
        IllegalMove: see `MOVES`.
    """
    confirmed = msgspec.structs.replace(move(hold, HoldState.CONFIRMED), order_id=order_id)
    if _is_taken(hold.state):
        return confirmed
    taken = {
        dish_id: min(count, left[dish_id])
        for dish_id, count in hold.portions.items()
        if left.get(dish_id)
    }
    return msgspec.structs.replace(confirmed, portions=taken)


def given_back(before: Hold, after: Hold) -> dict[DishId, int]:
    """What a move does to the portions of its dishes: below 0 it takes them."""
    if _is_taken(before.state) == _is_taken(after.state):
        return {}
    if _is_taken(before.state):
        return dict(before.portions)
    return {dish_id: -count for dish_id, count in after.portions.items()}


def check_again(hold: Hold, restaurant_id: RestaurantId) -> None:
    """Let the same attempt ask again, and refuse another use of its id.

    Raises:
        HoldReused: see there.
    """
    if hold.restaurant_id != restaurant_id or not _is_taken(hold.state):
        raise HoldReused(f"Hold {hold.id} was used before, and is {hold.state}.")


def _is_taken(state: HoldState) -> bool:
    return state in {HoldState.HELD, HoldState.CONFIRMED}
