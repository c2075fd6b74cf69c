"""SIGTERM: what was begun is finished, in order, and all of it is over in time, whatever hangs."""

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic

import aiohttp
import asyncpg
import pytest

from ordereats.chassis.http.health import Check, State
from ordereats.topology.local.part import Process
from ordereats.topology.serve import DEGRADED_SETTLED_S, works
from support.builders import Client, Reply, a_restaurant, a_user, an_order, run_sql, until_true
from support.served import Served, refused
from support.silence import Way

STOP_S = 4
SLACK_S = 2
"""For a busy machine to notice that a process has ended."""
HANGS_S = "60"


async def furnish(client: Client) -> None:
    assert (await client.post("/users", a_user())).status == 201
    assert (await client.post("/restaurants", a_restaurant())).status == 201


async def test_under_load_no_request_fails_until_nobody_listens_any_more(
    tmp_path: Path, database_url: str
) -> None:
    answers: list[Reply] = []
    refusals: list[OSError] = []

    async def customer(client: Client) -> None:
        while not refusals:
            try:
                answers.append(await client.post("/orders", an_order()))
            except aiohttp.ClientConnectorError as error:
                refusals.append(error.os_error)
            await asyncio.sleep(0.1)

    async with Served.start(
        "all", folder=tmp_path, DATABASE_URL=database_url, SHEDDING="off"
    ) as served:
        await furnish(served.client)
        async with asyncio.TaskGroup() as tasks:
            for _ in range(10):
                tasks.create_task(customer(served.client))
            await until_true(lambda: _longer(answers, 30))
            assert await served.stop() == 0

    assert {type(each) for each in refusals} == {ConnectionRefusedError}
    assert {each.status for each in answers} == {201}
    assert {each.headers.get("connection") for each in answers[:20]} == {None}
    assert answers[-1].headers["connection"] == "close"
    stored = await run_sql(database_url, "select from orders")
    assert len(stored) == len(answers)


async def test_an_idle_connection_may_be_used_until_it_has_been_idle_for_longer_than_clients_do(
    tmp_path: Path, database_url: str
) -> None:
    ask = b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n"
    async with Served.start("users", folder=tmp_path, DATABASE_URL=database_url) as served:
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
        unused, other = await asyncio.open_connection("127.0.0.1", served.port)
        writer.write(ask)
        assert b"connection: close" not in await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(len(b'{"status":"ok"}'))
        served.process.send_signal(signal.SIGTERM)
        await until_true(lambda: _is_refused(served.port))

        writer.write(ask)  # it was under way, say, when the process was told to stop

        assert b"connection: close" in (await reader.read()).lower()
        began = monotonic()
        assert await unused.read() == b""
        assert monotonic() - began < STOP_S
        assert await served.process.wait() == 0
        for each in (writer, other):
            each.close()


@pytest.mark.parametrize(
    ("place", "path"),
    [
        ("transaction.done:POST /users", "/users"),
        ("consumer.taken", "/orders"),
    ],
    ids=["a request hangs", "a handler hangs"],
)
async def test_what_hangs_is_cut_off_in_time(
    tmp_path: Path, database_url: str, place: str, path: str
) -> None:
    async with Served.start(
        "all", folder=tmp_path, DATABASE_URL=database_url, STOP_SECONDS=str(STOP_S), FAILPOINTS="on"
    ) as served:
        await furnish(served.client)
        point, _, detail = place.partition(":")
        told = {"action": "delay", "seconds": float(HANGS_S), "detail": detail or None}
        assert (await served.client.ask("PUT", f"/ops/failpoints/{point}", json=told)).status == 200
        body = a_user() if path == "/users" else an_order()
        async with asyncio.TaskGroup() as tasks:
            asking = tasks.create_task(_asked(served.client, path, body))
            await until_true(lambda: _logged(served, "failpoint"))

            took_s = await _stopped(served)
            await asking

    assert took_s < STOP_S + SLACK_S
    cut = {"handlers_cut_off", "connections_cut_off"}
    assert len(cut & {line["event"] for line in served.log}) == 1
    assert served.log[-1]["event"] == "stopped"


@pytest.mark.parametrize("silent", ["database", "broker"])
async def test_servers_that_say_nothing_any_more_do_not_hold_it_up(
    tmp_path: Path, database_url: str, rabbitmq_server: Process, silent: str
) -> None:
    async with Way.to(database_url) as database, Way.to(rabbitmq_server.url) as broker:
        async with Served.start(
            "users",
            folder=tmp_path,
            DATABASE_URL=database.url,
            BROKER_URL=broker.url,
            STOP_SECONDS=str(STOP_S),
        ) as served:
            await until_true(lambda: _is(served.client, "ready"))
            (database if silent == "database" else broker).is_silent = True

            took_s = await _stopped(served)

        assert took_s < STOP_S + SLACK_S
        assert "Traceback" not in served.output


async def test_who_follows_an_order_hears_the_end_of_the_stream(
    tmp_path: Path, database_url: str
) -> None:
    async with Served.start("all", folder=tmp_path, DATABASE_URL=database_url) as served:
        await furnish(served.client)
        order_id = (await served.client.post("/orders", an_order())).json()["id"]
        url = f"http://127.0.0.1:{served.port}/orders/{order_id}/events"
        async with aiohttp.ClientSession() as session, session.get(url) as stream:
            assert await stream.content.readline() != b""

            async with asyncio.TaskGroup() as tasks:
                ending = tasks.create_task(_stopped(served))
                rest = await stream.content.read()  # raises if it breaks off before its end

        assert rest.endswith(b"\n")
        assert ending.result() < STOP_S + SLACK_S


