"""Ends what a run that was killed left behind, and nothing else."""

import asyncio
import os
import signal
from contextlib import suppress
from pathlib import Path

import psutil

from ordereats.topology.local.home import Home
from ordereats.topology.local.part import Kind, kill_family
from ordereats.topology.local.state import PartState, lives, read

_WITHIN_S = 10


async def end_leftovers(home: Home) -> list[str]:
    """End the parts that the last written state names; returns the names of those that lived.

    Only whoever has claimed the home may call this.
    """
    found = read(home.state_file)
    if found is None:
        return []
    async with asyncio.TaskGroup() as tasks:
        ends = {part.name: tasks.create_task(_end(home, part)) for part in found.parts}
    home.state_file.unlink()
    return [name for name, end in ends.items() if end.result()]


async def _end(home: Home, part: PartState) -> bool:
    """End a part; True if something of it lived."""
    if part.pid is None:
        return False
    if lives(part.pid, part.born):
        with suppress(ProcessLookupError):
            # PostgreSQL would wait for its clients on SIGTERM.
            os.kill(part.pid, signal.SIGINT if part.kind is Kind.POSTGRES else signal.SIGTERM)
        with suppress(TimeoutError):
            async with asyncio.timeout(_WITHIN_S):
                while lives(part.pid, part.born):  # noqa: ASYNC110  # not our child: nothing tells
                    await asyncio.sleep(0.05)
        kill_family(part.pid, leader_is_ours=lives(part.pid, part.born))
        return True
    return _end_orphans(home, part.pid)


def _end_orphans(home: Home, leader: int) -> bool:
    """End the members of a session whose leader is gone: those of ours work in our folder."""
    orphans = [process for process in psutil.process_iter() if _is_orphan(process, home, leader)]
    for orphan in orphans:
        with suppress(psutil.NoSuchProcess):
            orphan.kill()
    return bool(orphans)


def _is_orphan(process: psutil.Process, home: Home, leader: int) -> bool:
    with suppress(OSError, psutil.Error):
        in_session = process.pid != leader and os.getsid(process.pid) == leader
        return in_session and Path(process.cwd()).is_relative_to(home.root.resolve())
    return False
