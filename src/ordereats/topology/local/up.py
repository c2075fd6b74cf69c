"""Brings the platform up, in this process or detached from it."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing, suppress
from socket import AF_INET6, socket

import psutil

from ordereats.topology.local.console import Console
from ordereats.topology.local.home import Home, shown, try_out
from ordereats.topology.local.leftovers import end_leftovers
from ordereats.topology.local.part import CannotStart, port_is_free
from ordereats.topology.local.plan import Plan, plan
from ordereats.topology.local.state import Phase
from ordereats.topology.local.supervisor import Supervisor
from ordereats.topology.local.wanted import Wanted


def up(home: Home, wanted: Wanted, decide: Callable[[Home, Wanted], Plan] = plan) -> int:
    """Run the platform, as it is decided, until it is stopped; returns the exit status.

    Raises:
        CannotStart: something is in the way. Nothing was started.
    """
    with home.claimed():
        return asyncio.run(_up(home, wanted, decide))


def up_detached(home: Home, arguments: Sequence[str]) -> int:
    """Run `ordereats up` with these arguments in a session of its own; return when it is up.

    Returns:
        0, or the exit status of what could not start; its words are on our stderr by then.

    Raises:
        CannotStart: its log can't be written.
    """
    log = home.log("up")
    with ExitStack() as stack:
        with home.usable():
            home.logs.mkdir(parents=True, exist_ok=True)
            try_out(home.logs)  # or what it says would be lost
            file = stack.enter_context(log.open("ab"))
        begin = file.tell()
        process = subprocess.Popen(
            [sys.executable, "-m", "ordereats.cli.main", "up", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
    try:
        while process.poll() is None:
            running = home.running()
            if running and running.pid == process.pid and running.phase is Phase.UP:
                sys.stdout.write(
                    f"OrderEats is up: {running.address}\n"
                    f"Its console is {shown(log)}; `ordereats down` stops it.\n"
                )
                return 0
            time.sleep(0.05)
    except BaseException:
        process.terminate()
        process.wait()
        raise
    sys.stderr.write(log.read_bytes()[begin:].decode(errors="replace"))
    return process.returncode or 1


async def _up(home: Home, wanted: Wanted, decide: Callable[[Home, Wanted], Plan]) -> int:
    leftovers = await end_leftovers(home)
    check_port(wanted.port)
    with home.usable():
        planned = decide(home, wanted)
    console = Console([each.part.name for each in planned.parts])
    if leftovers:
        names = ", ".join(leftovers)
        console.say(f"Stopped what a killed run had left behind: {names}.")
    console.opening(wanted.topology, planned.broker, shown(home.root), planned.remarks)
    return await Supervisor(home, planned, console).run()


def check_port(port: int) -> None:
    """Make sure that `localhost` and this port will lead to us.

    Raises:
        CannotStart: someone else listens there.
    """
    if port_is_free(port) and not _answers_on_ipv6(port):
        return
    raise CannotStart(
        f"Port {port} is taken{_by_whom(port)}: choose another by --port (PORT= with make)."
    )


def _answers_on_ipv6(port: int) -> bool:
    """Whether someone listens on ::1, where browsers and curl look first for localhost."""
    with suppress(OSError), closing(socket(AF_INET6)) as probe:
        probe.settimeout(0.2)
        return probe.connect_ex(("::1", port)) == 0
    return False


def _by_whom(port: int) -> str:
    with suppress(psutil.Error, OSError):
        for connection in psutil.net_connections("tcp"):
            listens = connection.status == psutil.CONN_LISTEN and connection.laddr.port == port
            if listens and connection.pid:
                return f" by {psutil.Process(connection.pid).name()} (process {connection.pid})"
    return ""
