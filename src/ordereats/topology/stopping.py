"""The end of a process that serves: in order, within one budget, whatever hangs.

It is no worse than a crash, whatever it cuts off: every effect stands in a database or does not.
"""

import asyncio
import os
import signal
from dataclasses import dataclass
from threading import Timer

import structlog

from ordereats.chassis.errors import DatabaseError
from ordereats.chassis.http.server import Server
from ordereats.topology.assembly import Assembled

log = structlog.get_logger(__name__)

WORK_SHARE = 0.6
"""Of the time that is left after the drain: so much of it requests and handlers may take."""
FLUSH_SHARE = 0.4
"""Of what is left then: so much of it jobs may take, and of what is left then, the outbox."""
CLOSE_S = 0.5
"""Of the budget are kept for closing what is open."""


@dataclass(frozen=True, slots=True)
class Budget:
    """How long stopping may take.

    Attributes:
        drain_s: how long to go on answering after saying "unready".
        stop_s: in all.
    """

    drain_s: float
    stop_s: float


class Stop:
    """SIGTERM or SIGINT. While the process starts it ends the start; a second one is no news."""

    def __init__(self, budget: Budget) -> None:
        """Listen for signals. Called in the task that starts, which is cancelled if one comes."""
        self.budget = budget
        self.is_asked = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._starting = asyncio.current_task()
        self._ends = 0.0
        for each in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(each, self._hear)

    @property
    def left_s(self) -> float:
        """Of the budget, for work."""
        return max(0.0, self._ends - CLOSE_S - self._loop.time())

    def begun(self) -> None:
        """The start is over: from now on `is_asked` tells."""
        self._starting = None

    def _hear(self) -> None:
        if self.is_asked.is_set():
            return
        log.info("stopping")
        self._ends = self._loop.time() + self.budget.stop_s
        last_resort = Timer(self.budget.stop_s, _cut_off)
        last_resort.daemon = True
        last_resort.start()
        self.is_asked.set()
        if self._starting is not None:
            self._starting.cancel()


async def stop(group: Assembled, server: Server, asked: Stop) -> None:
    """Unready; a short drain; no more events, no more requests; what runs finishes; the outbox."""
    group.draining.is_on = True
    server.say_goodbye()
    await asyncio.sleep(asked.budget.drain_s)
    within_s = asked.left_s * WORK_SHARE
    async with asyncio.TaskGroup() as both:
        both.create_task(_finish_handlers(group, within_s))
        both.create_task(_finish_requests(server, within_s))
    await group.jobs.stop(within_s=asked.left_s * FLUSH_SHARE)
    await _flush(group, asked.left_s)
    log.info("stopped")


async def _finish_handlers(group: Assembled, within_s: float) -> None:
    try:
        async with asyncio.timeout(within_s):
            await group.bus.stop_consuming()
    except TimeoutError:
        log.warning("handlers_cut_off")


async def _finish_requests(server: Server, within_s: float) -> None:
    cut = await server.finish(within_s=within_s)
    if cut:
        log.warning("connections_cut_off", count=cut)


async def _flush(group: Assembled, within_s: float) -> None:
    """Publish what the last requests and handlers have said, as far as that goes."""
    try:
        async with asyncio.timeout(within_s):
            for relay in group.relays:
                await relay.run_once()
    except (TimeoutError, DatabaseError) as error:
        log.warning("outbox_not_flushed", error=str(error))


def _cut_off() -> None:
    """Something hangs that nothing else has ended: the loop itself, or a library's close."""
    log.warning("stop_cut_off")
    os._exit(0)
