"""Time in for payments: what is due at the provider, and what may be forgotten."""

from functools import partial

from ordereats.chassis.background import Hint, Job
from ordereats.services.payments.use_cases import due
from ordereats.services.payments.use_cases.deps import Deps


def jobs(deps: Deps, *, payments: Hint, refunds: Hint) -> list[Job]:
    """What payments does by itself."""
    return [
        Job(
            "payments_due",
            partial(due.payments_due, deps),
            every_s=0.5,
            hint=payments,
            due_in_s=partial(due.payments_due_in_s, deps),
        ),
        Job(
            "refunds_due",
            partial(due.refunds_due, deps),
            every_s=0.5,
            hint=refunds,
            due_in_s=partial(due.refunds_due_in_s, deps),
        ),
        Job("provider_events_cleanup", partial(due.forget_events, deps), every_s=600),
    ]
