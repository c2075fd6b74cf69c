"""What `up` is asked for. Light to import: every command of the program imports it."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Topology(StrEnum):
    """How services are grouped into processes."""

    SERVICES = "services"
    MONOLITH = "monolith"


class Broker(StrEnum):
    """What carries events between services."""

    AUTO = "auto"
    RABBITMQ = "rabbitmq"
    POSTGRES = "postgres"


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """What was asked for.

    Attributes:
        services: the names of all there are, in the order of their start.
        port: the public one.
        host: the address on which services listen.
        broker_url: of a broker that runs elsewhere; then none is started.
        stripe_api_base: of a payment provider; then no sandbox is started.
        faults: parts reach one another through the fault proxy.
        restart_pause_s: how long to wait, at most, before a part that has ended is started again.
    """

    services: Sequence[str]
    topology: Topology
    broker: Broker
    port: int
    host: str = "127.0.0.1"
    broker_url: str | None = None
    stripe_api_base: str | None = None
    faults: bool = False
    restart_pause_s: float = 10.0

    @property
    def address(self) -> str:
        """Where the platform answers."""
        return f"http://localhost:{self.port}"
