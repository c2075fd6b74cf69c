"""What the use cases of deliveries need."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from ordereats.chassis.clock import Clock
from ordereats.chassis.coalescing import Coalescer
from ordereats.chassis.db.pool import Database
from ordereats.chassis.http.idempotency import Answers
from ordereats.chassis.messaging.outbox import Outbox
from ordereats.contracts.deliveries import EstimatedFrom
from ordereats.contracts.ids import CourierId
from ordereats.contracts.places import Location, Place
from ordereats.services.deliveries.clients import Routes
from ordereats.services.deliveries.use_cases.figures import Figures


@dataclass(frozen=True, slots=True)
class Deps:
    """What deliveries needs.

    Attributes:
        positions: notes where couriers are, those of the same moment in one statement.
        wake_offers: says that a courier may be asked.
        offer_for: how long an offer stands.
        find_within: how long a courier is looked for.
        figures: of this process.
    """

    database: Database
    outbox: Outbox
    answers: Answers
    clock: Clock
    routes: Routes
    positions: Coalescer[tuple[CourierId, Location], None]
    wake_offers: Callable[[], None]
    offer_for: timedelta
    find_within: timedelta
    figures: Figures = field(default_factory=Figures)


def way_m(routes: Routes, one: Location | None, other: Location | None) -> float | None:
    """How far it is; None where one of the places is not known."""
    return None if one is None or other is None else routes.metres(one, [other])[0]


def estimated_from(routes: Routes, one: Location | None, other: Location | None) -> EstimatedFrom:
    """What such a length goes by."""
    if one is None or other is None:
        return EstimatedFrom.USUAL
    is_known = routes.knows_streets(one, other)
    return EstimatedFrom.STREETS if is_known else EstimatedFrom.CROW_FLIES


def located(place: Place | None) -> Location | None:
    """Where a place is, if that is known."""
    return None if place is None else place.location
