"""What carries the events of a platform that runs here. Light to import, for `ps`."""

from ordereats.chassis.config import Environment
from ordereats.chassis.messaging.connect import SCHEMES
from ordereats.topology.local.part import Kind
from ordereats.topology.local.state import PartState, Running

QUEUE = "postgres-queue"
"""The name of the PostgreSQL that carries nothing but the events."""


def carrier(running: Running) -> PartState | None:
    """The part that carries them: RabbitMQ, or a PostgreSQL. None: a broker elsewhere does."""
    parts = [part for part in running.parts if part.kind is Kind.RABBITMQ or part.name == QUEUE]
    stores = [part for part in running.parts if part.kind is Kind.POSTGRES]
    if not parts and len(stores) == 1 and not _elsewhere():
        return stores[0]
    return next(iter(parts), None)


def broker_of(running: Running) -> str | None:
    """The address of what carries them, as far as it is known."""
    part = carrier(running)
    return part.url if part else _elsewhere()


def _elsewhere() -> str | None:
    return Environment().url("BROKER_URL", SCHEMES)
