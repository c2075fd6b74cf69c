"""Decides which set-up is meant, and what is looked at in it."""

import asyncio
from collections.abc import Sequence
from functools import partial

from ordereats.chassis.clock import Clock
from ordereats.chassis.config import Environment
from ordereats.chassis.errors import Misconfigured
from ordereats.topology import brokers, catalog
from ordereats.topology.default_secrets import BUILT_IN
from ordereats.topology.doctor import certificates, databases, given, machine, outside
from ordereats.topology.doctor.finding import Check, Finding, examine, ok, warn, wrong
from ordereats.topology.local.home import Home
from ordereats.topology.local.state import Running, State
from ordereats.topology.places import of_running
from ordereats.topology.settings import Settings, by_database

BROKER_WITHIN_S = 25.0
"""A broker that has just booted counts its queues for some seconds: see `broker.checking`."""


async def looked_at(home: Home, environment: Environment, clock: Clock) -> list[Finding]:
    """Look at what runs here; or at what the environment names; or at what `up` will find."""
    running = home.running()
    services = configured(environment)
    found = given.names(environment)
    if running is not None:
        checks = [_machine(home, environment, clock), *_running(running, home, environment, clock)]
    elif services:
        settings, finding = given.values(environment, services)
        found.append(finding)
        checks = []
        if settings is not None:
            found += given.secrets(environment, settings)
            checks = [*_configured(settings, environment, home, clock)]
        found += given.files(environment)
    else:
        checks = [_machine(home, environment, clock)]
    return [*found, *await examine(checks)]


def configured(environment: Environment) -> list[str]:
    """The services that the environment has a database for."""
    has_all = environment.optional("DATABASE_URL") is not None
    return [
        name
        for name in catalog.SERVICES
        if has_all or environment.optional(f"{name.upper()}_DATABASE_URL") is not None
    ]


def _machine(home: Home, environment: Environment, clock: Clock) -> Check:
    async def look() -> Sequence[Finding]:
        port = environment.whole("PORT", 3000, least=1, most=65535)
        return await asyncio.to_thread(machine.look, home, port, clock)

    return Check("machine", look, within_s=10)


def _running(running: Running, home: Home, environment: Environment, clock: Clock) -> list[Check]:
    async def parts() -> Sequence[Finding]:
        off = [part for part in running.parts if part.state is not State.READY]
        return [
            wrong(part.name, f"It is {part.state}.", f"See {home.log(part.name)}.") for part in off
        ] or [ok("parts", "Each is ready.")]

    where = of_running(running)
    return [
        Check("parts", parts),
        *_databases(where.databases, clock),
        *_broker(where.needed_broker(), home, environment),
        *([_provider(where.ledger, None)] if where.ledger else ()),
    ]


def _configured(
    settings: Settings, environment: Environment, home: Home, clock: Clock
) -> list[Check]:
    checks = [*_databases(settings.databases, clock), *_broker(settings.broker, home, environment)]
    addresses = {"broker": settings.broker, **settings.neighbours}
    if settings.neighbours:
        neighbours = [*settings.neighbours.items()]
        checks.append(Check("neighbours", partial(outside.neighbours, neighbours)))
    if "payments" in settings.names:
        base = environment.text("STRIPE_API_BASE", "http://127.0.0.1:12111")
        key = environment.text("STRIPE_API_KEY", BUILT_IN["STRIPE_API_KEY"])
        checks.append(_provider(base, key))
        addresses["provider"] = base
    if "notifications" in settings.names and (mail := environment.optional("SMTP_URL")):
        checks.append(Check("mail", partial(outside.mail, mail)))
        addresses["mail"] = mail
    checks += [
        Check(f"certificate {name}", partial(certificates.look, name, url, clock))
        for name, url in addresses.items()
    ]
    return checks


def _databases(urls: dict[str, str], clock: Clock) -> list[Check]:
    together = by_database(urls)
    servers = [url.partition("@")[2].partition("/")[0] for url in together]
    return [
        Check(
            f"database {'all' if catalog.is_whole(names) else '+'.join(names)}",
            partial(databases.look, url, names, groups=servers.count(server), clock=clock),
        )
        for (url, names), server in zip(together.items(), servers, strict=True)
    ]


def _broker(url: str, home: Home, environment: Environment) -> list[Check]:
    if not url.startswith("amqp"):
        queue = brokers.OperatedQueue(url)
        return [Check("broker check", partial(outside.belongings, queue))]
    checks = [Check("broker", partial(outside.broker, url))]
    try:
        operated = brokers.operated(home, environment)
    except Misconfigured as error:
        said = warn("broker check", "It was not made.", str(error))
        return [*checks, Check("broker check", partial(_known, said))]
    look = partial(outside.belongings, operated)
    checks.append(Check("broker check", look, within_s=BROKER_WITHIN_S))
    if isinstance(operated, brokers.OperatedRabbitMQ):
        checks.append(Check("broker alarms", partial(outside.alarms, operated)))
    return checks


async def _known(finding: Finding) -> Sequence[Finding]:
    return [finding]


def _provider(base: str, key: str | None) -> Check:
    return Check("provider", partial(outside.provider, base, key))
