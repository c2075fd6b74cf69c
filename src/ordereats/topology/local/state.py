"""What runs now, as a file that other commands read. It decides nothing."""

from contextlib import suppress
from enum import StrEnum
from pathlib import Path

import msgspec
import psutil

from ordereats.topology.local.files import write_whole
from ordereats.topology.local.part import Kind


class State(StrEnum):
    """Of a part."""

    WAITING = "waiting"  # for a part that it needs
    STARTING = "starting"
    READY = "ready"
    RESTARTING = "restarting"  # it has ended, and is started again
    HELD = "held"  # `ordereats kill` put it down, `ordereats start` brings it back
    STOPPED = "stopped"


class Restart(msgspec.Struct, frozen=True, kw_only=True):
    """A restart that somebody has asked for, and what came of it.

    Attributes:
        token: of the request.
        why: it failed; empty if it did not.
    """

    token: str
    is_over: bool = False
    why: str = ""
    seconds: float = 0.0


class PartState(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=False):
    """A part, as `ps --json` shows it.

    Attributes:
        url: with its credentials.
        restarts: how often it was started again after it had ended by itself.
        database: of a service.
        management: of a broker.
        born: the system's own time of the process's start, which tells it from a later one with
            the same number.
        beside: one more process, which is about to take over, or has been relieved and drains.
        restart: the last that somebody has asked for.
        is_rolling: it is restarted without a gap.
    """

    name: str
    kind: Kind
    pid: int | None
    url: str
    state: State
    restarts: int
    database: str | None = None
    management: str | None = None
    born: float | None = None
    beside: int | None = None
    beside_born: float | None = None
    restart: Restart | None = None
    is_rolling: bool = False

    @property
    def living(self) -> list[int]:
        """Its processes that are alive."""
        both = ((self.pid, self.born), (self.beside, self.beside_born))
        return [pid for pid, since in both if pid is not None and lives(pid, since)]


class Phase(StrEnum):
    """Of the whole."""

    STARTING = "starting"
    UP = "up"
    STOPPING = "stopping"


class Running(msgspec.Struct, frozen=True, kw_only=True):
    """The whole platform, and the supervisor that keeps it."""

    pid: int
    born: float
    phase: Phase
    address: str
    topology: str
    broker: str
    parts: list[PartState]

    def is_supervised(self) -> bool:
        """Whether its supervisor is alive."""
        return lives(self.pid, self.born)

    def part(self, name: str) -> PartState | None:
        """The part of that name."""
        return next((part for part in self.parts if part.name == name), None)


def read(path: Path) -> Running | None:
    """What was last written, or None if there is nothing that we can read."""
    with suppress(
        FileNotFoundError, NotADirectoryError, msgspec.ValidationError, msgspec.DecodeError
    ):
        return msgspec.json.decode(path.read_bytes(), type=Running)
    return None


def write(path: Path, running: Running) -> None:
    """Write it whole, for its owner only: addresses carry passwords."""
    text = msgspec.json.format(msgspec.json.encode(running)).decode()
    write_whole(path, text, mode=0o600)


def born(pid: int | None) -> float | None:
    """When a process started, by the system's clock; None if it is not alive."""
    if pid is not None:
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(pid)
            # One that ended, and that its parent has not heard of, is still listed.
            if process.status() != psutil.STATUS_ZOMBIE:
                return float(process.create_time())
    return None


def lives(pid: int | None, since: float | None) -> bool:
    """Whether this very process is alive, and not a later one that got its number."""
    found = born(pid)
    return found is not None and since is not None and abs(found - since) < 0.1
