"""What payments needs."""

from collections.abc import Callable
from dataclasses import dataclass, field

from ordereats.chassis.clock import Clock
from ordereats.chassis.db.pool import Database
from ordereats.chassis.http.idempotency import Answers
from ordereats.chassis.messaging.outbox import Outbox
from ordereats.chassis.telemetry.spans import Spans, off
from ordereats.services.payments.clients import Provider
from ordereats.services.payments.use_cases.figures import Figures


@dataclass(frozen=True, slots=True)
class Deps:
    """What payments needs.

    Attributes:
        wake_jobs: says that something is due at the provider.
        spans: where it is noted what is done when it is due.
        lease_s: longer than the provider may take; a process that dies delays its work by it.
        figures: of this process.
    """

    database: Database
    outbox: Outbox
    answers: Answers
    clock: Clock
    provider: Provider
    wake_jobs: Callable[[], None]
    lease_s: float
    figures: Figures = field(default_factory=Figures)
    spans: Spans = field(default_factory=off)
