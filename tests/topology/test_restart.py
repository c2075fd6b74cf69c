"""`ordereats restart`: the next process takes over, or the one before goes on.

Its parts are stand-ins (stand_in.py); tests/faults/test_restarts.py restarts the real ones, under
load.
"""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ordereats.topology.local.state import PartState, State
from topology.test_supervisor import Platform, Until

COMMAND = (sys.executable, "-m", "ordereats.cli.main", "restart")


@pytest.fixture
def platform(open_folder: Path, until: Until) -> Iterator[Platform]:
    platform = Platform(open_folder, until)
    yield platform
    platform.clean()


def restarting(platform: Platform, name: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        (*COMMAND, name),
        env={**os.environ, "ORDEREATS_HOME": str(platform.home)},  # noqa: TID251  # handed on
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def part(platform: Platform, name: str) -> PartState:
    found = platform.state.part(name)
    assert found
    return found


def next_is(platform: Platform, mode: str) -> None:
    (platform.home / "next").write_text(mode, encoding="utf-8")


def answers(platform: Platform, name: str) -> bool:
    port = int(part(platform, name).url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=5) as asking:
        asking.sendall(b"GET / HTTP/1.1\r\n\r\n")
        return asking.recv(100).startswith(b"HTTP/1.1 200")


async def test_a_service_is_followed_by_another_process_and_that_is_no_restart_of_a_dead_one(
    platform: Platform,
) -> None:
    platform.up()
    await platform.is_up()
    before = platform.pid("shop")

    restarted = platform.run("restart", "shop")

    assert restarted.returncode == 0, restarted.stderr
    assert restarted.stdout.startswith("shop was restarted in ")
    assert restarted.stdout.endswith(" s, without a gap.\n")
    after = part(platform, "shop")
    assert after.pid != before
    assert (after.state, after.restarts, after.beside) == (State.READY, 0, None)
    assert answers(platform, "shop")
    assert len(platform.processes()) == 9  # four parts, a process beside each, the supervisor


async def test_its_address_answers_all_the_time(platform: Platform) -> None:
    platform.up()
    await platform.is_up()
    asked = 0

    command = restarting(platform, "shop")
    while command.poll() is None:
        assert await asyncio.to_thread(answers, platform, "shop")
        asked += 1

    assert command.returncode == 0
    assert asked > 10


@pytest.mark.parametrize(
    ("mode", "why"),
    [("deaf", "shop was not ready after 8 s"), ("broken", "this can't work")],
)
async def test_what_does_not_become_ready_is_ended_and_the_one_before_goes_on(
    platform: Platform, mode: str, why: str
) -> None:
    platform.up()
    await platform.is_up()
    before = platform.pid("shop")
    next_is(platform, mode)

    restarted = platform.run("restart", "shop")

    assert restarted.returncode == 1
    assert restarted.stderr.startswith("shop was not restarted. shop goes on as before. ")
    assert why in restarted.stderr
    assert "Traceback" not in restarted.stderr
    after = part(platform, "shop")
    assert (after.pid, after.state, after.restarts) == (before, State.READY, 0)
    assert answers(platform, "shop")
    assert len(platform.processes()) == 9
    next_is(platform, "good")
    assert platform.run("restart", "shop").returncode == 0


async def test_what_can_not_be_followed_is_stopped_and_started_and_says_so(
    platform: Platform,
) -> None:
    platform.up()
    await platform.is_up()
    before = platform.pid("store")

    restarted = platform.run("restart", "store")

    assert restarted.returncode == 0, restarted.stderr
    first, last = restarted.stdout.splitlines()
    assert first == "store is down until it is ready again; what needs it waits or is refused."
    assert last.startswith("store was restarted in ")
    assert "gap" not in last
    after = part(platform, "store")
    assert after.pid != before
    assert (after.state, after.restarts) == (State.READY, 0)
    assert len(platform.processes()) == 9


async def test_what_was_stopped_and_does_not_start_is_tried_again_until_it_does(
    platform: Platform, until: Until
) -> None:
    platform.up()
    await platform.is_up()
    next_is(platform, "broken")

    restarted = platform.run("restart", "store")

    assert restarted.returncode == 1
    assert restarted.stderr.startswith("store was not restarted. store ended while starting")
    next_is(platform, "good")
    await until(lambda: part(platform, "store").state is State.READY)
    assert part(platform, "store").restarts > 0


async def test_one_that_is_being_restarted_is_not_restarted_twice_at_once(
    platform: Platform, until: Until
) -> None:
    platform.up()
    await platform.is_up()
    next_is(platform, "deaf")
    first = restarting(platform, "shop")
    await until(lambda: part(platform, "shop").beside is not None)

    second = platform.run("restart", "shop")

    assert second.returncode == 2
    assert second.stderr == "shop is being restarted already.\n"
    assert first.wait() == 1
    assert "was not ready after 8 s" in first.communicate()[1]


async def test_ctrl_c_leaves_the_restart_to_go_on(platform: Platform, until: Until) -> None:
    platform.up()
    await platform.is_up()
    before = platform.pid("shop")
    next_is(platform, "deaf")
    command = restarting(platform, "shop")
    await until(lambda: part(platform, "shop").beside is not None)

    command.send_signal(signal.SIGINT)

    assert command.wait() == 130
    assert command.communicate()[1] == "The restart of shop goes on: see `ordereats ps`.\n"
    await until(lambda: part(platform, "shop").beside is None)
    assert platform.pid("shop") == before
    next_is(platform, "good")
    assert platform.run("restart", "shop").returncode == 0


async def test_what_was_killed_is_started_not_restarted(platform: Platform) -> None:
    platform.up()
    await platform.is_up()
    platform.run("kill", "shop")

    refused = platform.run("restart", "shop")

    assert refused.returncode == 2
    assert refused.stderr == "shop was killed: `ordereats start shop` starts it again.\n"
    with pytest.raises(ConnectionRefusedError):
        answers(platform, "shop")
    assert platform.run("start", "shop").returncode == 0
    assert answers(platform, "shop")


async def test_killed_while_it_is_being_restarted_it_is_down_with_all_its_processes(
    platform: Platform, until: Until
) -> None:
    platform.up()
    await platform.is_up()
    next_is(platform, "deaf")
    command = restarting(platform, "shop")
    await until(lambda: part(platform, "shop").beside is not None)

    assert platform.run("kill", "shop").returncode == 0

    assert command.wait() == 1
    held = part(platform, "shop")
    assert (held.state, held.pid, held.beside) == (State.HELD, None, None)
    assert len(platform.processes()) == 7
    with pytest.raises(ConnectionRefusedError):
        answers(platform, "shop")
    command.communicate()


async def test_one_that_dies_while_the_next_starts_is_followed_all_the_same(
    platform: Platform, until: Until
) -> None:
    platform.up()
    await platform.is_up()
    before = platform.pid("shop")
    command = restarting(platform, "shop")
    await until(lambda: part(platform, "shop").beside is not None)

    os.kill(before, signal.SIGKILL)

    assert command.wait() == 0, command.communicate()
    after = part(platform, "shop")
    assert after.pid not in {None, before}
    assert (after.state, after.restarts) == (State.READY, 0)
    command.communicate()


async def test_stopped_while_a_part_is_being_restarted_it_leaves_no_process(
    platform: Platform, until: Until
) -> None:
    process = platform.up()
    await platform.is_up()
    next_is(platform, "deaf")
    command = restarting(platform, "shop")
    await until(lambda: part(platform, "shop").beside is not None)

    assert platform.run("down").returncode == 0

    assert await platform.ended(process) == 0
    assert platform.processes() == []
    assert command.wait() == 2
    assert "does not run here" in command.communicate()[1]


async def test_what_a_supervisor_left_that_was_killed_in_a_restart_is_stopped_at_the_next_start(
    platform: Platform, until: Until
) -> None:
    process = platform.up()
    await platform.is_up()
    next_is(platform, "deaf")
    command = restarting(platform, "shop")
    await until(lambda: part(platform, "shop").beside is not None)
    process.kill()
    process.wait()
    command.communicate()
    next_is(platform, "good")

    platform.up()
    await platform.is_up()

    assert len(platform.processes()) == 9


async def test_an_unknown_part_is_refused_with_the_names_there_are(platform: Platform) -> None:
    platform.up()
    await platform.is_up()

    refused = platform.run("restart", "shops")

    assert refused.returncode == 2
    assert refused.stderr == "There is no part shops; there are: store, queue, shop, gateway.\n"


def test_where_nothing_runs_nothing_is_restarted(platform: Platform) -> None:
    began = time.monotonic()

    refused = platform.run("restart", "shop")

    assert refused.returncode == 2
    assert "does not run here" in refused.stderr
    assert time.monotonic() - began < 10
