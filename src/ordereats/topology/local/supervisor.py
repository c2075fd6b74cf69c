"""Starts the parts of a plan, keeps them alive, stops them in order. Leaves no process behind."""

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from time import monotonic

import psutil

from ordereats.topology.local.console import Console
from ordereats.topology.local.follow import Follower
from ordereats.topology.local.home import Home, shown
from ordereats.topology.local.kept import Kept
from ordereats.topology.local.part import CannotStart, Kind, Process, ending, kill_family
from ordereats.topology.local.plan import Plan
from ordereats.topology.local.restarts import Restarts
from ordereats.topology.local.state import Phase, Running, State, born, write

_STOP_ORDER = (
    (Kind.GATEWAY,),
    (Kind.SERVICE,),
    (Kind.SANDBOX,),
    (Kind.FAULTS,),
    (Kind.RABBITMQ,),
    (Kind.POSTGRES,),
)
# make, timeout and their like pass on a signal that the whole process group got already.
_SAME_REQUEST_S = 0.5
_TALKATIVE = frozenset({Kind.POSTGRES, Kind.RABBITMQ})


class _Stopped(Exception):
    """Someone asked it to stop."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Pauses:
    """How long to wait before a part is started again: longer each time, until it has lived."""

    first_s: float = 0.2
    longest_s: float = 10.0
    forgiven_after_s: float = 30.0


class Supervisor:
    """Runs one plan, once."""

    def __init__(
        self, home: Home, plan: Plan, console: Console, pauses: Pauses | None = None
    ) -> None:
        self._home = home
        self._plan = plan
        self._console = console
        self._pauses = pauses or Pauses(longest_s=plan.wanted.restart_pause_s)
        self._kept = {
            planned.part.name: Kept(
                planned.part, Process(planned.part, home.log(planned.part.name)), planned.after
            )
            for planned in plan.parts
        }
        self._phase = Phase.STARTING
        self._restarts = Restarts(home, console, self._kept, self._write_state)
        self._stop = asyncio.Event()
        self._asked_at = 0.0

    async def run(self) -> int:
        """Start everything and keep it until SIGINT or SIGTERM; returns the exit status.

        The home has to be claimed.
        """
        with self._signals():
            self._home.release_all()
            status = 0
            try:
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(self._until_stopped())
                    tasks.create_task(self._greet())
                    tasks.create_task(self._restarts.hear())
                    for kept in self._kept.values():
                        tasks.create_task(self._keep(kept))
            except* _Stopped:
                pass
            except* CannotStart as reasons:
                self._console.failed(str(reasons.exceptions[0]))
                status = 1
            finally:
                await self._stop_all()
            return status

    # -- starting and keeping

    async def _greet(self) -> None:
        """Say when all of it works; from then on pass on what parts complain about."""
        began = monotonic()
        for kept in self._kept.values():
            await kept.is_known_good.wait()
        self._phase = Phase.UP
        self._write_state()
        wanted = self._plan.wanted
        self._console.up(wanted.address, monotonic() - began, shown(self._home.logs))
        follower = Follower(
            {
                name: kept.process.log
                for name, kept in self._kept.items()
                if kept.part.kind not in _TALKATIVE
            }
        )
        while True:
            await asyncio.sleep(0.3)
            for told in follower.news(monotonic()):
                self._console.told(told)

    async def _keep(self, kept: Kept) -> None:
        """Keep a part alive, from the moment that those it needs work."""
        for need in kept.after:
            await self._kept[need].is_known_good.wait()
        while True:
            if self._home.is_held(kept.part.name):
                await self._while_held(kept)
            began = monotonic()
            code = await self._live(kept)
            if self._home.is_held(kept.part.name):
                kept.settle(f"{kept.part.name} was killed meanwhile.")
                continue
            if code is not None and kept.next_life is not None:
                continue
            pause_s = self._next_pause(kept, lived_s=monotonic() - began)
            kept.restarts += 1
            self._become(kept, State.RESTARTING)
            what = f"ended ({ending(code)}); " if code is not None else ""
            self._console.event(kept.part.name, f"{what}starting it again in {pause_s:g} s", "red")
            if code is not None and code >= 0:
                self._console.log_end(kept.part.name, kept.process.log)
            await self._pause(kept, pause_s)

    async def _live(self, kept: Kept) -> int | None:
        """Start a part and wait for its end; its exit status, or None if it never worked.

        Raises:
            CannotStart: it never worked, this time or before.
        """
        began = monotonic()
        process = kept.process
        self._become(kept, State.STARTING)
        try:
            await process.launch()
            self._become(kept, State.STARTING)
            await process.wait_ready(degraded_is_enough=kept.is_known_good.is_set())
        except CannotStart as reason:
            await process.kill()
            kept.settle(str(reason))
            if not kept.is_known_good.is_set() and not self._home.is_held(kept.part.name):
                raise
            self._console.event(kept.part.name, str(reason).partition(". The end")[0], "red")
            return None
        self._become(kept, State.READY)
        kept.is_known_good.set()
        kept.settle("")
        self._console.ready(kept.part.name, monotonic() - began)
        return await self._end(kept)

    async def _end(self, kept: Kept) -> int:
        """Wait for the end of a process that no other takes over from; its exit status."""
        while True:
            process = kept.process
            code = await process.wait()
            await process.kill()  # what it had started
            await kept.is_settled.wait()
            if kept.process is process:
                return code

    async def _while_held(self, kept: Kept) -> None:
        self._become(kept, State.HELD)
        name = kept.part.name
        self._console.event(name, f"killed; `ordereats start {name}` starts it again", "yellow")
        while self._home.is_held(name):  # noqa: ASYNC110  # another process removes the mark
            await asyncio.sleep(0.05)
        kept.pause_s = 0.0

    async def _pause(self, kept: Kept, pause_s: float) -> None:
        """Wait, but no longer than until it is to be held."""
        end = monotonic() + pause_s
        while (  # noqa: ASYNC110  # another process makes the mark
            monotonic() < end and not self._home.is_held(kept.part.name)
        ):
            await asyncio.sleep(min(0.1, pause_s))

    def _next_pause(self, kept: Kept, *, lived_s: float) -> float:
        if lived_s >= self._pauses.forgiven_after_s or kept.pause_s == 0:
            kept.pause_s = self._pauses.first_s
        else:
            kept.pause_s = min(kept.pause_s * 2, self._pauses.longest_s)
        return kept.pause_s

    # -- stopping

    async def _until_stopped(self) -> None:
        await self._stop.wait()
        raise _Stopped

    @contextmanager
    def _signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        asked = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        for each in asked:
            loop.add_signal_handler(each, self._on_signal)
        try:
            yield
        finally:
            for each in asked:  # all is stopped: one more Ctrl-C has nothing to do
                loop.remove_signal_handler(each)
                signal.signal(each, signal.SIG_IGN)

    def _on_signal(self) -> None:
        if not self._stop.is_set():
            self._asked_at = monotonic()
            self._stop.set()
            return
        if monotonic() - self._asked_at < _SAME_REQUEST_S:
            return
        self._console.say("Killing everything.")
        for kept in self._kept.values():
            for process in kept.processes:
                if process.pid is not None:
                    kill_family(process.pid, leader_is_ours=True)
        for child in psutil.Process().children(recursive=True):  # a preparation, say
            with suppress(psutil.NoSuchProcess):
                child.kill()

    async def _stop_all(self) -> None:
        began = monotonic()
        self._phase = Phase.STOPPING
        self._console.say("Stopping; once more Ctrl-C kills at once.")
        for kinds in _STOP_ORDER:
            async with asyncio.TaskGroup() as tasks:
                for kept in self._kept.values():
                    if kept.part.kind in kinds:
                        tasks.create_task(self._stop_one(kept))
        self._home.state_file.unlink(missing_ok=True)
        self._console.say(f"Stopped after {monotonic() - began:.1f} s.")

    async def _stop_one(self, kept: Kept) -> None:
        began = monotonic()
        was_running = any(process.is_running for process in kept.processes)
        was_enough = all(await asyncio.gather(*(each.stop() for each in kept.processes)))
        self._become(kept, State.STOPPED)
        if was_running:
            how = "stopped" if was_enough else "did not stop and was killed"
            self._console.event(kept.part.name, f"{how} after {monotonic() - began:.1f} s")

    # -- telling others

    def _become(self, kept: Kept, state: State) -> None:
        kept.state = state
        self._write_state()

    def _write_state(self) -> None:
        pid = os.getpid()
        wanted = self._plan.wanted
        running = Running(
            pid=pid,
            born=born(pid) or 0.0,
            phase=self._phase,
            address=wanted.address,
            topology=wanted.topology,
            broker=self._plan.broker,
            parts=[kept.told() for kept in self._kept.values()],
        )
        try:
            write(self._home.state_file, running)
        except OSError as error:  # a full disk, say, must stop nothing
            self._console.failed(f"The state can't be written: {error}.")
