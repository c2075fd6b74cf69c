"""The fault proxy as a program: a process for all edges of a platform."""

import asyncio
import resource
import signal
from collections.abc import Sequence
from pathlib import Path

import uvloop

from ordereats.chassis.errors import Misconfigured
from ordereats.chassis.telemetry import logs
from ordereats.topology.faults.edges import read
from ordereats.topology.faults.proxy import Proxy
from ordereats.topology.local.ways import Way


def run(ways: Path, port: int) -> None:
    """Stand on the ways of a file, and hear commands on this port, until SIGTERM or SIGINT.

    Raises:
        Misconfigured: a port is taken.
    """
    logs.configure(level="info", form="json", service="faults")
    _have_many_connections()
    uvloop.run(_serve(read(ways), port))


async def _serve(ways: Sequence[Way], port: int) -> None:
    stop = asyncio.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(each, stop.set)
    try:
        async with Proxy.open(ways, port):
            await stop.wait()
    except* OSError as errors:
        raise Misconfigured(f"The fault proxy can't listen: {errors.exceptions[0]}.") from None


def _have_many_connections() -> None:
    """Each takes two files, and the usual limit is 1024."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
