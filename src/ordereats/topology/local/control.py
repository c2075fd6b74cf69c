"""What other commands do to a platform that runs: stop it; kill, start or restart a part."""

import asyncio
import os
import secrets
import signal
import time
from collections.abc import Callable
from contextlib import suppress

from ordereats.topology.local.home import Home
from ordereats.topology.local.leftovers import end_leftovers
from ordereats.topology.local.part import CannotStart, kill_family
from ordereats.topology.local.state import PartState, Restart, Running, State

RESTARTED_WITHIN_S = 120.0
"""Longer than a process may take to be ready, and the one before to leave."""


class NotRestartedError(Exception):
    """A part did not become ready again. Says why, with the end of its log."""


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
        if part.state is not State.HELD:
            for pid in part.living:
                kill_family(pid, leader_is_ours=True)
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


def restart(home: Home, name: str) -> float:
    """Restart a part, without a gap where it can be: see `is_rolling`. Returns when it is done.

    Whoever stops waiting leaves the restart to go on.

    Returns:
        How many seconds it took.

    Raises:
        CannotStart: there is no such part, it is held or being restarted, or nothing runs.
        NotRestartedError: it does not become ready; if it is rolling, the one before goes on.
    """
    if _part(home, name).state is State.HELD:
        raise CannotStart(f"{name} was killed: `ordereats start {name}` starts it again.")
    token = secrets.token_hex(8)
    home.ask_restart(name, token)
    over: list[Restart] = []

    def is_over() -> bool:
        found = _part(home, name).restart
        if found is not None and found.token == token and found.is_over:
            over.append(found)
        return bool(over)

    _wait_until(
        is_over,
        within_s=RESTARTED_WITHIN_S,
        otherwise=f"{name} is still being restarted after {RESTARTED_WITHIN_S:g} s.",
    )
    if over[0].why:
        raise NotRestartedError(over[0].why)
    return over[0].seconds


def is_rolling(home: Home, name: str) -> bool:
    """Whether a part is restarted without a gap.

    Raises:
        CannotStart: there is no such part, or nothing runs.
    """
    return _part(home, name).is_rolling


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
