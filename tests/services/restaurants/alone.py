"""What the use cases of restaurants need, on a database and in no process."""

from typing import Any

from ordereats.chassis.clock import SystemClock
from ordereats.chassis.db.pool import Database
from ordereats.chassis.http.idempotency import Answers
from ordereats.chassis.messaging.outbox import Outbox
from ordereats.contracts.pricing import Tariff
from ordereats.services.restaurants.use_cases.deps import Deps
from support.builders import nothing

CLOCK = SystemClock()
NOBODY_ASKS: Any = None


def deps_on(database: Database) -> Deps:
    """No job works on it, and nobody asks at the same moment."""
    return Deps(
        database=database,
        outbox=Outbox("restaurants", CLOCK, nothing),
        answers=Answers(database),
        clock=CLOCK,
        found=NOBODY_ASKS,
        pages=NOBODY_ASKS,
        tariff=Tariff(),
        held_for_s=900,
    )