@pytest.mark.parametrize("again", [signal.SIGTERM, signal.SIGINT])
async def test_a_second_signal_is_no_news(
    tmp_path: Path, database_url: str, again: signal.Signals
) -> None:
    async with Served.start(
        "users", folder=tmp_path, DATABASE_URL=database_url, FAILPOINTS="transaction.done=1"
    ) as served:
        async with asyncio.TaskGroup() as tasks:
            asking = tasks.create_task(served.client.post("/users", a_user()))
            await until_true(lambda: _logged(served, "failpoint"))
            ending = tasks.create_task(served.stop())
            await until_true(lambda: _logged(served, "stopping"))

            served.process.send_signal(again)

        assert asking.result().status == 201
        assert ending.result() == 0
        assert [line["event"] for line in served.log].count("stopping") == 1


@pytest.mark.parametrize("place", ["start.migrated", "start.begun"])
async def test_while_it_starts_a_signal_ends_it_at_once(
    tmp_path: Path, database_url: str, place: str
) -> None:
    async with Served.launch(
        "all", folder=tmp_path, DATABASE_URL=database_url, FAILPOINTS=f"{place}={HANGS_S}"
    ) as served:
        await until_true(lambda: _logged(served, "failpoint"), within_s=30)

        assert await _stopped(served) < SLACK_S + 1

    assert served.log[-1]["event"] == "stopped"
    assert "Traceback" not in served.output


async def test_while_it_waits_to_migrate_a_signal_ends_it_at_once(
    tmp_path: Path, database_url: str
) -> None:
    async with (
        _migrating(database_url),
        Served.launch("users", folder=tmp_path, DATABASE_URL=database_url) as served,
    ):
        await until_true(lambda: _not_empty(database_url, WAITING), within_s=30)

        assert await _stopped(served) < SLACK_S + 1

    assert served.said == []
    assert "Traceback" not in served.output


async def test_it_answers_on_a_socket_that_it_was_given(tmp_path: Path, database_url: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as given:
        async with Served.launch(
            *("users", "--fd", str(given.fileno())),
            folder=tmp_path,
            descriptors=[given.fileno()],
            DATABASE_URL=database_url,
        ) as served:
            await served.runs()

            assert served.port == given.getsockname()[1]
            assert (await served.client.get("/health")).status == 200
            assert await served.stop() == 0
            assert not await _is_refused(served.port)  # another process may go on


@pytest.mark.parametrize("what", ["nothing", "a file"])
async def test_what_is_no_socket_is_one_sentence(
    tmp_path: Path, database_url: str, what: str
) -> None:
    number = "250" if what == "nothing" else "3"  # 3: the log that a process opens, or nothing

    status, said = await refused(
        *("users", "--fd", number), folder=tmp_path, DATABASE_URL=database_url
    )

    assert status == 2
    assert said.startswith(f"--fd {number} is no ")
    assert len(said.splitlines()) == 1


async def test_it_says_that_it_works_when_it_answers(tmp_path: Path, database_url: str) -> None:
    hears, tells = os.pipe()
    os.set_blocking(hears, False)
    with socket.create_server(("127.0.0.1", 0)) as given:
        async with Served.launch(
            *("users", "--fd", str(given.fileno()), "--ready-fd", str(tells)),
            folder=tmp_path,
            descriptors=[given.fileno(), tells],
            DATABASE_URL=database_url,
        ) as served:
            os.close(tells)
            with pytest.raises(BlockingIOError):
                os.read(hears, 1)

            await served.runs()

            assert os.read(hears, 2) == b"\n"
            assert os.read(hears, 1) == b""  # it is closed: nothing more will be said
    os.close(hears)


async def test_who_takes_over_waits_until_it_is_ready() -> None:
    looks = iter(["not yet", "not yet", ""])
    asked: list[str] = []

    async def run() -> str:
        asked.append(next(looks))
        return asked[-1]

    await works([Check("database", run)])

    assert asked == ["not yet", "not yet", ""]


async def test_degraded_is_enough_for_who_takes_over_if_it_stays_so() -> None:
    async def run() -> str:
        return "the broker is down"

    began = monotonic()
    await works([Check("broker", run, State.DEGRADED)], settled_s=0.2)

    assert monotonic() - began >= 0.2
    assert DEGRADED_SETTLED_S > 1


WAITING = "select from pg_locks where locktype = 'advisory' and not granted"


@asynccontextmanager
async def _migrating(url: str) -> AsyncIterator[None]:
    """Be another program that migrates a database, and takes its time."""
    connection = await asyncpg.connect(url)
    await connection.execute("select pg_advisory_lock(7234001)")
    yield
    await connection.close()


async def _stopped(served: Served) -> float:
    """Ask it to stop; how long that took."""
    began = monotonic()
    assert await served.stop() == 0
    return monotonic() - began


async def _asked(client: Client, path: str, body: object) -> None:
    """Ask, whatever comes of it."""
    try:
        await client.post(path, body)
    except aiohttp.ClientError:
        return


async def _is(client: Client, status: str) -> bool:
    return str((await client.get("/health/ready")).json()["status"]) == status


async def _logged(served: Served, event: str) -> bool:
    return any(line["event"] == event for line in served.log)


async def _not_empty(url: str, statement: str) -> bool:
    return bool(await run_sql(url, statement))


async def _longer(answers: list[Reply], count: int) -> bool:
    return len(answers) > count


async def _is_refused(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except ConnectionRefusedError:
        return True
    writer.close()
    return False
