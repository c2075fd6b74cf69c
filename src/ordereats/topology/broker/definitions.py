"""All that RabbitMQ must have, as one value: exchanges, queues, bindings, policies, users."""

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias
from urllib.parse import quote

import msgspec

from ordereats.chassis.messaging.bus import Queue
from ordereats.chassis.messaging.rabbitmq_link import DEAD, EVENTS

Json: TypeAlias = dict[str, object]

DELIVERY_LIMIT = 100
"""Far above what the inbox allows: a message that kills its consumers is parked there, alone."""
MOST_BYTES = 512 * 1024 * 1024
"""Of one queue: about a million events. A full one refuses more, and the outboxes keep them."""
MOST_DEAD_BYTES = 64 * 1024 * 1024


class Kind(StrEnum):
    """What a thing at the broker is; the value is its name in a file of definitions."""

    VHOST = "vhosts"
    USER = "users"
    PERMISSION = "permissions"
    EXCHANGE = "exchanges"
    QUEUE = "queues"
    BINDING = "bindings"
    POLICY = "policies"


@dataclass(frozen=True, slots=True)
class Thing:
    """Something that the broker must have.

    Attributes:
        name: for people.
        path: of the management API, where it is made.
        key: what it is known by, among those of its kind.
        body: what it is made of.
    """

    kind: Kind
    name: str
    path: str
    key: Json
    body: Json


@dataclass(frozen=True, slots=True)
class Account:
    """Someone who connects.

    Attributes:
        services: whose queues it has; None: it operates the broker, and may do everything.
    """

    name: str
    password: str
    services: Sequence[str] | None


@dataclass(frozen=True, slots=True)
class Definitions:
    """All of it, in the order in which it can be made.

    Attributes:
        vhost: where it is; all there is OrderEats' own.
    """

    vhost: str
    things: tuple[Thing, ...]

    def as_json(self) -> str:
        """As RabbitMQ loads it when it boots (`load_definitions`)."""
        document: Json = {}
        for kind in Kind:
            place = {} if kind in {Kind.VHOST, Kind.USER} else {"vhost": self.vhost}
            mine = [thing for thing in self.things if thing.kind is kind]
            document[kind] = [{**place, **thing.key, **thing.body} for thing in mine]
        return msgspec.json.encode(document).decode()


def definitions(
    queues: Sequence[Queue], accounts: Sequence[Account], *, vhost: str = "/"
) -> Definitions:
    """Say what the broker must have for these queues and these who connect."""
    things = [
        Thing(Kind.VHOST, f"vhost {vhost}", f"vhosts/{_quoted(vhost)}", {"name": vhost}, {}),
        *(thing for account in accounts for thing in _account(account, vhost)),
        _exchange(EVENTS, "topic", vhost),
        _exchange(DEAD, "fanout", vhost),
        *_policies(vhost),
        _queue(DEAD, vhost),
        *(_queue(queue.name, vhost) for queue in queues),
        _binding(DEAD, DEAD, "", vhost),
        *(_binding(EVENTS, queue.name, type_, vhost) for queue in queues for type_ in queue.types),
    ]
    return Definitions(vhost, tuple(things))


def _account(account: Account, vhost: str) -> Iterator[Thing]:
    # A salt of its own for each name, and the same each time: so a hash can be compared.
    salt = hashlib.sha256(account.name.encode()).digest()[:4]
    body: Json = {
        "password_hash": _hashed(account.password, salt=salt),
        "hashing_algorithm": "rabbit_password_hashing_sha256",
        "tags": "administrator" if account.services is None else "",
    }
    path = f"users/{_quoted(account.name)}"
    yield Thing(Kind.USER, f"user {account.name}", path, {"name": account.name}, body)
    path = f"permissions/{_quoted(vhost)}/{_quoted(account.name)}"
    name = f"permissions of {account.name}"
    yield Thing(Kind.PERMISSION, name, path, {"user": account.name}, {**_may(account.services)})


def _hashed(password: str, *, salt: bytes) -> str:
    """RabbitMQ's own form: base64 of a 4-byte salt and SHA-256 of salt and password."""
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()


def _may(services: Sequence[str] | None) -> Mapping[str, str]:
    """What it may make, write to and read from, as regular expressions of names.

    Binding an own queue is writing to it and reading from the exchange.
    """
    if services is None:
        return {"configure": ".*", "write": ".*", "read": ".*"}
    own = "|".join(services)
    return {
        "configure": rf"^({own})\.",
        "write": rf"^(({own})\..*|ordereats\.events|ordereats\.dead)$",
        "read": rf"^(({own})\..*|ordereats\.events)$",
    }


def _exchange(name: str, type_: str, vhost: str) -> Thing:
    body: Json = {"type": type_, "durable": True, "auto_delete": False, "internal": False}
    path = f"exchanges/{_quoted(vhost)}/{_quoted(name)}"
    return Thing(Kind.EXCHANGE, f"exchange {name}", path, {"name": name}, {**body, "arguments": {}})


def _queue(name: str, vhost: str) -> Thing:
    # No other argument: those of a queue can't be changed later, its policies can.
    arguments = {"x-queue-type": "quorum"}
    body: Json = {"durable": True, "auto_delete": False, "arguments": arguments}
    path = f"queues/{_quoted(vhost)}/{_quoted(name)}"
    return Thing(Kind.QUEUE, f"queue {name}", path, {"name": name}, body)


def _binding(source: str, queue: str, type_: str, vhost: str) -> Thing:
    key: Json = {
        "source": source,
        "destination": queue,
        "destination_type": "queue",
        "routing_key": type_,
    }
    path = f"bindings/{_quoted(vhost)}/e/{_quoted(source)}/q/{_quoted(queue)}"
    name = f"binding of {type_ or source} to {queue}"
    return Thing(Kind.BINDING, name, path, key, {"arguments": {}})


def _policies(vhost: str) -> Iterator[Thing]:
    # Every queue of a service, `service.family`, so that one which is new has it at once.
    consumers: Json = {
        "dead-letter-exchange": DEAD,
        "delivery-limit": DELIVERY_LIMIT,
        "max-length-bytes": MOST_BYTES,
        "overflow": "reject-publish",
    }
    # Looking at a dead letter must not use it up, nor send it round in a circle.
    dead: Json = {
        "delivery-limit": 1_000_000,
        "max-length-bytes": MOST_DEAD_BYTES,
        "overflow": "reject-publish",
    }
    named = [
        ("ordereats", r"^[a-z]+\.", 0, consumers),
        ("ordereats-dead", r"^ordereats\.dead$", 1, dead),
    ]
    for name, pattern, priority, definition in named:
        body: Json = {
            "pattern": pattern,
            "apply-to": "queues",
            "priority": priority,
            "definition": definition,
        }
        path = f"policies/{_quoted(vhost)}/{name}"
        yield Thing(Kind.POLICY, f"policy {name}", path, {"name": name}, body)


def _quoted(name: str) -> str:
    return quote(name, safe="")
