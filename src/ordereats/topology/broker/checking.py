"""Compares what RabbitMQ has with what it must have. It changes nothing."""

import asyncio
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from time import monotonic
from typing import Any
from urllib.parse import quote

from ordereats.chassis.messaging.rabbitmq_link import DEAD
from ordereats.topology.broker.definitions import Definitions, Kind, Thing
from ordereats.topology.broker.management import Management

COUNTED_WITHIN_S = 20.0
"""A queue tells its counts every 5 s, and the management gathers them as often: measured, they are
known 7 to 13 s after a boot."""
LOOK_EVERY_S = 1.0


class Flaw(StrEnum):
    """What is wrong with a thing."""

    MISSING = "is missing"
    DIFFERENT = "is different"
    IDLE = "does not work: nothing goes in or out"
    UNHEARD = "has no consumer"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it must be.

    Attributes:
        thing: that it is about.
        detail: more, if there is more to say.
    """

    thing: Thing
    flaw: Flaw
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.thing.name} {self.flaw}{f' ({self.detail})' if self.detail else ''}"


async def check(management: Management, wanted: Definitions) -> list[Finding]:
    """Look at everything. A queue that was just made is waited for, until it has told its counts.

    Raises:
        Misconfigured: the management does not answer.
    """
    vhost = quote(wanted.vhost, safe="")
    heard = {each["queue"]["name"] for each in await management.get(f"consumers/{vhost}") or ()}
    return [
        *await differences(management, wanted),
        *await _idle(management, wanted),
        *_unheard(wanted.things, heard),
    ]


async def differences(management: Management, wanted: Definitions) -> list[Finding]:
    """Say what is missing, or different: what can be made, or brought to what is said.

    Raises:
        Misconfigured: the management does not answer.
    """
    found = {kind: await _found(management, kind, wanted.vhost) for kind in Kind}
    return list(_compared(wanted.things, found))


def idle(things: Sequence[Thing], found: Sequence[Mapping[str, Any]]) -> list[Finding]:
    """Say which queues do not work, as far as the management has heard.

    RabbitMQ that is killed within a second of a queue's first declaration may forget the queue's
    state. It then names a leader and an online member as of any other (3.10.8 and 4.0.5), and never
    a count of messages. Where it has counts of no queue, it is told to gather none.
    """
    queues = {str(each["name"]): each for each in found}
    if not any("messages" in each for each in found):
        return []
    return [
        Finding(thing, Flaw.IDLE, _ails(queue))
        for thing in things
        if thing.kind is Kind.QUEUE
        if (queue := queues.get(str(thing.key["name"]))) and _ails(queue)
    ]


async def _idle(management: Management, wanted: Definitions) -> list[Finding]:
    deadline = monotonic() + COUNTED_WITHIN_S
    names = {thing.key["name"] for thing in wanted.things if thing.kind is Kind.QUEUE}
    while True:
        found = await _found(management, Kind.QUEUE, wanted.vhost)
        waits = any(_ails(each) for each in found if each["name"] in names)
        if not waits or monotonic() > deadline:
            return idle(wanted.things, found)
        await asyncio.sleep(LOOK_EVERY_S)


def _ails(queue: Mapping[str, Any]) -> str:
    if "messages" not in queue:
        return "no count of messages"
    state = str(queue.get("state"))
    return "" if state == "running" else state


async def _found(management: Management, kind: Kind, vhost: str) -> list[dict[str, Any]]:
    quoted = quote(vhost, safe="")
    elsewhere = {
        Kind.VHOST: "vhosts",
        Kind.USER: "users",
        Kind.PERMISSION: f"vhosts/{quoted}/permissions",
    }
    path = elsewhere.get(kind, f"{kind}/{quoted}")
    return list(await management.get(path) or ())


def _compared(
    things: Sequence[Thing], found: Mapping[Kind, Sequence[Mapping[str, Any]]]
) -> Iterator[Finding]:
    for thing in things:
        same = [each for each in found[thing.kind] if _has(each, thing.key)]
        if not same:
            yield Finding(thing, Flaw.MISSING)
            continue
        off = [key for key in thing.body if not _has(same[0], {key: thing.body[key]})]
        if off:
            yield Finding(thing, Flaw.DIFFERENT, ", ".join(off))


def _has(found: Mapping[str, Any], wanted: Mapping[str, object]) -> bool:
    return all(_plain(found.get(key)) == value for key, value in wanted.items())


def _plain(value: object) -> object:
    """Tags are a list in what is read, and a text in what is written."""
    return ",".join(value) if isinstance(value, list) else value


def _unheard(things: Sequence[Thing], heard: Collection[str]) -> Iterator[Finding]:
    for thing in things:
        name = str(thing.key.get("name"))
        if thing.kind is Kind.QUEUE and name != DEAD and name not in heard:
            yield Finding(thing, Flaw.UNHEARD)
