"""Restarts that somebody asks for: the next process takes over where it can, else stop and start.

It restarts nothing by itself: what has died is the supervisor's.
"""

import asyncio
from collections.abc import Callable, Mapping
from time import monotonic

from ordereats.topology.local.console import Console
from ordereats.topology.local.home import Home
from ordereats.topology.local.kept import Kept
from ordereats.topology.local.part import CannotStart, Process
from ordereats.topology.local.state import Restart, State

HEARD_WITHIN_S = 0.05


class Restarts:
    """Those of one platform."""

    def __init__(
        self, home: Home, console: Console, parts: Mapping[str, Kept], tell: Callable[[], None]
    ) -> None:
        """Prepare.

        Args:
            home: where they are asked for.
            console: where they are said.
            parts: by name.
            tell: writes down how all parts are.
        """
        self._home = home
        self._console = console
        self._parts = parts
        self._tell = tell

    async def hear(self) -> None:
        """Do what is asked for, of several parts at once. Never returns."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                for name, token in self._home.asked_restarts():
                    kept = self._parts.get(name)
                    if kept and (kept.restart is None or kept.restart.token != token):
                        kept.restart = Restart(token=token)
                        tasks.create_task(self._restart(kept, token))
                await asyncio.sleep(HEARD_WITHIN_S)

    async def _restart(self, kept: Kept, token: str) -> None:
        began = monotonic()
        why = ""
        try:
            await self._carry_out(kept)
        except CannotStart as reason:
            why = str(reason)
            self._console.event(kept.part.name, f"not restarted: {why.partition('. ')[0]}", "red")
        kept.restart = Restart(token=token, is_over=True, why=why, seconds=monotonic() - began)
        self._tell()
        self._home.forget_restart(kept.part.name)

    async def _carry_out(self, kept: Kept) -> None:
        if kept.state is not State.READY:
            raise CannotStart(f"It is {kept.state}, not ready: nothing was done.")
        if kept.part.handover:
            await self._relieve(kept)
        else:
            await self._stop_and_start(kept)

    async def _relieve(self, kept: Kept) -> None:
        """Start one more process; once it works, let the other finish what it has begun.

        Raises:
            CannotStart: it does not work. The other goes on.
        """
        old, new, name = kept.process, kept.process.another(), kept.part.name
        kept.beside = new
        kept.is_settled.clear()
        self._console.event(name, "being restarted: the next process starts beside it")
        try:
            await self._start_beside(new)
        except CannotStart:
            await new.kill()
            kept.beside = None
            raise
        else:
            kept.process, kept.beside = new, old
        finally:
            kept.is_settled.set()
        self._tell()
        self._console.event(name, f"process {new.pid} has taken over from {old.pid}", "green")
        began = monotonic()
        was_enough = await old.stop()
        kept.beside = None
        how = "has left" if was_enough else "did not leave and was killed"
        self._console.event(name, f"the one before {how} after {monotonic() - began:.1f} s")

    async def _start_beside(self, new: Process) -> None:
        await new.launch(beside=True)
        self._tell()
        await new.wait_ready()
        if self._home.is_held(new.part.name):
            raise CannotStart(f"{new.part.name} was killed meanwhile.")

    async def _stop_and_start(self, kept: Kept) -> None:
        """Stop it, and have it started as one that has died is, but at once.

        Raises:
            CannotStart: it does not work; it is tried again.
        """
        self._console.event(kept.part.name, "being restarted: it is down until it is ready again")
        kept.next_life = asyncio.get_running_loop().create_future()
        kept.state = State.RESTARTING
        kept.is_settled.clear()
        self._tell()
        try:
            await kept.process.stop()
            kept.is_settled.set()
            why = await kept.next_life
        finally:
            kept.next_life = None
        if why:
            raise CannotStart(why)
