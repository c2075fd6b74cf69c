"""What deliveries counts of its business: offers by what became of them, and who is at work."""

from functools import partial

from prometheus_client.metrics_core import GaugeMetricFamily

from ordereats.chassis.db.pool import Database
from ordereats.chassis.messaging.lag import MOST_COUNTED
from ordereats.chassis.telemetry.asking import asked
from ordereats.chassis.telemetry.instruments import Counter
from ordereats.chassis.telemetry.metrics import Families, Source
from ordereats.services.deliveries.store import couriers, deliveries

OUTCOMES = ("made", "accepted", "declined", "lapsed", "given_back")


class Figures:
    """The counters of one process.

    Attributes:
        offers: to couriers; given back: by one who has stopped working, before the food was theirs.
    """

    def __init__(self) -> None:
        self.offers = Counter(
            "ordereats_offers",
            "Offers to couriers that were made, and by what became of them.",
            ("outcome",),
            known=[(each,) for each in OUTCOMES],
        )

    def sources(self, database: Database) -> list[Source]:
        """All that deliveries shows."""
        return [self.offers.families, partial(at_work, database)]


async def at_work(database: Database) -> Families:
    """Couriers who are online, and deliveries that are not over."""
    online = GaugeMetricFamily(
        "ordereats_couriers_online", f"Couriers who work now, counted up to {MOST_COUNTED}."
    )
    count = await asked(partial(couriers.count_online, database, limit=MOST_COUNTED))
    if count is not None:
        online.add_metric((), count)
    open_ones = GaugeMetricFamily(
        "ordereats_deliveries_open",
        f"Deliveries that are not over, by their state, counted up to {MOST_COUNTED}.",
        labels=("status",),
    )
    found = await asked(partial(deliveries.count_open, database, limit=MOST_COUNTED))
    for status, number in (found or {}).items():
        open_ones.add_metric((status,), number)
    return [online, open_ones]
