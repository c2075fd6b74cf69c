"""Local RabbitMQ: one node on loopback ports, with its users, queues and policies made at boot.

It shares nothing with a RabbitMQ that the machine already runs: own node, ports, cookie, folders,
and an own epmd (Erlang's port mapper), which otherwise stays behind as a daemon.
"""

import asyncio
import base64
import hashlib
import shutil
from pathlib import Path

import msgspec

from ordereats.topology.local.environment import inherited
from ordereats.topology.local.files import kept_secret, write_whole
from ordereats.topology.local.part import CannotStart, Kind, Part, free_ports

HOW_TO_INSTALL = "apt-get install rabbitmq-server"

_USER = "ordereats"
# RabbitMQ keeps its data under the node's name: it never changes, whatever the ports are.
_NODE = "ordereats@localhost"
# Debian's wrapper in /usr/sbin drops to another user, who can't reach our folders.
_DEBIAN = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")

# Two schedulers that sleep instead of spinning: a laptop's broker is idle most of the time.
_ERLANG = "+S 2:2 +SDcpu 1:1 +SDio 2 +sbwt none +sbwtdcpu none +sbwtdio none"
_START = 'epmd -address 127.0.0.1 -port "$ERL_EPMD_PORT" & exec "$0"'


def installed_server() -> Path | None:
    """The program that starts RabbitMQ, or None if it (or Erlang) is not installed."""
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

    def url(self, port: int) -> str:
        """The address for clients of the node on this port."""
        return f"amqp://{_USER}:{self._password}@127.0.0.1:{port}/"

    def part(self, port: int) -> Part:
        """The node, answering on this port."""
        distribution, epmd = free_ports(2)
        folder = self.folder

        async def ready() -> bool:
            return await _greets(port)

        return Part(
            name="rabbitmq",
            kind=Kind.RABBITMQ,
            command=("/bin/sh", "-c", _START, str(self._server)),
            url=self.url(port),
            env={
                **inherited(),
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
            prepare=lambda: self._prepare(port),
            ready=ready,
        )

    def _prepare(self, port: int) -> None:
        definitions = self.folder / "definitions.json"
        write_whole(definitions, _definitions(self._password), mode=0o600)
        write_whole(
            self.folder / "rabbitmq.conf",
            f"listeners.tcp.local = 127.0.0.1:{port}\n"
            f"load_definitions = {definitions}\n"
            "log.console = true\n"
            "log.console.level = info\n"
            "log.file = false\n",
        )
        write_whole(self.folder / "advanced.config", "[].\n")
        write_whole(self.folder / "enabled_plugins", "[].\n")
        write_whole(self.folder / "rabbitmq-env.conf", "")


def _definitions(password: str) -> str:
    """What the broker has from its first moment. Queues of services are declared by them."""
    vhost = {"vhost": "/"}
    return msgspec.json.encode(
        {
            "vhosts": [{"name": "/"}],
            "users": [{"name": _USER, "password_hash": _hashed(password), "tags": ""}],
            "permissions": [
                {**vhost, "user": _USER, "configure": ".*", "write": ".*", "read": ".*"}
            ],
            "exchanges": [
                _durable(name="ordereats.events", type="topic", internal=False),
                _durable(name="ordereats.dead", type="fanout", internal=False),
            ],
            "queues": [_durable(name="ordereats.dead", arguments={"x-queue-type": "quorum"})],
            "bindings": [
                {
                    **vhost,
                    "source": "ordereats.dead",
                    "destination": "ordereats.dead",
                    "destination_type": "queue",
                    "routing_key": "",
                    "arguments": {},
                }
            ],
            "policies": [
                {
                    **vhost,
                    "name": "ordereats",
                    "pattern": r"^(ordereats|[a-z]+\.)",
                    "apply-to": "queues",
                    "priority": 0,
                    "definition": {"delivery-limit": 20, "dead-letter-exchange": "ordereats.dead"},
                },
                {
                    # Looking at a dead letter must not use it up, nor send it round in a circle.
                    **vhost,
                    "name": "ordereats-dead",
                    "pattern": r"^ordereats\.dead$",
                    "apply-to": "queues",
                    "priority": 1,
                    "definition": {"delivery-limit": 1_000_000},
                },
            ],
        }
    ).decode()


def _durable(**attributes: object) -> dict[str, object]:
    return {"vhost": "/", "durable": True, "auto_delete": False, "arguments": {}, **attributes}


def _hashed(password: str) -> str:
    """RabbitMQ's own form: base64 of a 4-byte salt and SHA-256 of salt and password.

    The salt may be fixed: the password is random, long, and kept beside it.
    """
    salt = b"oeat"
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()


async def _greets(port: int) -> bool:
    """Whether it answers as AMQP; it listens only after its definitions are loaded."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(b"AMQP\x00\x00\x09\x01")
        async with asyncio.timeout(1):
            return await reader.read(1) == b"\x01"
    finally:
        writer.close()
