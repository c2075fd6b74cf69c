"""What a process that serves reads from the environment, once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from ordereats.chassis.config import Environment
from ordereats.chassis.errors import Misconfigured
from ordereats.chassis.messaging.connect import SCHEMES
from ordereats.chassis.telemetry.logs import Format
from ordereats.topology import catalog

_POSTGRES = ("postgres", "postgresql")


@dataclass(frozen=True, slots=True)
class Settings:
    """Where a group of services finds what it needs.

    Attributes:
        names: the services of this process.
        databases: the address of each service's database; several may share one.
        broker: `amqp://…` or `postgres://…`.
        neighbours: the addresses of services in other processes.
        host: to listen on; loopback unless told otherwise, since the platform runs open.
        port: to listen on.
        drain_s: how long to go on answering after saying "unready", before listening ends; at most
            half of `stop_s`.
        stop_s: how long stopping may take in all.
        strict_calls: calls in process go through the codec, as in tests.
    """

    names: Sequence[str]
    databases: dict[str, str]
    broker: str
    neighbours: dict[str, str]
    host: str
    port: int
    log_level: str
    log_format: Format
    drain_s: float
    stop_s: float
    strict_calls: bool

    @classmethod
    def read(cls, environment: Environment, names: Sequence[str]) -> "Settings":
        """Read them for these services.

        Raises:
            Misconfigured: one is missing or can't be right; names it.
        """
        databases = read_databases(environment, names)
        stop_s = environment.seconds("STOP_SECONDS", 10, least=1, most=120)
        form = environment.choice("LOG_FORMAT", "json", ("json", "console"))
        return cls(
            names=names,
            databases=databases,
            broker=_broker(environment, databases),
            neighbours=_neighbours(environment, names),
            host=environment.text("HOST", "127.0.0.1"),
            port=environment.whole("PORT", 3000, least=0, most=65535),
            log_level=environment.choice(
                "LOG_LEVEL", "info", ("debug", "info", "warning", "error")
            ),
            log_format=cast("Format", form),
            drain_s=environment.seconds("DRAIN_SECONDS", 0.2, least=0, most=stop_s / 2),
            stop_s=stop_s,
            strict_calls=environment.choice("STRICT_CALLS", "0", ("0", "1")) == "1",
        )


def read_databases(environment: Environment, names: Sequence[str]) -> dict[str, str]:
    """The address of each service's database: its own setting, or the one for all."""
    databases = {}
    for name in names:
        own = f"{name.upper()}_DATABASE_URL"
        url = environment.url(own, _POSTGRES) or environment.url("DATABASE_URL", _POSTGRES)
        if url is None:
            raise Misconfigured(
                f"{name} has no database: set DATABASE_URL or {own}"
                " (postgres://user:password@host:5432/name), or run `ordereats up`, which brings"
                " one."
            )
        databases[name] = url
    return databases


def by_database(databases: Mapping[str, str]) -> dict[str, list[str]]:
    """The services of each database, by its address."""
    together: dict[str, list[str]] = {}
    for name, url in databases.items():
        together.setdefault(url, []).append(name)
    return together


def _broker(environment: Environment, databases: dict[str, str]) -> str:
    given = environment.url("BROKER_URL", SCHEMES)
    if given is not None:
        return given
    if len(set(databases.values())) == 1:
        return next(iter(databases.values()))
    raise Misconfigured(
        "BROKER_URL is not set, and the services have several databases: say where events travel"
        " (amqp://… or postgres://…)."
    )


def _neighbours(environment: Environment, names: Sequence[str]) -> dict[str, str]:
    urls = {
        name: environment.url(f"{name.upper()}_URL", ("http", "https"))
        for name in catalog.SERVICES
        if name not in names
    }
    return {name: url for name, url in urls.items() if url is not None}
