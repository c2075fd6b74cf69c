"""Where the audit reads: what runs here, or else what the environment names."""

from dataclasses import dataclass

from ordereats.chassis.config import Environment
from ordereats.chassis.errors import Misconfigured
from ordereats.topology import catalog
from ordereats.topology.local.part import Kind
from ordereats.topology.local.state import Running
from ordereats.topology.settings import read_databases


@dataclass(frozen=True, slots=True)
class Places:
    """Where things are kept.

    Attributes:
        databases: the address of each service's.
        ledger: the address of the payment provider; None: one that shows no ledger.
    """

    databases: dict[str, str]
    ledger: str | None


def of_running(running: Running) -> Places:
    """The databases and the sandbox of what runs here.

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
    return Places(known, next(iter(sandboxes), None))


def of_environment(environment: Environment) -> Places:
    """What `serve` would read, and the provider that is named.

    Raises:
        Misconfigured: a service has no database.
    """
    databases = read_databases(environment, catalog.SERVICES)
    return Places(databases, environment.url("STRIPE_API_BASE", ("http", "https")))
