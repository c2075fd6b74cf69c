"""Sends load and tells what came of it: wrk for HTTP, pgbench for bare SQL. It starts no server."""

import asyncio
import re
import shutil
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path

import msgspec

from ordereats.topology.local.environment import inherited
from ordereats.topology.local.part import CannotStart

HERE = Path(__file__).parent


class Ask(StrEnum):
    """A kind of request, by the name of its script in `wrk/`."""

    PLACE = "post_orders"
    PLACE_UNKEYED = "post_orders_unkeyed"
    GET = "get_order"
    LIST = "list_restaurants"


class Load(msgspec.Struct, frozen=True):
    """What one run of a load came to.

    Attributes:
        p50_ms: half of the answers came within this time; of a closed loop, so that a server that
            stalls is asked less often meanwhile. None where it is not measured.
        p99_ms: the same of 99 in 100.
    """

    requests: int
    seconds: float
    p50_ms: float | None = None
    p99_ms: float | None = None


class _Summary(Load, frozen=True, kw_only=True):
    """As `wrk/summary.lua` prints it."""

    failed: int


class Failed(Exception):
    """A server did not do what it was asked; figures of such a run would mean nothing."""


async def wrk(ask: Ask, *arguments: object, url: str, connections: int, seconds: float) -> Load:
    """Ask a server over and over, on each connection as soon as it has answered.

    Args:
        ask: what.
        arguments: for the script.
        url: of the server.
        connections: how many requests are under way at any moment.
        seconds: for how long.

    Raises:
        Failed: one of the answers was an error, or did not come.
    """
    said = await _run(
        *("wrk", "--threads", "1", "--connections", str(connections)),
        *("--duration", f"{max(1, round(seconds))}s", "--script", f"{ask}.lua"),
        *(url, "--", *map(str, arguments)),
        folder=HERE / "wrk",
    )
    summary = msgspec.json.decode(said.splitlines()[-1], type=_Summary)
    if summary.failed or not summary.requests:
        raise Failed(f"{ask}: {summary.failed} of {summary.requests} requests failed.")
    return Load(summary.requests, summary.seconds, summary.p50_ms, summary.p99_ms)


async def pgbench(program: Path, url: str, *, connections: int, seconds: float) -> Load:
    """Run `order.sql` on a database over and over.

    Raises:
        Failed: a statement did.
    """
    said = await _run(
        *(str(program), "--no-vacuum", "--protocol", "prepared", "--file", "order.sql"),
        *("--client", str(connections), "--jobs", str(min(2, connections))),
        *("--time", str(max(1, round(seconds))), url),
        folder=HERE,
    )
    transactions = int(_found(r"transactions actually processed: (\d+)", said))
    if not transactions:
        raise Failed(f"pgbench could do nothing in {seconds:g} s.")
    return Load(transactions, transactions / float(_found(r"tps = ([\d.]+)", said)))


def demand(programs: Sequence[str]) -> None:
    """Check that programs are there.

    Raises:
        CannotStart: one is missing, with how to get it.
    """
    packages = {"node": "nodejs"}
    missing = [packages.get(each, each) for each in programs if shutil.which(each) is None]
    if missing:
        names = " ".join(missing)
        raise CannotStart(f"The benchmarks need {names}: apt-get install {names}.")


async def _run(*command: str, folder: Path) -> str:
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        env=inherited(),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    if process.returncode != 0:
        raise Failed(f"{command[0]}: {said.decode()}")
    return said.decode()


def _found(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    if found is None:
        raise Failed(f"no {pattern} in: {text}")
    return found[1]
