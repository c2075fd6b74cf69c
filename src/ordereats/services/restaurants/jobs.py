"""Time in for restaurants: calendars to unroll, prices to tell anew, portions to give back."""

from functools import partial

from ordereats.chassis.background import Job
from ordereats.services.restaurants.use_cases import baskets, restaurants
from ordereats.services.restaurants.use_cases.deps import Deps


def jobs(deps: Deps) -> list[Job]:
    """What restaurants does by itself."""
    return [
        Job("unroll_hours", partial(restaurants.unroll_due, deps), every_s=60),
        Job("tell_anew", partial(restaurants.tell_anew, deps), every_s=600),
        Job("lapse_holds", partial(baskets.lapse_due, deps), every_s=1),
        Job("forget_holds", partial(baskets.forget_old, deps), every_s=600),
    ]
