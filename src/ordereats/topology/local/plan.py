"""Which parts a platform on this machine has, and what each is told of the others."""

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from ordereats.topology import catalog
from ordereats.topology.local.environment import inherited_but
from ordereats.topology.local.files import kept_secret
from ordereats.topology.local.gateway import gateway_part
from ordereats.topology.local.handover import Handover, by_option, by_option_beside
from ordereats.topology.local.home import Home
from ordereats.topology.local.part import Kind, Part, free_ports
from ordereats.topology.local.postgres import Postgres
from ordereats.topology.local.probe import says_ready
from ordereats.topology.local.rabbitmq import HOW_TO_INSTALL, RabbitMQ, installed_server
from ordereats.topology.local.wanted import Broker, Topology, Wanted
from ordereats.topology.local.ways import Straight, ThroughProxy, address

MONOLITH = "monolith"
"""The name of the one process that has all services."""

FAULTS = "faults"
"""The name of the fault proxy."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Planned:
    """A part, and the names of those that have to be ready before it is started."""

    part: Part
    after: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """All parts, in the order in which people think of them.

    Attributes:
        broker: where events travel, in a word or two.
        remarks: what whoever asked should know, a sentence each.
    """

    parts: tuple[Planned, ...]
    wanted: Wanted
    broker: str
    remarks: tuple[str, ...] = ()


def plan(home: Home, wanted: Wanted) -> Plan:
    """Decide on the parts. Starts nothing, but finds the programs and makes their folders.

    Raises:
        CannotStart: a program is missing.
    """
    draft = _Draft(home, wanted)
    draft.add_broker()
    draft.add_sandbox()
    if wanted.topology is Topology.MONOLITH:
        draft.add_monolith()
    else:
        draft.add_services()
    draft.add_fault_proxy()
    remarks = list(draft.remarks)
    if draft.postgres.is_elsewhere:
        remarks.append(
            "PostgreSQL refuses to run as root, and its user can't enter this folder: its data are "
            f"in {draft.postgres.folder}."
        )
    return Plan(
        parts=tuple(draft.parts), wanted=wanted, broker=draft.broker, remarks=tuple(remarks)
    )


@dataclass(slots=True)
class _Draft:
    """A plan that grows. Each topology keeps data of its own: order 1 is another order in each."""

    home: Home
    wanted: Wanted
    parts: list[Planned] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    broker: str = ""
    broker_part: str = ""
    broker_url: str = ""
    rabbitmq: RabbitMQ | None = None
    sandbox_url: str = ""
    provider_secrets: dict[str, str] = field(default_factory=dict)
    postgres: Postgres = field(init=False)
    ports: dict[str, int] = field(init=False)
    ways: Straight | ThroughProxy = field(init=False)
    _given: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.postgres = Postgres(self.home.data / "postgres")
        self.ways = ThroughProxy(self._free_port) if self.wanted.faults else Straight()
        if self.wanted.topology is Topology.MONOLITH:
            self.ports = dict.fromkeys(self.wanted.services, self.wanted.port)
        else:
            self.ports = {name: self._free_port() for name in self.wanted.services}

    def add_broker(self) -> None:
        """RabbitMQ where it is to be had, and else a PostgreSQL queue."""
        if self.wanted.broker_url and self._fits(self.wanted.broker_url):
            self.broker_url = self.wanted.broker_url
            self.broker = f"the broker at {urlsplit(self.broker_url).hostname}"
        elif self._chooses_rabbitmq():
            self.rabbitmq = RabbitMQ(self._folder("rabbitmq"))
            part = self.rabbitmq.part(self._free_port())
            self.parts.append(Planned(part=part))
            self.broker, self.broker_part, self.broker_url = "RabbitMQ", part.name, part.url
        else:
            self.broker = "a PostgreSQL queue"
            if self.wanted.topology is Topology.SERVICES:
                queue = self._add_postgres("queue")
                self.broker_part, self.broker_url = queue.name, queue.url

    def add_sandbox(self) -> None:
        """The payment provider's stand-in, unless a provider is named."""
        if self.wanted.stripe_api_base:
            return
        port = self._free_port()
        data = self._folder("sandbox")
        payments = MONOLITH if self.wanted.topology is Topology.MONOLITH else "payments"
        told = self.ways.port("sandbox", payments, self.ports["payments"])
        webhooks = f"http://127.0.0.1:{told}/payments/webhooks/stripe"
        data.mkdir(parents=True, exist_ok=True)
        self.provider_secrets = {
            "STRIPE_API_KEY": f"sk_test_{kept_secret(data / 'api-key')}",
            "STRIPE_WEBHOOK_SECRET": kept_secret(data / "webhook-secret"),
        }
        part = Part(
            name="sandbox",
            kind=Kind.SANDBOX,
            command=_ordereats("sandbox", "--port", str(port), "--data", str(data)),
            url=f"http://127.0.0.1:{port}",
            env=self._ours(
                {"HOST": "127.0.0.1", "SANDBOX_WEBHOOK_URL": webhooks, **self.provider_secrets}
            ),
            ready=lambda: says_ready(port),
        )
        self.sandbox_url = part.url
        self.parts.append(Planned(part=part))

    def add_monolith(self) -> None:
        """All services in one process, on one database and on the public port."""
        postgres = self._add_postgres(MONOLITH)
        database = self._way(MONOLITH, postgres.name, postgres.url)
        told = {"DATABASE_URL": database, "BROKER_URL": self._broker(MONOLITH) or database}
        self._add_service(MONOLITH, self.wanted.port, postgres, told | self._provider(MONOLITH))

    def add_services(self) -> None:
        """A process and a PostgreSQL instance for each service, behind the gateway."""
        for name, port in self.ports.items():
            postgres = self._add_postgres(name)
            told = {
                f"{other.upper()}_URL": self._way(
                    name, other, f"http://127.0.0.1:{self.ports[other]}"
                )
                for other in catalog.CALLS.get(name, ())
                if other in self.ports
            }
            told |= {
                f"{name.upper()}_DATABASE_URL": self._way(name, postgres.name, postgres.url),
                "BROKER_URL": self._broker(name),
            }
            self._add_service(name, port, postgres, told | self._provider(name))
        behind = {name: self.ways.port("gateway", name, port) for name, port in self.ports.items()}
        gateway = gateway_part(self.home.data / "gateway", self.wanted.port, behind)
        everything = tuple(planned.part.name for planned in self.parts)
        self.parts.append(Planned(part=gateway, after=everything))

    def add_fault_proxy(self) -> None:
        """It stands on every edge, if it is wanted; else it is not even loaded."""
        if isinstance(self.ways, ThroughProxy):
            from ordereats.topology.faults.part import fault_proxy_part  # noqa: PLC0415  # see above

            folder = self.home.data / FAULTS
            part = fault_proxy_part(FAULTS, folder, self._free_port(), self.ways.taken)
            self.parts.insert(0, Planned(part=part))

    def _fits(self, broker_url: str) -> bool:
        """Whether a given broker is of the kind that was asked for."""
        is_rabbitmq = broker_url.startswith("amqp")
        return self.wanted.broker in {
            Broker.AUTO,
            Broker.RABBITMQ if is_rabbitmq else Broker.POSTGRES,
        }

    def _chooses_rabbitmq(self) -> bool:
        if self.wanted.broker is Broker.AUTO and self.wanted.topology is Topology.MONOLITH:
            return False
        if self.wanted.broker is Broker.AUTO and not installed_server():
            self.remarks.append(
                "RabbitMQ is not installed, so a PostgreSQL queue carries the events. "
                f"To have RabbitMQ: {HOW_TO_INSTALL}."
            )
            return False
        return self.wanted.broker is not Broker.POSTGRES

    def _add_postgres(self, name: str) -> Part:
        """An instance for the service, or whatever it is, of that name."""
        part = self.postgres.part(
            "postgres" if name == MONOLITH else f"postgres-{name}",
            folder=f"{self.wanted.topology}-{name}",
            port=self._free_port(),
        )
        self.parts.append(Planned(part=part))
        return part

    def _add_service(self, name: str, port: int, postgres: Part, told: dict[str, str]) -> None:
        owned = {"DATABASE_URL", "BROKER_URL", "PORT"}
        for service in self.wanted.services:
            owned |= {f"{service.upper()}_URL", f"{service.upper()}_DATABASE_URL"}
        group = catalog.ALL if name == MONOLITH else name
        part = Part(
            name=name,
            kind=Kind.SERVICE,
            command=_ordereats("serve", group),
            url=f"http://127.0.0.1:{port}",
            database=postgres.url,
            env=self._ours({"LOG_FORMAT": "json", **told}, but=owned),
            ready=lambda: says_ready(port),
            answers=lambda: says_ready(port, degraded_is_enough=True),
            handover=Handover(
                host=self.wanted.host,
                port=port,
                listens_late=True,
                alone=by_option,
                beside=by_option_beside,
            ),
            stop_within_s=15,
        )
        after = (postgres.name, FAULTS) if self.wanted.faults else (postgres.name,)
        self.parts.append(Planned(part=part, after=after))

    def _broker(self, name: str) -> str:
        """The broker's address for a service, which has a user of its own at RabbitMQ."""
        if not self.broker_part:
            return self.broker_url
        port = urlsplit(self.broker_url).port
        url = self.rabbitmq.url(port, name) if self.rabbitmq and port else self.broker_url
        return self._way(name, self.broker_part, url)

    def _provider(self, name: str) -> dict[str, str]:
        """The sandbox's address for a service; only payments asks it."""
        if not self.sandbox_url or name not in {MONOLITH, "payments"}:
            return {}
        url = self._way(name, "sandbox", self.sandbox_url)
        return {"STRIPE_API_BASE": url, **self.provider_secrets}

    @staticmethod
    def _ours(told: Mapping[str, str], *, but: Iterable[str] = ()) -> dict[str, str]:
        """The environment of a program of ours: what it is told, and what else is set here."""
        return {**inherited_but({*told, *but}), **told}

    def _way(self, source: str, target: str, url: str) -> str:
        return address(self.ways, source, target, url)

    def _free_port(self) -> int:
        """One that no other part has been given."""
        while (port := free_ports(1)[0]) in self._given:
            pass
        self._given.add(port)
        return port

    def _folder(self, name: str) -> Path:
        return self.home.data / name / self.wanted.topology


def _ordereats(*arguments: str) -> tuple[str, ...]:
    """Our own program, by the Python that runs now."""
    return (sys.executable, "-m", "ordereats.cli.main", *arguments)
