"""Ends what a run that was killed left behind, and nothing else."""

import asyncio
import os
import signal
from contextlib import suppress
from pathlib import Path

import psutil

from ordereats.topology.local.home import Home
from ordereats.topology.local.part import Kind, kill_family
from ordereats.topology.local.state import lives, read

_WITHIN_S = 10


async def end_leftovers(home: Home) -> list[str]:
    """End the parts that the last written state names; returns the names of those that lived.

    Only whoever has claimed the home may call this.
    """
    found = read(home.state_file)
    if found is None:
        return []
    async with asyncio.TaskGroup() as tasks:
        ends = [
            (part.name, tasks.create_task(_end(home, part.kind, pid, since)))
            for part in found.parts
            for pid, since in ((part.pid, part.born), (part.beside, part.beside_born))
            if pid is not None
        ]
    home.state_file.unlink()
    return list(dict.fromkeys(name for name, end in ends if end.result()))


async def _end(home: Home, kind: Kind, pid: int, since: float | None) -> bool:
    """End a process of a part; True if something of it lived."""
    if lives(pid, since):
        with suppress(ProcessLookupError):
            # PostgreSQL would wait for its clients on SIGTERM.
            os.kill(pid, signal.SIGINT if kind is Kind.POSTGRES else signal.SIGTERM)
        with suppress(TimeoutError):
            async with asyncio.timeout(_WITHIN_S):
                while lives(pid, since):  # noqa: ASYNC110  # not our child: nothing tells
                    await asyncio.sleep(0.05)
        kill_family(pid, leader_is_ours=lives(pid, since))
        return True
    return _end_orphans(home, pid)


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
