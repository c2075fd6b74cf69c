"""Work that goes on beside requests: tasks with an owner, jobs that sweep, hints that wake them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

import structlog

from ordereats.chassis.backoff import equal_jitter_s
from ordereats.chassis.errors import DatabaseError
from ordereats.chassis.failpoints import FAILPOINTS

log = structlog.get_logger(__name__)

FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 10.0
LEAST_WAIT_S = 0.01
"""For what is due: many that come due one after the other are done a few at a time."""
APART_S = 0.02
"""Between the first runs of two jobs of a process. At once, each would open a connection to the
database of its own (3.8 MB of PostgreSQL's memory), then and at every later look."""


class Background:
    """Owns the tasks of a process, so that none is lost with its error."""

    def __init__(self, group: asyncio.TaskGroup) -> None:
        self._group = group
        self._tasks: set[asyncio.Task[None]] = set()

    @classmethod
    @asynccontextmanager
    async def open(cls) -> AsyncIterator["Background"]:
        """Run tasks for the length of a block; those that still run at its end are cancelled.

        An error of the block comes out as it is; one of a task, in an exception group.
        """
        failure: Exception | None = None
        async with asyncio.TaskGroup() as group:
            background = cls(group)
            try:
                yield background
            except Exception as error:  # noqa: BLE001  # it is raised again, outside the group
                failure = error
            for task in background._tasks:
                task.cancel()
        if failure is not None:
            raise failure

    def start(self, work: Coroutine[Any, Any, None], *, name: str) -> asyncio.Task[None]:
        """Run it until it returns. An error that it lets out ends the process, loudly."""
        task = self._group.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


class Hint:
    """Says that there may be work. Losing one costs time, never work: whoever waits also polls."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def give(self) -> None:
        """Wake whoever waits, or whoever waits next."""
        self._event.set()

    @property
    def is_given(self) -> bool:
        """Whether there is one that nobody has taken up."""
        return self._event.is_set()

    async def wait(self, at_most_s: float) -> None:
        """Wait for a hint, and no longer than that."""
        await _either(self._event, at_most_s)
        self._event.clear()


@dataclass(frozen=True, slots=True)
class Job:
    """Something that is done whenever there is some of it to do.

    What there is to do stands in the database, so that a job may die at any moment; it leases what
    it takes, so that any number of processes may run it.

    Attributes:
        name: for the log.
        run: does some of the work; returns whether there may be more at once.
        every_s: looks again after that time at the latest.
        hint: wakes it sooner.
        due_in_s: tells when the next is due, of what came due in the last so many seconds or will,
            so that each is done at its time, not at that of the next look.
    """

    name: str
    run: Callable[[], Awaitable[bool]]
    every_s: float
    hint: Hint = field(default_factory=Hint)
    due_in_s: Callable[[float], Awaitable[float | None]] | None = None

    async def loop(self, stopping: asyncio.Event, *, after_s: float = 0.0) -> None:
        """Run until told to stop. A fault is logged and costs a pause that grows to 10 s.

        Args:
            stopping: tells it to stop.
            after_s: begins then, or when it is hinted.
        """
        if after_s:
            await self.hint.wait(after_s)
        faults = 0
        while not stopping.is_set():
            pause_s = 0.0
            try:
                pause_s = await self._run()
                faults = 0
            except DatabaseError as error:
                faults += 1
                log.warning("job_waits_for_database", job=self.name, error=str(error))
            except Exception:
                faults += 1
                log.exception("job_failed", job=self.name)
            if faults:
                pause_s = equal_jitter_s(faults, first_s=FIRST_PAUSE_S, longest_s=LONGEST_PAUSE_S)
                await _either(stopping, pause_s)
            elif pause_s:
                await self.hint.wait(pause_s)

    async def _run(self) -> float:
        """Do some of the work. Returns after how long to look for more, at the latest."""
        FAILPOINTS.begin(lambda: f"job {self.name}")
        began = monotonic()
        if await self.run():
            return 0.0
        if self.due_in_s is None or self.hint.is_given:  # then it looks again at once
            return self.every_s
        # What came due during the run has not been seen by it.
        due_s = await self.due_in_s(monotonic() - began)
        return self.every_s if due_s is None else min(self.every_s, max(LEAST_WAIT_S, due_s))


class Jobs:
    """The jobs of a process."""

    def __init__(self, background: Background) -> None:
        self._background = background
        self._stopping = asyncio.Event()
        self._running: list[tuple[Job, asyncio.Task[None]]] = []

    def start(self, job: Job) -> None:
        """Run it until `stop`: the first at once, each further one a moment after the last."""
        after_s = APART_S * len(self._running)
        loop = job.loop(self._stopping, after_s=after_s)
        task = self._background.start(loop, name=f"job {job.name}")
        self._running.append((job, task))

    async def stop(self, *, within_s: float) -> None:
        """Let each finish what it has begun, and start nothing more."""
        self._stopping.set()
        for job, _ in self._running:
            job.hint.give()
        if self._running:
            await asyncio.wait([task for _, task in self._running], timeout=within_s)


async def _either(event: asyncio.Event, at_most_s: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(at_most_s):
            await event.wait()
