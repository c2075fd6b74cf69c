"""How long things take: the ways of couriers, and the two times that a customer is told. Pure."""

from datetime import datetime, timedelta
from math import asin, cos, hypot, radians, sin, sqrt

import msgspec

from ordereats.contracts.deliveries import Vehicle
from ordereats.contracts.places import Location

SPEED_M_S = {Vehicle.FOOT: 1.4, Vehicle.BICYCLE: 4.2, Vehicle.SCOOTER: 6.0, Vehicle.CAR: 5.6}
"""Over a whole way in a city, stops included: 5, 15, 22 and (with finding a place to park) 20 km/h.
Our own assumption; set it by what your couriers do."""
HAND_OVER_S = 60.0
"""At the restaurant's counter, and again at the customer's door."""
UNKNOWN_WAY_S = 420.0
"""Where a place is not known: the median from restaurant to customer of 15,701 published orders."""
EARTH_M = 6_371_008.8


class Times(msgspec.Struct, frozen=True):
    """What a customer is told.

    Attributes:
        estimated_at: when they most likely have it.
        latest_at: by when they have it in nine of ten cases.
    """

    estimated_at: datetime
    latest_at: datetime


def expected(
    *, now: datetime, ready_at: datetime | None, approach_s: float | None, carry_s: float
) -> Times:
    """When the customer has it, and by when at the latest.

    The food leaves when it is cooked and the courier is there, whichever is later, and each of the
    two hand-overs takes its time. Of each part the ninth time in ten is as far above its median as
    the median is above nothing (published: preparation 15 and 30 min, the way 7 and 14 min); parts
    are independent, so their spreads add up as squares.

    Args:
        now: the time.
        ready_at: when the food is promised; None: it waits already.
        approach_s: how long the courier needs to the restaurant; None: they have the food.
        carry_s: how long they need from there to the customer.
    """
    cooking_s = 0.0 if ready_at is None else max(0.0, (ready_at - now).total_seconds())
    until_pick_up_s = 0.0
    if approach_s is not None:
        until_pick_up_s = max(cooking_s, approach_s) + HAND_OVER_S
    most_likely_s = until_pick_up_s + carry_s + HAND_OVER_S
    spread_s = hypot(until_pick_up_s, carry_s)
    return Times(
        now + timedelta(seconds=most_likely_s),
        now + timedelta(seconds=most_likely_s + spread_s),
    )


def way_s(metres: float | None, vehicle: Vehicle) -> float:
    """How long a courier needs for a way of so many metres; None: not known."""
    return UNKNOWN_WAY_S if metres is None else metres / SPEED_M_S[vehicle]


def crow_m(one: Location, other: Location) -> float:
    """As the crow flies: the great circle (haversine), good to 0.5 %."""
    lat, other_lat = radians(one.lat), radians(other.lat)
    half = sin((other_lat - lat) / 2) ** 2
    half += cos(lat) * cos(other_lat) * sin(radians(other.lon - one.lon) / 2) ** 2
    return 2 * EARTH_M * asin(sqrt(min(1.0, half)))
