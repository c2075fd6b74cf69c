"""A part that a supervisor keeps, and how it fares. It starts and stops nothing."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from ordereats.topology.local.part import Part, Process
from ordereats.topology.local.state import PartState, Restart, State, born


@dataclass(slots=True, eq=False)
class Kept:
    """A part, and how it fares.

    Attributes:
        process: the one that does its work.
        after: the names of those that have to be ready before it is started.
        beside: one more process, which comes to take over or has been relieved and drains.
        is_settled: set while nobody else is at work on its processes.
        next_life: of a part that is stopped to be started again: what becomes of it.
        restarts: how often it was started again after it had ended by itself.
        restart: the last that somebody has asked for.
    """

    part: Part
    process: Process
    after: tuple[str, ...]
    state: State = State.WAITING
    restarts: int = 0
    pause_s: float = 0.0
    is_known_good: asyncio.Event = field(default_factory=asyncio.Event)
    beside: Process | None = None
    is_settled: asyncio.Event = field(default_factory=asyncio.Event)
    next_life: "asyncio.Future[str] | None" = None
    restart: Restart | None = None

    def __post_init__(self) -> None:
        self.is_settled.set()

    @property
    def processes(self) -> Sequence[Process]:
        """All that it has."""
        return [self.process, *([self.beside] if self.beside else [])]

    def settle(self, why: str) -> None:
        """Tell whoever has it started again what came of that: it works, or why it does not."""
        if self.next_life is not None and not self.next_life.done():
            self.next_life.set_result(why)

    def told(self) -> PartState:
        """What others are told of it."""
        pid, beside = self.process.pid, self.beside.pid if self.beside else None
        return PartState(
            name=self.part.name,
            kind=self.part.kind,
            pid=pid,
            url=self.part.url,
            state=self.state,
            restarts=self.restarts,
            database=self.part.database,
            management=self.part.management,
            born=born(pid),
            beside=beside,
            beside_born=born(beside),
            restart=self.restart,
            is_rolling=self.part.handover is not None,
        )
