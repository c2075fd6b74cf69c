"""Time in for kitchen: tickets that nobody has accepted in time."""

from functools import partial

from ordereats.chassis.background import Job
from ordereats.services.kitchen import use_cases


def jobs(deps: use_cases.Deps) -> list[Job]:
    """What kitchen does by itself."""
    return [Job("expire_tickets", partial(use_cases.expire_due, deps), every_s=0.5)]
