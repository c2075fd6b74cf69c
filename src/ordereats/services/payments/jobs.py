"""Time in for payments: money that is due to be asked for."""

from functools import partial

from ordereats.chassis.background import Hint, Job
from ordereats.services.payments import use_cases


def jobs(deps: use_cases.Deps, hint: Hint) -> list[Job]:
    """What payments does by itself."""
    authorize = partial(use_cases.authorize_due, deps)
    return [Job("authorize_payments", authorize, every_s=0.5, hint=hint)]
