"""How long things take, in simulated minutes: lognormal fits to published figures.

The figures are those of 15,701 published orders: preparation has a median of 15 min, p10 5, p90 30
and p99 59; from restaurant to customer it is 7 min, p90 14. What nobody has published (how soon a
kitchen answers) is a guess, and says so.
"""

from math import exp, log
from random import Random

from ordereats.contracts.deliveries import Vehicle

_Z90 = 1.2816
"""The 90th percentile of a standard normal distribution; the 10th is its negative."""

_PREP_MEDIAN = 15.0
_PREP_SPREAD_BELOW = log(15 / 5) / _Z90
_PREP_SPREAD_ABOVE = 0.565
"""Between what p90 (0.541) and p99 (0.589) ask for: both come out within 6 %."""

_RIDE_MEDIAN = 7.0
_RIDE_SPREAD = log(14 / 7) / _Z90

METRES_PER_MINUTE = {
    Vehicle.FOOT: 80.0,
    Vehicle.BICYCLE: 250.0,
    Vehicle.SCOOTER: 370.0,
    Vehicle.CAR: 330.0,
}
"""In a city's centre, lights included."""

DETOUR = 1.3
"""Streets against the crow's flight."""


def prep_min(dice: Random) -> float:
    """From acceptance until the food is ready; fast kitchens are spread wider than slow ones."""
    z = dice.gauss(0, 1)
    spread = _PREP_SPREAD_BELOW if z < 0 else _PREP_SPREAD_ABOVE
    return _PREP_MEDIAN * exp(spread * z)


def ride_min(dice: Random) -> float:
    """From the restaurant to the customer's door."""
    return _RIDE_MEDIAN * exp(_RIDE_SPREAD * dice.gauss(0, 1))


def answer_min(dice: Random) -> float:
    """From an order's arrival in a kitchen until its answer. A guess: median 1, p90 2.6."""
    return exp(0.75 * dice.gauss(0, 1))


def way_min(metres: float, vehicle: Vehicle) -> float:
    """Of a courier who goes this far as the crow flies."""
    return metres * DETOUR / METRES_PER_MINUTE[vehicle]
