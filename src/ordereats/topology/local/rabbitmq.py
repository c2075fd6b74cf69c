"""Local RabbitMQ: one node on loopback ports, with its users, queues and policies made at boot.

It shares nothing with a RabbitMQ that the machine already runs: own node, ports, cookie, folders,
and an own epmd (Erlang's port mapper), which otherwise stays behind as a daemon.
"""

import asyncio
import hmac
import os
import re
import shutil
from pathlib import Path

from ordereats.chassis.config import Environment
from ordereats.chassis.errors import Misconfigured
from ordereats.topology import catalog
from ordereats.topology.broker.definitions import Account
from ordereats.topology.broker.definitions import definitions as all_definitions
from ordereats.topology.broker.queues import queues
from ordereats.topology.local.environment import inherited
from ordereats.topology.local.files import kept_secret, write_whole
from ordereats.topology.local.part import CannotStart, Kind, Part, free_ports
from ordereats.topology.local.wanted import Topology

OPERATOR = "ordereats"
HOW_TO_INSTALL = "apt-get install rabbitmq-server"

# RabbitMQ keeps its data under the node's name: it never changes, whatever the ports are.
_NODE = "ordereats@localhost"
# Debian's wrapper in /usr/sbin drops to another user, who can't reach our folders.
_DEBIAN = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")

# How 4.x refuses what 3.10 has left behind, and 3.10 what 4.x has.
_OTHERS_DATA = re.compile(
    r"failed_to_initialize_feature_flags_registry"
    r"|schema_integrity_check_failed,\[\{table_missing,rabbit_listener\}\]"
)

# Two schedulers that sleep instead of spinning: a laptop's broker is idle most of the time.
_ERLANG = "+S 2:2 +SDcpu 1:1 +SDio 2 +sbwt none +sbwtdcpu none +sbwtdio none"
_START = 'epmd -address 127.0.0.1 -port "$ERL_EPMD_PORT" & exec "$0"'


def installed_server() -> Path | None:
    """The program that starts RabbitMQ, or None if it (or Erlang) is not installed.

    `RABBITMQ_SERVER` names another than the machine's own; it brings its Erlang in the same folder.

    Raises:
        Misconfigured: what it names can't be run.
    """
    if named := Environment().optional("RABBITMQ_SERVER"):
        if not (program := shutil.which(named)):
            raise Misconfigured(f"RABBITMQ_SERVER must name a program, not {named!r}.")
        return Path(program).absolute()
    if not shutil.which("erl") or not shutil.which("epmd"):
        return None
    if _DEBIAN.exists():
        return _DEBIAN
    found = shutil.which("rabbitmq-server")
    return Path(found) if found else None


class RabbitMQ:
    """A RabbitMQ node that keeps its data in one folder."""

    def __init__(self, folder: Path) -> None:
        """Find the server.

        Raises:
            CannotStart: it is not installed.
        """
        server = installed_server()
        if server is None:
            raise CannotStart(
                f"RabbitMQ is not installed: `{HOW_TO_INSTALL}`, or choose BROKER=postgres."
            )
        self._server = server
        self.folder = folder.resolve()
        self.folder.mkdir(parents=True, exist_ok=True)
        self._password = kept_secret(self.folder / "password")

    def url(self, port: int, user: str = OPERATOR) -> str:
        """The address for a user of the node on this port: a service, the monolith, the operator.

        The operator may do everything.
        """
        return f"amqp://{user}:{_password(self._password, user)}@127.0.0.1:{port}/"

    def part(self, port: int) -> Part:
        """The node, answering on this port."""
        distribution, epmd, management = free_ports(3)
        folder = self.folder

        async def ready() -> bool:
            return await _greets(port)

        return Part(
            name="rabbitmq",
            kind=Kind.RABBITMQ,
            command=("/bin/sh", "-c", _START, str(self._server)),
            url=self.url(port),
            management=f"http://{OPERATOR}:{self._password}@127.0.0.1:{management}",
            env={
                **inherited(),
                "PATH": f"{self._server.parent}:{inherited().get('PATH', os.defpath)}",
                "HOME": str(folder),
                "ERL_EPMD_PORT": str(epmd),
                "RABBITMQ_NODENAME": _NODE,
                "RABBITMQ_NODE_PORT": str(port),
                "RABBITMQ_DIST_PORT": str(distribution),
                "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
                "RABBITMQ_LOG_BASE": str(folder / "log"),
                "RABBITMQ_LOGS": "-",
                "RABBITMQ_LOG": "-color",
                "RABBITMQ_CONF_ENV_FILE": str(folder / "rabbitmq-env.conf"),
                "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
                "RABBITMQ_ADVANCED_CONFIG_FILE": str(folder / "advanced.config"),
                "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
                "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": (
                    f"{_ERLANG} -kernel inet_dist_use_interface {{127,0,0,1}}"
                ),
            },
            cwd=folder,
            prepare=lambda: self._prepare(port, management),
            ready=ready,
            explain=self._explain,
        )

    def _explain(self, log: str) -> str:
        if not _OTHERS_DATA.search(log):
            return ""
        return (
            f"{self.folder / 'mnesia'} was made by another version of RabbitMQ, and this one "
            f"({self._server}) can't take it over. It is unharmed: start it with that version by "
            "RABBITMQ_SERVER=…, and once its queues are empty delete that folder."
        )

    def _prepare(self, port: int, management: int) -> None:
        definitions = self.folder / "definitions.json"
        wanted = all_definitions(queues(), accounts(self._password))
        write_whole(definitions, wanted.as_json(), mode=0o600)
        write_whole(
            self.folder / "rabbitmq.conf",
            f"listeners.tcp.local = 127.0.0.1:{port}\n"
            f"load_definitions = {definitions}\n"
            "management.tcp.ip = 127.0.0.1\n"
            f"management.tcp.port = {management}\n"
            "log.console = true\n"
            "log.console.level = info\n"
            "log.file = false\n",
        )
        write_whole(self.folder / "advanced.config", "[].\n")
        write_whole(self.folder / "enabled_plugins", "[rabbitmq_management].\n")
        write_whole(self.folder / "rabbitmq-env.conf", "")


def accounts(password: str) -> list[Account]:
    """Everyone who connects to a local node, by the operator's password."""
    groups = {**{name: (name,) for name in catalog.SERVICES}, Topology.MONOLITH: catalog.SERVICES}
    return [
        Account(OPERATOR, password, None),
        *(Account(name, _password(password, name), group) for name, group in groups.items()),
    ]


def _password(password: str, user: str) -> str:
    """Made from the operator's, which nobody learns from it: so one secret is all that is kept."""
    if user == OPERATOR:
        return password
    return hmac.new(password.encode(), user.encode(), "sha256").hexdigest()


async def _greets(port: int) -> bool:
    """Whether it answers as AMQP; it listens only after its definitions are loaded."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(b"AMQP\x00\x00\x09\x01")
        async with asyncio.timeout(1):
            return await reader.read(1) == b"\x01"
    finally:
        writer.close()
