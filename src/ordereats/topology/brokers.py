"""The brokers that can be operated, and which is meant: the one here, or the environment's."""

from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from ordereats.chassis.config import Environment
from ordereats.chassis.errors import DatabaseError, Misconfigured
from ordereats.topology import catalog
from ordereats.topology.broker import routes
from ordereats.topology.broker.applying import apply
from ordereats.topology.broker.checking import check
from ordereats.topology.broker.definitions import Account, Definitions, definitions
from ordereats.topology.broker.management import Management
from ordereats.topology.broker.queues import queues
from ordereats.topology.local.home import Home
from ordereats.topology.local.part import Kind
from ordereats.topology.local.rabbitmq import accounts
from ordereats.topology.places import broker


@dataclass(frozen=True, slots=True)
class OperatedRabbitMQ:
    """A RabbitMQ, and what it must have.

    Attributes:
        management: the address of its HTTP API.
    """

    name = "RabbitMQ"
    belongings = "exchanges, queues, bindings, policies and users"
    management: str
    wanted: Definitions

    async def check(self) -> list[str]:
        """What is not as it must be, a line each.

        Raises:
            Misconfigured: it does not answer.
        """
        async with Management.open(self.management) as management:
            return [str(finding) for finding in await check(management, self.wanted)]

    async def apply(self) -> list[str]:
        """Give it what it has not; what was done, a line each.

        Raises:
            Misconfigured: it does not answer, or refuses.
        """
        async with Management.open(self.management) as management:
            return await apply(management, self.wanted)


@dataclass(frozen=True, slots=True)
class OperatedQueue:
    """A PostgreSQL that carries the events: routes are all that it needs.

    Attributes:
        url: of the database.
    """

    name = "The PostgreSQL queue"
    belongings = "routes"
    url: str

    async def check(self) -> list[str]:
        """The routes that are not there; without one, its queue misses those events.

        Raises:
            Misconfigured: the database does not answer.
        """
        return [f"{each} is missing" for each in await self._missing()]

    async def apply(self) -> list[str]:
        """Make all routes exist, also those of a consumer that never ran.

        Raises:
            Misconfigured: the database does not answer.
        """
        missing = await self._missing()
        if missing:
            await routes.add(self.url, queues())
        return [f"{each} was missing: made" for each in missing]

    async def _missing(self) -> list[str]:
        try:
            return await routes.missing(self.url, queues())
        except DatabaseError as error:
            raise Misconfigured(f"{self.name} does not answer: {error}.") from error


def operated(
    home: Home, environment: Environment | None = None
) -> OperatedRabbitMQ | OperatedQueue:
    """Find the one that is meant.

    Raises:
        Misconfigured: nothing runs here, and the environment names none.
    """
    running = home.running()
    for part in running.parts if running else ():
        if part.kind is Kind.RABBITMQ and part.management:
            password = urlsplit(part.url).password or ""
            return OperatedRabbitMQ(part.management, definitions(queues(), accounts(password)))
    environment = environment or Environment()
    management = environment.url("BROKER_MANAGEMENT_URL", ("http", "https"))
    if management:
        return OperatedRabbitMQ(management, _wanted(environment))
    url = broker(home, environment)
    if url.startswith("amqp"):
        raise Misconfigured(
            "BROKER_MANAGEMENT_URL is not set: say where RabbitMQ's management answers, to an"
            " administrator (http://user:password@host:15672)."
        )
    return OperatedQueue(url)


def _wanted(environment: Environment) -> Definitions:
    """By the addresses that services will be given: each names its user, and all of them a vhost.

    Raises:
        Misconfigured: an address names no user, or they name several vhosts, or a user has several
            passwords.
    """
    found: list[tuple[str, str, str]] = []
    vhosts = {_vhost(url) for url in [environment.url("BROKER_URL", ("amqp", "amqps"))] if url}
    for service in catalog.SERVICES:
        name = f"{service.upper()}_BROKER_URL"
        if url := environment.url(name, ("amqp", "amqps")):
            parts = urlsplit(url)
            if not parts.username or not parts.password:
                raise Misconfigured(f"{name} must name a user and a password.")
            found.append((unquote(parts.username), unquote(parts.password), service))
            vhosts.add(_vhost(url))
    if len(vhosts) > 1:
        raise Misconfigured(f"The services' brokers have several vhosts: {sorted(vhosts)}.")
    return definitions(queues(), _together(found), vhost=next(iter(vhosts), "/"))


def _together(found: list[tuple[str, str, str]]) -> list[Account]:
    """One account for each user; several services may share one."""
    passwords: dict[str, str] = {}
    for user, password, service in found:
        if passwords.setdefault(user, password) != password:
            raise Misconfigured(
                f"{service.upper()}_BROKER_URL has another password for {user!r} than the address"
                " of another service has."
            )
    return [
        Account(user, passwords[user], [each for name, _, each in found if name == user])
        for user in sorted(passwords)
    ]


def _vhost(url: str) -> str:
    return unquote(urlsplit(url).path.removeprefix("/")) or "/"
