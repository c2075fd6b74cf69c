"""What the use cases of orders stand on."""

from dataclasses import dataclass, field
from datetime import timedelta

from ordereats.chassis.clock import Clock
from ordereats.chassis.coalescing import Coalescer
from ordereats.chassis.db.pool import Database
from ordereats.chassis.http.idempotency import Answers
from ordereats.chassis.messaging.outbox import Outbox
from ordereats.chassis.telemetry.spans import Spans, off
from ordereats.contracts.ids import OrderId
from ordereats.services.orders.clients import Kitchen, Menus
from ordereats.services.orders.domain import Order
from ordereats.services.orders.use_cases.figures import Figures
from ordereats.services.orders.use_cases.last_known import LastKnown
from ordereats.services.orders.use_cases.placements import Draft
from ordereats.services.orders.use_cases.streams import Streams


@dataclass(frozen=True, slots=True)
class Deps:
    """What orders needs.

    Attributes:
        last_known: asks users and restaurants, and knows what they said last.
        placements: stores orders, those of the same moment in one commit.
        found: reads orders, those of the same moment in one statement.
        answer_within: how long a paid order waits to hear of its kitchen.
        streams: tells those who follow an order of its moves.
        figures: of this process.
        spans: where it is noted what is done when it is due.
    """

    database: Database
    outbox: Outbox
    answers: Answers
    clock: Clock
    last_known: LastKnown
    menus: Menus
    kitchen: Kitchen
    placements: Coalescer[Draft, Order]
    found: Coalescer[OrderId, Order]
    answer_within: timedelta
    streams: Streams
    figures: Figures = field(default_factory=Figures)
    spans: Spans = field(default_factory=off)
