"""What orders counts of its business: moves, ends, how long each state lasts, what is open now."""

from functools import partial

from prometheus_client.metrics_core import GaugeMetricFamily

from ordereats.chassis.db.pool import Database
from ordereats.chassis.messaging.lag import MOST_COUNTED
from ordereats.chassis.telemetry.asking import asked
from ordereats.chassis.telemetry.instruments import Counter, Durations
from ordereats.chassis.telemetry.metrics import Families, Source
from ordereats.contracts.orders import CancelledBy, OrderStatus
from ordereats.services.orders import domain, store
from ordereats.services.orders.domain import Order

STATUS_BOUNDS_S = (1, 5, 15, 30, 60, 120, 300, 600, 900, 1200, 1800, 3600, 7200)
"""From an answer of the provider to twice the longest that an order may wait for something."""
DOOR_BOUNDS_S = (300, 600, 900, 1200, 1500, 1800, 2100, 2400, 2700, 3000, 3600, 4500, 5400, 7200)
"""Around the half-hour that most take, in steps of five minutes."""

OPEN = tuple(status for status in OrderStatus if status not in domain.ENDS)

WHYS = {
    OrderStatus.DELIVERED: ("delivered",),
    OrderStatus.DECLINED: ("card",),
    OrderStatus.REJECTED: ("kitchen",),
    OrderStatus.EXPIRED: ("unpaid", "unaccepted"),
    OrderStatus.CANCELLED: ("customer", "operator", domain.NO_COURIER, domain.NO_ANSWER),
}
"""Why an order may end so. What a person gave as a reason is no label: it is anybody's text."""


class Figures:
    """The counters of one process."""

    def __init__(self) -> None:
        self._moves = Counter(
            "ordereats_order_moves",
            "Orders that came into this state; pending: that were placed.",
            ("status",),
            known=[(each.value,) for each in OrderStatus],
        )
        self._ends = Counter(
            "ordereats_orders_ended",
            "Orders that ended, and why.",
            ("status", "why"),
            known=[(status.value, why) for status, whys in WHYS.items() for why in whys],
        )
        self._lasted = Durations(
            "ordereats_order_status_seconds",
            "How long orders were in a state, by the state that they went to.",
            ("status", "next"),
            bounds_s=STATUS_BOUNDS_S,
        )
        self._click_to_door = Durations(
            "ordereats_order_click_to_door_seconds",
            "From the placing of an order to its delivery.",
            bounds_s=DOOR_BOUNDS_S,
            known=[()],
        )

    def placed(self, count: int) -> None:
        """Orders were stored."""
        self._moves.note(OrderStatus.PENDING.value, by=count)

    def moved(self, before: Order, after: Order) -> None:
        """An order was moved."""
        lasted_s = (after.updated_at - before.updated_at).total_seconds()
        self._moves.note(after.status.value)
        self._lasted.note(lasted_s, before.status.value, after.status.value)
        if after.status in domain.ENDS:
            self._ends.note(after.status.value, why(before, after))
        if after.status is OrderStatus.DELIVERED:
            self._click_to_door.note((after.updated_at - after.created_at).total_seconds())

    def sources(self, database: Database) -> list[Source]:
        """All that orders shows."""
        counted = (self._moves, self._ends, self._lasted, self._click_to_door)
        return [*(each.families for each in counted), partial(open_orders, database)]


def why(before: Order, after: Order) -> str:
    """The class of the reason for which an order ended: one of `WHYS`."""
    if after.status is OrderStatus.EXPIRED:
        return "unpaid" if before.status is OrderStatus.PENDING else "unaccepted"
    if after.status is not OrderStatus.CANCELLED:
        return WHYS[after.status][0]
    if after.cancelled_by is CancelledBy.PLATFORM:
        return domain.NO_ANSWER if after.reason == domain.NO_ANSWER else domain.NO_COURIER
    return "operator" if after.cancelled_by is CancelledBy.OPERATOR else "customer"


async def open_orders(database: Database) -> Families:
    """How many orders are in each state that is no end, and for how long the first has been."""
    ask = partial(store.open_orders, database, OPEN, limit=MOST_COUNTED)
    found = await asked(ask) or []
    count = GaugeMetricFamily(
        "ordereats_orders_open",
        f"Orders that have not ended, counted up to {MOST_COUNTED} in each state.",
        labels=("status",),
    )
    oldest = GaugeMetricFamily(
        "ordereats_orders_oldest_seconds",
        "How long the one that has been in this state longest has been in it.",
        labels=("status",),
    )
    for each in found:
        count.add_metric((each.status,), each.orders)
        oldest.add_metric((each.status,), each.oldest_s)
    return [count, oldest]
