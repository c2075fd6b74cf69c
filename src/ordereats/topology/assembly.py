"""Builds a group of services on real ports. It starts what they need and listens to nobody."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial

from litestar.types import ASGIApp

from ordereats.chassis.background import Background, Hint, Job, Jobs
from ordereats.chassis.calls.client import Calls, Transport
from ordereats.chassis.calls.edges import Edges, EdgeSettings
from ordereats.chassis.calls.http import Http
from ordereats.chassis.calls.in_process import InProcess
from ordereats.chassis.certificates import Certificates
from ordereats.chassis.clock import Clock, SystemClock
from ordereats.chassis.config import Environment
from ordereats.chassis.db.migrations import missing
from ordereats.chassis.db.pool import Database
from ordereats.chassis.errors import DatabaseError, DeadlineExceeded, Misconfigured
from ordereats.chassis.failpoints import FAILPOINTS
from ordereats.chassis.http.app import create_app
from ordereats.chassis.http.health import Check, Draining, State
from ordereats.chassis.http.idempotency import Answers
from ordereats.chassis.http.operations import Watched
from ordereats.chassis.http.requests import DoorSettings
from ordereats.chassis.http.shedding import Limiter
from ordereats.chassis.messaging.bus import Bus
from ordereats.chassis.messaging.connect import open_bus
from ordereats.chassis.messaging.inbox import Inbox
from ordereats.chassis.messaging.outbox import Outbox
from ordereats.chassis.messaging.relay import Relay
from ordereats.chassis.service import Ports, Service
from ordereats.chassis.skew import Skew
from ordereats.chassis.story import Stories
from ordereats.chassis.telemetry import buses
from ordereats.chassis.telemetry.databases import Databases
from ordereats.chassis.telemetry.effects import Effects
from ordereats.chassis.telemetry.export import Collector, exported
from ordereats.chassis.telemetry.metrics import Source
from ordereats.chassis.telemetry.spans import Spans, TraceSettings
from ordereats.topology import catalog, event_page, loading
from ordereats.topology.settings import Settings, by_database


@dataclass(frozen=True, slots=True)
class Assembled:
    """A group of services that is ready to begin; requests come to `app`.

    Attributes:
        checks: say whether it is ready.
        begin: lets it hear events and sweep, once its databases are up to date.
    """

    services: Sequence[Service]
    app: ASGIApp
    checks: Sequence[Check]
    bus: Bus
    jobs: Jobs
    relays: Sequence[Relay]
    draining: Draining
    begin: Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class _Common:
    """What all services of a process share."""

    environment: Environment
    background: Background
    bus: Bus
    calls: Calls
    edges: Edges
    clock: Clock
    jobs: Jobs
    resources: AsyncExitStack
    draining: Draining
    databases: Databases
    effects: Effects
    spans: Spans
    stories: Stories
    certificates: Certificates


@dataclass(frozen=True, slots=True)
class _OnDatabase:
    """The services of one database, and what is there once for each database."""

    services: Sequence[Service]
    relay: Relay
    inbox: Inbox
    jobs: Sequence[Job]
    checks: Sequence[Check]


@asynccontextmanager
async def assembled(
    environment: Environment, settings: Settings, sources: Sequence[Source] = ()
) -> AsyncIterator[Assembled]:
    """Build the group for the length of a block. It reaches for nothing until it begins.

    What `sources` say is shown at `/metrics` as well.

    Raises:
        Misconfigured: a service calls another that is neither here nor has an address.
    """
    async with AsyncExitStack() as stack:
        in_process = InProcess(through_codec=settings.strict_calls)
        transports = await _transports(stack, settings, in_process)
        common = await _common(stack, environment, settings, transports)
        groups = [
            await _on_database(common, url, names)
            for url, names in by_database(settings.databases).items()
        ]
        services = [service for each in groups for service in each.services]
        _check_calls(services, transports)
        FAILPOINTS.switch(environment)  # now that all modules that have one are here
        for service in services:
            in_process.add(service.answers)
        routes = [route for service in services for route in service.routes]
        routes += event_page.routes(services)
        door = DoorSettings.read(
            environment,
            has_neighbours=not catalog.is_whole(settings.names),
            owners=catalog.owners(settings.names),
        )
        checks = _checks(common, groups)
        watched = _watched(common, [*sources, *(each for its in services for each in its.metrics)])
        app = create_app(catalog.title(settings.names), routes, checks, watched, door)
        yield Assembled(
            services=services,
            app=app,
            checks=checks,
            bus=common.bus,
            jobs=common.jobs,
            relays=[each.relay for each in groups],
            draining=common.draining,
            begin=partial(_begin, common, groups),
        )


@asynccontextmanager
async def on_nothing() -> AsyncIterator[Assembled]:
    """All services, to be looked at for the length of a block: nothing is behind them."""
    environment = Environment({"DATABASE_URL": "postgres://nobody@127.0.0.1:9/nothing"})
    async with assembled(environment, Settings.read(environment, catalog.SERVICES)) as group:
        yield group


async def _common(
    stack: AsyncExitStack,
    environment: Environment,
    settings: Settings,
    transports: Mapping[str, Transport],
) -> _Common:
    background, clock = await stack.enter_async_context(Background.open()), SystemClock()
    certificates, name = Certificates(), "+".join(settings.names)
    bus = open_bus(settings.broker, name=name, background=background, certificates=certificates)
    stack.push_async_callback(bus.close)
    edges = Edges(EdgeSettings.read(environment))
    spans = await _spans(stack, environment, settings.names, clock)
    return _Common(
        environment=environment,
        background=background,
        bus=bus,
        calls=Calls(transports, edges),
        edges=edges,
        clock=clock,
        jobs=Jobs(background),
        resources=stack,
        draining=Draining(),
        databases=Databases(),
        effects=Effects(clock),
        spans=spans,
        stories=Stories(spans),
        certificates=certificates,
    )


async def _on_database(common: _Common, url: str, names: Sequence[str]) -> _OnDatabase:
    database = await common.resources.enter_async_context(
        Database.open(url, name="+".join(names), size=20)
    )
    answers, hint = Answers(database), Hint()
    services = [
        loading.builder(name)(
            Ports(
                database=database,
                outbox=Outbox(name, common.clock, hint.give),
                answers=answers,
                calls=common.calls,
                edges=common.edges,
                clock=common.clock,
                background=common.background,
                environment=common.environment,
                resources=common.resources,
                draining=common.draining,
                spans=common.spans,
                certificates=common.certificates,
            )
        )
        for name in names
    ]
    relay = Relay(database, common.bus, common.clock, hint=hint, spans=common.spans)
    subscriptions = [each for service in services for each in service.subscriptions]
    inbox = Inbox(database, subscriptions, note=common.effects.note, spans=common.spans)
    common.stories.add(database, {each.name: each.tells for each in services})
    consumers = [each.queue.name for each in subscriptions]
    common.databases.add("+".join(names), database, consumers)
    own = [*relay.jobs(), inbox.retries(), inbox.cleanup(), answers.cleanup()]
    skew = Skew("+".join(names), database, common.clock)
    suffix = "" if catalog.is_whole(names) else f" {'+'.join(names)}"
    checks = [
        Check(f"database{suffix}", partial(_database_check, database)),
        Check(f"migrations{suffix}", partial(_migrations_check, database, names)),
        Check(f"changes{suffix}", database.changes.check, State.DEGRADED),
        Check(f"clock{suffix}", skew.check, State.DEGRADED),
    ]
    own.append(skew.job())
    jobs = [*own, *(job for service in services for job in service.jobs)]
    return _OnDatabase(services, relay, inbox, jobs, checks)


def _checks(common: _Common, groups: Sequence[_OnDatabase]) -> list[Check]:
    return [
        Check("draining", common.draining.check),
        *(check for each in groups for check in each.checks),
        Check("broker", partial(buses.health, common.bus), State.DEGRADED),
        Check("certificates", common.certificates.check, State.DEGRADED),
    ]


def _watched(common: _Common, sources: Sequence[Source]) -> Watched:
    return Watched(
        edges=common.edges,
        limiter=Limiter.read(common.environment),
        sources=[
            partial(buses.families, common.bus),
            common.databases.families,
            common.effects.families,
            *sources,
        ],
        spans=common.spans,
        stories=common.stories,
    )


async def _begin(common: _Common, groups: Sequence[_OnDatabase]) -> None:
    await common.bus.start()
    for group in groups:
        for service in group.services:
            for each in service.subscriptions:
                await common.bus.consume(each.queue, group.inbox.handler(each.queue.name))
        for job in group.jobs:
            common.jobs.start(job)


async def _spans(
    stack: AsyncExitStack, environment: Environment, names: Sequence[str], clock: Clock
) -> Spans:
    service = names[0] if len(names) == 1 else ""
    spans = Spans(TraceSettings.read(environment), service=service, clock=clock)
    collector = Collector.read(environment)
    await stack.enter_async_context(exported(spans, collector, service=catalog.process(names)))
    return spans


async def _transports(
    stack: AsyncExitStack, settings: Settings, in_process: InProcess
) -> dict[str, Transport]:
    transports: dict[str, Transport] = dict.fromkeys(settings.names, in_process)
    for name, url in settings.neighbours.items():
        transports[name] = await stack.enter_async_context(Http.open(url))
    return transports


def _check_calls(services: Sequence[Service], transports: Mapping[str, Transport]) -> None:
    for service in services:
        for callee in service.calls:
            if callee not in transports:
                raise Misconfigured(
                    f"{service.name} calls {callee}, which does not run in this process: set"
                    f" {callee.upper()}_URL to its address, or serve it here as well."
                )


async def _database_check(database: Database) -> str:
    try:
        await database.fetch_one("select 1")
    except (DatabaseError, DeadlineExceeded) as error:
        return str(error)
    return ""


async def _migrations_check(database: Database, names: Sequence[str]) -> str:
    try:
        steps = await missing(database, loading.migrations(names))
    except (DatabaseError, DeadlineExceeded):
        return "not known"
    return f"missing: {', '.join(steps)}" if steps else ""
