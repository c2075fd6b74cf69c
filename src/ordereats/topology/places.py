"""Where a platform keeps its things: the one that runs here, or else what the environment names."""

from dataclasses import dataclass

from ordereats.chassis.config import Environment
from ordereats.chassis.errors import Misconfigured
from ordereats.chassis.messaging.connect import SCHEMES
from ordereats.topology import catalog
from ordereats.topology.local.carrier import broker_of
from ordereats.topology.local.home import Home
from ordereats.topology.local.part import Kind
from ordereats.topology.local.state import Running
from ordereats.topology.settings import read_databases


@dataclass(frozen=True, slots=True)
class Places:
    """Where things are kept.

    Attributes:
        databases: the address of each service's.
        broker: the address of what carries the events; None: nobody says it.
        ledger: the address of the payment provider; None: one that shows no ledger.
    """

    databases: dict[str, str]
    broker: str | None
    ledger: str | None

    def needed_broker(self) -> str:
        """The address of what carries the events.

        Raises:
            Misconfigured: nobody says it.
        """
        if self.broker is None:
            raise Misconfigured(
                "BROKER_URL is not set: say where events travel (amqp://… or postgres://…)."
            )
        return self.broker


def places(home: Home) -> Places:
    """Those of what runs here, or else those that the environment names.

    Raises:
        Misconfigured: nothing runs here, or not all of it, and a service has no database.
    """
    running = home.running()
    return of_running(running) if running else of_environment(Environment())


def broker(home: Home, environment: Environment | None = None) -> str:
    """The address of what carries the events. Where that is said, no database has to be known.

    Raises:
        Misconfigured: nobody says it.
    """
    running = home.running()
    environment = environment or Environment()
    said = broker_of(running) if running else environment.url("BROKER_URL", SCHEMES)
    return said or places(home).needed_broker()


def of_running(running: Running) -> Places:
    """Those of what runs here; a broker that runs elsewhere was named by the environment.

    Raises:
        Misconfigured: a service has no database.
    """
    services = [part for part in running.parts if part.kind is Kind.SERVICE and part.database]
    known = {part.name: str(part.database) for part in services}
    if len(services) == 1 and services[0].name not in catalog.SERVICES:  # one for all
        known = dict.fromkeys(catalog.SERVICES, str(services[0].database))
    missing = [name for name in catalog.SERVICES if name not in known]
    if missing:
        raise Misconfigured(f"There is no database of {', '.join(missing)} here.")
    sandboxes = [part.url for part in running.parts if part.kind is Kind.SANDBOX]
    return Places(known, broker_of(running), next(iter(sandboxes), None))


def of_environment(environment: Environment) -> Places:
    """What `serve` would read, and the provider that is named.

    Raises:
        Misconfigured: a service has no database.
    """
    databases = read_databases(environment, catalog.SERVICES)
    broker = environment.url("BROKER_URL", SCHEMES)
    if broker is None and len({*databases.values()}) == 1:
        broker = next(iter(databases.values()))
    return Places(databases, broker, environment.url("STRIPE_API_BASE", ("http", "https")))
