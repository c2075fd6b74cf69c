"""Time in for restaurants: calendars to unroll, portions that nobody ordered in time."""

from functools import partial

from ordereats.chassis.background import Job
from ordereats.services.restaurants.use_cases import baskets, restaurants
from ordereats.services.restaurants.use_cases.deps import Deps


def jobs(deps: Deps) -> list[Job]:
    """What restaurants does by itself."""
    return [
        Job("unroll_hours", partial(restaurants.unroll_due, deps), every_s=60),
        Job("lapse_holds", partial(baskets.lapse_due, deps), every_s=1),
        Job("forget_holds", partial(baskets.forget_old, deps), every_s=600),
    ]
