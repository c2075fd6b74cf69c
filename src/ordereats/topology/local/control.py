"""What other commands do to a platform that runs: stop it, kill a part, start it again."""

import asyncio
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress

from ordereats.topology.local.home import Home
from ordereats.topology.local.leftovers import end_leftovers
from ordereats.topology.local.part import CannotStart, kill_family
from ordereats.topology.local.state import PartState, Running, State, lives


def down(home: Home) -> bool:
    """Stop what runs here and return when it has stopped; False if nothing did.

    Raises:
        CannotStart: it did not stop in time.
    """
    running = home.running()
    if running is None:
        return home.root.exists() and _end_leftovers(home)
    with suppress(ProcessLookupError):
        os.kill(running.pid, signal.SIGTERM)
    _wait_until(
        lambda: not running.is_supervised(),
        within_s=90,
        otherwise=f"OrderEats (process {running.pid}) has not stopped in 90 s: see its console.",
    )
    return True


def kill(home: Home, name: str) -> None:
    """Kill a part as a power cut would, and leave it down until `start`; return when it is.

    Raises:
        CannotStart: there is no such part, or nothing runs.
    """
    _part(home, name)
    home.hold(name)

    def is_down() -> bool:
        part = _part(home, name)
        if part.state is not State.HELD and part.pid and lives(part.pid, part.born):
            kill_family(part.pid, leader_is_ours=True)
        return part.state is State.HELD

    _wait_until(is_down, within_s=30, otherwise=f"{name} can't be killed.")


def start(home: Home, name: str) -> None:
    """Start a part that was killed, and return when it works.

    Raises:
        CannotStart: there is no such part, nothing runs, or it does not work in time.
    """
    _part(home, name)
    home.release(name)
    _wait_until(
        lambda: _part(home, name).state is State.READY,
        within_s=90,
        otherwise=f"{name} is not ready after 90 s: see {home.log(name)}.",
    )


def _end_leftovers(home: Home) -> bool:
    with home.claimed():
        return bool(asyncio.run(end_leftovers(home)))


def _part(home: Home, name: str) -> PartState:
    running = _running(home)
    part = running.part(name)
    if part is None:
        known = ", ".join(each.name for each in running.parts)
        raise CannotStart(f"There is no part {name}; there are: {known}.")
    return part


def _running(home: Home) -> Running:
    running = home.running()
    if running is None:
        raise CannotStart("OrderEats does not run here: `ordereats up` starts it.")
    return running


def _wait_until(condition: Callable[[], bool], *, within_s: float, otherwise: str) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            raise CannotStart(otherwise)
        time.sleep(0.02)
