"""Failpoints: named places where a running process can be told to crash, to wait or to fail.

They are for tests, and off unless `FAILPOINTS` says otherwise.
"""

import asyncio
import os
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from enum import StrEnum
from typing import Annotated

import structlog
from msgspec import Meta
from msgspec.structs import replace

from ordereats.chassis.config import Environment
from ordereats.chassis.errors import DatabaseError, Misconfigured, NotFound
from ordereats.contracts.wire import Body

log = structlog.get_logger(__name__)

CRASHED = 77
"""The exit status of a process that a failpoint has ended."""
LONGEST_DELAY_S = 600.0


class Action(StrEnum):
    """What a point does to whoever reaches it."""

    CRASH = "crash"
    """The process ends at once: nothing is flushed, closed or answered."""
    DELAY = "delay"
    FAIL = "fail"
    """An error is raised that this place has to expect in life."""


class Command(Body, frozen=True):
    """What a point is told to do.

    Attributes:
        detail: only where this is at work; null: whatever is.
        nth: the how manieth time from now on, and only then; null: each time.
        seconds: of a delay.
    """

    action: Action
    detail: str | None = None
    nth: Annotated[int, Meta(ge=1)] | None = 1
    seconds: Annotated[float, Meta(ge=0, le=LONGEST_DELAY_S)] = 1.0


class PointState(Body, frozen=True):
    """A point, and what has come by it.

    Attributes:
        what: has happened there, and what has not.
        hits: how often it was reached, by what was at work.
        commands: what it is told to do, if anything; for each detail another, if so told.
    """

    name: str
    what: str
    hits: dict[str, int]
    commands: Sequence[Command]


class Failpoints:
    """The points of a process."""

    def __init__(self, end: Callable[[int], object] = os._exit) -> None:
        """Prepare; `end` ends the process."""
        self.is_on = False
        self._end = end
        self._points: dict[str, Failpoint] = {}

    def add(self, point: "Failpoint") -> None:
        """Know of a point. Each has a name of its own."""
        if point.name in self._points:
            raise ValueError(f"there are two failpoints {point.name}")
        self._points[point.name] = point

    def switch(self, environment: Environment) -> None:
        """Go on or off by `FAILPOINTS`: `off`, `on`, or commands for what happens at the start.

        Raises:
            Misconfigured: it is none of these, or names a point that is not in this process.
        """
        said = environment.text("FAILPOINTS", "off")
        self.is_on = said != "off"
        if said in {"off", "on"}:
            return
        for each in said.split(","):
            place, _, action = each.strip().partition("=")
            name, _, detail = place.partition(":")
            if name not in self._points:
                raise Misconfigured(
                    "FAILPOINTS must be off, on, or commands such as relay.confirmed=crash; there"
                    f" is no point {name!r} here, only {', '.join(sorted(self._points))}."
                )
            self._points[name].obey(_command(action, detail or None))

    def states(self) -> Sequence[PointState]:
        """All of them, by name.

        Raises:
            NotFound: they are off.
        """
        if not self.is_on:
            raise NotFound("Failpoints are off in this process: FAILPOINTS=on.")
        return [self._points[name].state() for name in sorted(self._points)]

    def point(self, name: str) -> "Failpoint":
        """One of them.

        Raises:
            NotFound: there is none of that name, or they are off.
        """
        if not self.is_on or name not in self._points:
            raise NotFound(f"There is no failpoint {name} in this process.")
        return self._points[name]

    def begin(self, what: Callable[[], str]) -> None:
        """Say what the running task works at from now on: the detail of the points it reaches."""
        if self.is_on:
            _AT_WORK.set(what)

    def crash(self) -> None:
        """End the process."""
        sys.stdout.flush()
        sys.stderr.flush()
        self._end(CRASHED)


FAILPOINTS = Failpoints()
"""Those of this process."""


class Failpoint:
    """One place, made once where its module is imported.

    Passing one that is off costs 0.1 µs (`timeit`, on the reference machine).

    Attributes:
        name: `area.moment`.
    """

    def __init__(
        self,
        name: str,
        what: str,
        *,
        fails: type[Exception] = DatabaseError,
        among: Failpoints = FAILPOINTS,
    ) -> None:
        """Name a place.

        Args:
            name: `area.moment`.
            what: has happened when it is reached, and what has not.
            fails: an error that this place has to expect in life.
            among: the points that it is one of.
        """
        self.name = name
        self._what = what
        self._fails = fails
        self._among = among
        self._hits: Counter[str] = Counter()
        self._commands: dict[str | None, Command] = {}
        among.add(self)

    async def reached(self, detail: str | None = None) -> None:
        """Do what it was told, if anything.

        Args:
            detail: what is at work here, if it is something else than `Failpoints.begin` was told.
        """
        if self._among.is_on:
            await self._obey(_AT_WORK.get()() if detail is None else detail)

    def obey(self, command: Command) -> None:
        """Take a command, in place of the one before for the same detail."""
        self._commands[command.detail] = command

    def release(self) -> None:
        """Do nothing any more."""
        self._commands.clear()

    def state(self) -> PointState:
        """What it is, and what has come by."""
        return PointState(self.name, self._what, dict(self._hits), [*self._commands.values()])

    async def _obey(self, detail: str) -> None:
        self._hits[detail] += 1
        command = self._due(detail)
        if command is None:
            return
        log.warning("failpoint", point=self.name, detail=detail, action=command.action)
        match command.action:
            case Action.CRASH:
                self._among.crash()
            case Action.DELAY:
                await asyncio.sleep(command.seconds)
            case Action.FAIL:
                raise self._fails(f"failpoint {self.name}")

    def _due(self, detail: str) -> Command | None:
        """What to do now. What was said of this detail goes before what was said of any."""
        whose = detail if detail in self._commands else None
        command = self._commands.get(whose)
        if command is None or command.nth is None:
            return command
        if command.nth == 1:
            return self._commands.pop(whose)
        self._commands[whose] = replace(command, nth=command.nth - 1)
        return None


def _command(action: str, detail: str | None) -> Command:
    """Read `crash`, `fail`, or the seconds of a delay."""
    if action in {Action.CRASH, Action.FAIL}:
        return Command(Action(action), detail)
    delay = Environment({"FAILPOINTS": action or "nothing"})
    seconds = delay.seconds("FAILPOINTS", 0, least=0, most=LONGEST_DELAY_S)
    return Command(Action.DELAY, detail, seconds=seconds)


_AT_WORK: ContextVar[Callable[[], str]] = ContextVar("ordereats_at_work", default=str)
