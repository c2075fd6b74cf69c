"""Time in for deliveries: couriers who are to be asked, and those who have not answered."""

from functools import partial

from ordereats.chassis.background import Hint, Job
from ordereats.services.deliveries.use_cases import couriers, search
from ordereats.services.deliveries.use_cases.deps import Deps


def jobs(deps: Deps, hint: Hint) -> list[Job]:
    """What deliveries does by itself."""
    return [
        Job("offer_deliveries", partial(search.offer, deps), every_s=1, hint=hint),
        Job("overdue_deliveries", partial(search.end_overdue, deps), every_s=0.5),
        Job("courier_traces_cleanup", partial(couriers.forget_traces, deps), every_s=600),
    ]
