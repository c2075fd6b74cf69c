"""`ordereats events tail`: what it shows, of which events, and how it ends."""

import asyncio
import re
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import msgspec
import pytest

from chassis.messaging.brokers import Buses, a_message, a_queue, publish
from ordereats.chassis.background import Background
from ordereats.chassis.messaging.bus import Bus, Message
from ordereats.chassis.messaging.connect import open_bus
from ordereats.topology.tail import is_about

PLACED, PAID = "ordereats.order.placed.v1", "ordereats.order.paid.v1"
QUEUE = a_queue(PLACED, PAID)
OF_17 = a_message(QUEUE, "order/17", data=b'{"orderId": 17}')
OF_18 = a_message(QUEUE, "order/18", data=b'{"orderId": 18}')
PAID_17 = msgspec.structs.replace(OF_17, type=PAID)


@pytest.fixture
async def bus(database_url: str) -> AsyncIterator[Bus]:
    async with Background.open() as background:
        buses = Buses(background)
        bus = await buses.started(open_bus(database_url, name="test", background=background))
        await bus.declare([QUEUE])
        yield bus
        await buses.close()


@asynccontextmanager
async def tail(broker: str, *options: str) -> AsyncIterator[Process]:
    """Run it, in a process: it ends by a signal."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "ordereats.cli.main", "events", "tail", *options),
        env={"BROKER_URL": broker, "ORDEREATS_HOME": "nowhere"},
        stdout=PIPE,
        stderr=PIPE,
    )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await ended(process)


async def ended(process: Process) -> tuple[bytes, bytes]:
    """Wait for its end; what it has written."""
    async with asyncio.timeout(30):
        return await process.communicate()


async def line(bus: Bus, process: Process, messages: list[Message]) -> str:
    """Publish these until something is shown: a bus may not know yet that somebody listens."""
    assert process.stdout is not None
    async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
        shown = tasks.create_task(process.stdout.readline())
        while not shown.done():
            await publish(bus, messages)
            await asyncio.wait((shown,), timeout=0.1)
    return shown.result().decode()


async def test_of_what_passes_it_shows_what_was_asked_for_until_it_is_ended(
    bus: Bus, database_url: str
) -> None:
    async with tail(database_url, "--type=*.placed", "--order=17", "--json") as process:
        shown = msgspec.json.decode(await line(bus, process, [OF_18, PAID_17, OF_17]))
        process.send_signal(signal.SIGINT)
        _, errors = await ended(process)

    assert shown["id"] == str(OF_17.id)
    assert (shown["type"], shown["subject"], shown["version"]) == (PLACED, "order/17", 1)
    assert "data" not in shown
    assert (process.returncode, errors) == (0, b"Listening. Ctrl-C ends it.\n")


async def test_a_line_has_what_an_operator_searches_by(bus: Bus, database_url: str) -> None:
    async with tail(database_url) as process:
        shown = await line(bus, process, [OF_17])
        process.terminate()
        await ended(process)

    assert re.fullmatch(
        rf"\d\d:\d\d:\d\d\.\d{{6}}  {PLACED} +order/17 v1 +a-correlation-id  testing\n", shown
    )
    assert process.returncode == 0


async def test_a_broker_that_is_away_is_one_sentence_and_status_2() -> None:
    async with tail("amqp://127.0.0.1:9") as process:
        shown, errors = await ended(process)

    assert (process.returncode, shown) == (2, b"")
    assert errors.startswith(b"The broker can't be listened to: ")
    assert errors.count(b"\n") == 1


@pytest.mark.parametrize(
    ("subject", "data", "is_so"),
    [
        ("order/17", b"", True),
        ("ticket/3", b'{"orderId": 17}', True),
        ("ticket/17", b'{"orderId": 3}', False),
        ("order/171", b'{"total": 17}', False),
        ("menu/17", b"[17]", False),
        ("menu/17", b"", False),
    ],
)
def test_what_an_event_is_about_its_subject_says_or_the_fact(
    subject: str, data: bytes, *, is_so: bool
) -> None:
    assert is_about(a_message(QUEUE, subject, data=data), 17) is is_so
