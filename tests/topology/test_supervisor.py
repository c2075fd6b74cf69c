"""The supervisor starts in order, keeps parts alive, and leaves no process behind, ever.

Its parts are stand-ins here (stand_in.py); the journeys of tests/acceptance run the real ones.
"""

import asyncio
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import msgspec
import psutil
import pytest

from ordereats.topology.local.part import free_ports
from ordereats.topology.local.state import Phase, Running, State, read

STAND_IN = Path(__file__).with_name("stand_in.py")
ORDEREATS = [sys.executable, "-m", "ordereats.cli.main"]
NOTHING = Running(pid=0, born=0, phase=Phase.STARTING, address="", topology="", broker="", parts=[])
Until = Callable[..., Awaitable[None]]


class Platform:
    """A supervisor in a process of its own, and what it says."""

    def __init__(self, folder: Path, until: Until) -> None:
        self.home = folder / "home"
        self.port = free_ports(1)[0]
        self._out = folder / "out"
        self._until = until

    @property
    def said(self) -> str:
        return self._out.read_text()

    @property
    def state(self) -> Running:
        found = read(self.home / "run" / "state.json")
        return found or NOTHING

    def up(self, mode: str = "good", *, out: int | None = None) -> subprocess.Popen[bytes]:
        command = [sys.executable, str(STAND_IN), "up", str(self.home), str(self.port), mode]
        with self._out.open("wb") as file:
            return subprocess.Popen(
                command, stdout=out or file, stderr=file, start_new_session=True
            )

    async def is_up(self) -> None:
        await self._until(lambda: bool(re.search("(Ready|Stopped) after", self.said)), within_s=60)
        assert "Ready after" in self.said, self.said

    async def ended(self, process: subprocess.Popen[bytes]) -> int:
        await self._until(lambda: process.poll() is not None, within_s=60)
        return process.returncode

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*ORDEREATS, *arguments],
            env={**os.environ, "ORDEREATS_HOME": str(self.home)},  # noqa: TID251  # handed on
            capture_output=True,
            text=True,
            check=False,
        )

    def pid(self, name: str) -> int:
        part = self.state.part(name)
        assert part
        assert part.pid
        return part.pid

    def processes(self) -> list[str]:
        """The command lines of all that lives and names our folder."""
        found = []
        for process in psutil.process_iter(["cmdline", "status", "pid"]):
            command = " ".join(process.info["cmdline"] or [])
            if str(self.home) in command and process.info["status"] != psutil.STATUS_ZOMBIE:
                found.append(f"{process.info['pid']} {command}")
        return found

    def clean(self) -> None:
        if (self.home / "run" / "state.json").exists():
            self.run("down")
        for line in self.processes():
            os.kill(int(line.split()[0]), signal.SIGKILL)


@pytest.fixture
def platform(open_folder: Path, until: Until) -> Iterator[Platform]:
    platform = Platform(open_folder, until)
    yield platform
    platform.clean()


async def test_ctrl_c_stops_all_in_order_and_leaves_no_process(platform: Platform) -> None:
    process = platform.up()
    await platform.is_up()

    process.send_signal(signal.SIGINT)

    assert await platform.ended(process) == 0
    stopped = [line.split()[0] for line in platform.said.splitlines() if " stopped after" in line]
    assert stopped == ["gateway", "shop", "queue", "store"]
    assert platform.processes() == []


async def test_a_part_starts_when_those_it_needs_are_ready(platform: Platform) -> None:
    platform.up()
    await platform.is_up()

    ready = [line.split()[0] for line in platform.said.splitlines() if " ready after" in line]
    assert ready.index("store") < ready.index("shop")
    assert ready[-1] == "gateway"


@pytest.mark.parametrize("after_s", [0.25, 0.4, 0.5, 0.6, 0.75, 1.0])
async def test_ctrl_c_while_starting_leaves_no_process(platform: Platform, after_s: float) -> None:
    process = platform.up("deaf")
    await asyncio.sleep(after_s)  # the moment is the point, not something to wait for

    process.send_signal(signal.SIGINT)

    await platform.ended(process)
    assert platform.processes() == []


async def test_a_second_ctrl_c_kills_what_does_not_stop(platform: Platform, until: Until) -> None:
    process = platform.up("stubborn")
    await platform.is_up()

    process.send_signal(signal.SIGTERM)
    await until(lambda: "gateway  stopped" in platform.said)
    asked = time.monotonic()
    while process.poll() is None and time.monotonic() < asked + 20:  # less than it is given to stop
        process.send_signal(signal.SIGINT)
        await asyncio.sleep(0.1)

    assert process.returncode == 0
    assert "Killing everything." in platform.said
    assert platform.processes() == []


async def test_what_a_killed_supervisor_left_is_stopped_at_the_next_start(
    platform: Platform,
) -> None:
    process = platform.up()
    await platform.is_up()
    process.kill()
    process.wait()
    assert len(platform.processes()) == 8
    os.kill(platform.pid("queue"), signal.SIGKILL)  # its own process lives on without it

    process = platform.up()
    await platform.is_up()

    assert "a killed run had left behind: store, queue, shop, gateway" in platform.said
    assert len(platform.processes()) == 9  # four parts, a process beside each, the supervisor


