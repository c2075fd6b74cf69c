"""A service is a value: what it answers, hears, does by itself and owns. It starts nothing."""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

from litestar.handlers import HTTPRouteHandler

from ordereats.chassis.background import Background, Job
from ordereats.chassis.calls.client import Calls
from ordereats.chassis.calls.edges import Edges
from ordereats.chassis.calls.in_process import Answerer
from ordereats.chassis.certificates import Certificates
from ordereats.chassis.clock import Clock
from ordereats.chassis.config import Environment
from ordereats.chassis.db.migrations import MigrationSet
from ordereats.chassis.db.pool import Database
from ordereats.chassis.http.health import Draining
from ordereats.chassis.http.idempotency import Answers
from ordereats.chassis.messaging.outbox import Outbox
from ordereats.chassis.messaging.subscriptions import Subscription
from ordereats.chassis.story import Tell
from ordereats.chassis.telemetry.metrics import Source
from ordereats.chassis.telemetry.spans import Spans, off


@dataclass(frozen=True, slots=True)
class Ports:
    """What a topology gives a service to build itself with.

    Attributes:
        edges: for what a service asks by itself, outside the platform: a provider, say.
        resources: closes, when the process stops, what a service opened.
        spans: what is done by itself is noted there, as a part of what it follows from.
        draining: says that it is about to stop: an answer that goes on by itself has to end now.
        certificates: is told when the one of somebody asked is not trusted.
    """

    database: Database
    outbox: Outbox
    answers: Answers
    calls: Calls
    edges: Edges
    clock: Clock
    background: Background
    environment: Environment
    resources: AsyncExitStack
    draining: Draining
    spans: Spans = field(default_factory=off)
    certificates: Certificates = field(default_factory=Certificates)


@dataclass(frozen=True, slots=True)
class Service:
    """What a topology may run, in whichever company.

    Attributes:
        name: also its folder, and the first part of its queues' names.
        routes: HTTP in.
        calls: the services that it asks; each is in the same process or has an address.
        answers: the calls of neighbours in the same process; over HTTP the routes answer them.
        subscriptions: events in.
        jobs: time in.
        metrics: of its business, read at the scrape.
        tells: what it knows of an order, if it keeps anything about orders.
    """

    name: str
    routes: Sequence[HTTPRouteHandler]
    calls: Sequence[str] = ()
    answers: Sequence[Answerer] = ()
    subscriptions: Sequence[Subscription] = ()
    jobs: Sequence[Job] = ()
    metrics: Sequence[Source] = ()
    tells: Tell | None = None


CHASSIS_TABLES = MigrationSet("chassis", Path(__file__).parent / "migrations")
"""Outbox, inbox and idempotency keys: one set in each database."""
