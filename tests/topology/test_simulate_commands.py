"""`ordereats seed` and `ordereats simulate`, as a person calls them."""

import asyncio
import signal
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ordereats.topology.local.part import free_ports
from support.small_platform import SmallPlatform

PROGRAM = Path(sys.executable).parent / "ordereats"
SMALL_CITY = ("--restaurants", "8", "--couriers", "3", "--customers", "5")
SHORT = ("--orders-per-minute", "4", "--minutes", "2", "--speed", "600", "--couriers", "10")


@pytest.fixture
async def small() -> AsyncIterator[SmallPlatform]:
    async with SmallPlatform.up() as platform:
        yield platform


async def test_seed_says_what_is_there_now_whose_map_it_is_and_what_to_do_next(
    small: SmallPlatform,
) -> None:
    status, said = await run("seed", *SMALL_CITY, "--url", small.url)

    assert status == 0
    assert "8 restaurants with" in said
    assert "16 are new, 0 were there." in said
    assert "© OpenStreetMap contributors" in said
    assert "ordereats simulate" in said


async def test_seed_says_that_a_second_time_nothing_was_made(small: SmallPlatform) -> None:
    await run("seed", *SMALL_CITY, "--url", small.url)

    status, said = await run("seed", *SMALL_CITY, "--url", small.url)

    assert status == 0
    assert "0 are new, 16 were there." in said


@pytest.mark.parametrize("command", ["seed", "simulate"])
async def test_without_a_platform_it_is_one_sentence_and_status_2(command: str) -> None:
    url = f"http://127.0.0.1:{free_ports(1)[0]}"

    status, said = await run(command, "--url", url)

    assert status == 2
    assert said.strip().splitlines() == [
        f"No platform answers at {url}: `ordereats up` starts one, or --url names it."
    ]


@pytest.mark.parametrize("url", ["localhost", "ftp://localhost", "http://"])
async def test_an_address_that_is_none_is_one_sentence_and_status_2(url: str) -> None:
    status, said = await run("seed", "--url", url)

    assert status == 2
    assert said.strip() == "--url must be an address such as http://localhost:3000."


async def test_simulate_ends_with_its_summary_and_status_0(small: SmallPlatform) -> None:
    status, said = await run("simulate", *SHORT, "--url", small.url)

    assert status == 0
    assert "8 orders in" in said
    assert "From click to door: median" in said
    assert "place an order" in said
    assert ": balanced" in said


async def test_ctrl_c_ends_a_simulation_with_the_summary_so_far(small: SmallPlatform) -> None:
    long = ("--orders-per-minute", "5", "--minutes", "1440", "--couriers", "10")
    process = await start("simulate", *long, "--url", small.url)
    assert process.stdout is not None
    await process.stdout.readline()

    process.send_signal(signal.SIGINT)
    said = (await process.communicate())[0].decode()

    assert process.returncode == 1
    assert "Interrupted; so far:" in said
    assert "Traceback" not in said


async def run(*arguments: str) -> tuple[int | None, str]:
    process = await start(*arguments)
    said = (await process.communicate())[0].decode()
    return process.returncode, said


async def start(*arguments: str) -> Process:
    return await asyncio.create_subprocess_exec(
        str(PROGRAM), *arguments, stdout=PIPE, stderr=STDOUT, env={"COLUMNS": "200"}
    )
