"""Time in for orders: what was not paid or answered in time, and what others did."""

from functools import partial

from ordereats.chassis.background import Job
from ordereats.services.orders.use_cases import moving
from ordereats.services.orders.use_cases.deps import Deps
from ordereats.services.orders.use_cases.last_known import NOTED_EVERY_S

LOOK_S = 0.3
"""How long a move of another process stays unseen by a stream of this one, at most."""


def jobs(deps: Deps) -> list[Job]:
    """What orders does by itself."""
    return [
        Job("expire_unpaid_orders", partial(moving.expire_unpaid, deps), every_s=1),
        Job("cancel_unanswered_orders", partial(moving.cancel_unanswered, deps), every_s=1),
        Job("note_confirmed", deps.last_known.note_confirmed, every_s=NOTED_EVERY_S),
        Job("feed_order_streams", deps.streams.look, every_s=LOOK_S, hint=deps.streams.hint),
    ]