async def test_a_part_that_dies_is_started_again_after_longer_and_longer_pauses(
    platform: Platform, until: Until
) -> None:
    platform.up()
    await platform.is_up()

    for restarts in (1, 2, 3):
        os.kill(platform.pid("shop"), signal.SIGKILL)
        await until(lambda restarts=restarts: is_ready_again(platform.state, restarts))

    pauses = [line.rsplit(" in ")[1] for line in platform.said.splitlines() if "again in" in line]
    assert pauses == ["0.2 s", "0.4 s", "0.8 s"]
    assert "ended (signal SIGKILL)" in platform.said
    assert len(platform.processes()) == 9


def is_ready_again(running: Running, restarts: int) -> bool:
    shop = running.part("shop")
    return bool(shop and shop.restarts == restarts and shop.state is State.READY)


async def test_a_killed_part_stays_down_until_it_is_started(platform: Platform) -> None:
    platform.up()
    await platform.is_up()

    killed = platform.run("kill", "store")

    assert killed.returncode == 0
    held = platform.state.part("store")
    assert held
    assert (held.state, held.pid) == (State.HELD, None)
    assert len(platform.processes()) == 7
    started = platform.run("start", "store")
    assert (started.returncode, started.stdout) == (0, "store is ready.\n")
    again = platform.state.part("store")
    assert again
    assert (again.state, again.restarts) == (State.READY, 0)


async def test_it_goes_on_when_nobody_reads_what_it_says(platform: Platform, until: Until) -> None:
    process = platform.up(out=subprocess.PIPE)
    assert process.stdout
    process.stdout.readline()
    process.stdout.close()
    await until(lambda: platform.state.phase is Phase.UP)

    process.send_signal(signal.SIGINT)

    assert await platform.ended(process) == 0
    assert platform.processes() == []


async def test_it_stops_all_though_its_folder_is_gone(platform: Platform) -> None:
    process = platform.up()
    await platform.is_up()
    shutil.rmtree(platform.home)

    process.send_signal(signal.SIGINT)

    assert await platform.ended(process) == 0
    assert platform.processes() == []


async def test_an_unknown_part_is_refused_with_the_names_there_are(platform: Platform) -> None:
    platform.up()
    await platform.is_up()

    refused = platform.run("kill", "shops")

    assert refused.returncode == 2
    assert refused.stderr == "There is no part shops; there are: store, queue, shop, gateway.\n"


async def test_ps_tells_programs_all_about_every_part(platform: Platform) -> None:
    platform.up()
    await platform.is_up()

    parts = msgspec.json.decode(platform.run("ps", "--json").stdout, type=list[dict[str, object]])

    assert [part["name"] for part in parts] == ["store", "queue", "shop", "gateway"]
    assert parts[2] == {
        "name": "shop",
        "kind": "service",
        "pid": platform.pid("shop"),
        "url": parts[2]["url"],
        "state": "ready",
        "restarts": 0,
        "database": "postgres://somewhere",
        "breakers": [],
        "lag": None,  # nobody is there to say
    }
    assert set(parts[0]) == set(parts[2]) - {"database", "breakers", "lag"}


def test_ps_of_nothing_is_an_empty_list(platform: Platform) -> None:
    assert platform.run("ps", "--json").stdout == "[]\n"
    assert platform.run("ps").returncode == 0


@pytest.mark.parametrize(
    ("mode", "why"),
    [("deaf", "shop was not ready after 8 s"), ("broken", "shop ended while starting")],
)
async def test_a_part_that_does_not_become_ready_stops_all_with_the_end_of_its_log(
    platform: Platform, mode: str, why: str
) -> None:
    process = platform.up(mode)

    assert await platform.ended(process) == 1
    assert why in platform.said
    assert (mode == "broken") == ("this can't work" in platform.said)
    assert platform.processes() == []


async def test_a_second_up_says_that_it_runs_already(platform: Platform) -> None:
    process = platform.up()
    await platform.is_up()

    second = platform.run("up", "--port", str(platform.port))

    assert second.returncode == 2
    assert f"already runs here (process {process.pid}, http://localhost:" in second.stderr
    assert second.stderr.count("\n") == 1


async def test_down_stops_it_and_is_content_with_nothing_to_stop(platform: Platform) -> None:
    process = platform.up()
    await platform.is_up()

    first, second = platform.run("down"), platform.run("down")

    assert (first.returncode, first.stdout) == (0, "Stopped.\n")
    assert (second.returncode, second.stdout) == (0, "OrderEats does not run here.\n")
    assert await platform.ended(process) == 0
    assert platform.processes() == []


def test_data_of_a_newer_version_are_refused_in_one_sentence(platform: Platform) -> None:
    platform.home.mkdir()
    (platform.home / "version").write_text("99\n")

    refused = platform.run("up", "--port", str(platform.port))

    assert refused.returncode == 2
    assert "was made by a newer OrderEats" in refused.stderr
    assert refused.stderr.count("\n") == 1


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_a_port_that_is_taken_is_named_before_anything_starts(
    platform: Platform, address: str
) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        other = socket.create_server((address, 0), family=family)
    except OSError:
        pytest.skip(f"{address} is no address of this machine")
    with other:
        port = other.getsockname()[1]

        refused = platform.run("up", "--port", str(port))

    assert refused.returncode == 2
    assert refused.stderr.startswith(f"Port {port} is taken")
    assert "--port (PORT= with make)" in refused.stderr
    assert not list((platform.home / "data").iterdir())
