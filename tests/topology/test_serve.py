"""`ordereats serve`: two lines at the start, one sentence when it can't, and an orderly end."""

import asyncio
import signal
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from time import monotonic

import asyncpg
import pytest

from ordereats.chassis.db.migrations import migrate
from ordereats.topology import loading
from ordereats.topology.local.part import Process, free_ports
from support.builders import (
    Client,
    Reply,
    a_restaurant,
    a_user,
    an_order,
    fresh_database,
    run_sql,
    until_true,
)
from support.served import Served, refused

NOWHERE = "postgres://guest:guest@127.0.0.1:9/nothing"


@pytest.fixture(scope="module")
async def module_url(postgres_server: Process) -> AsyncIterator[str]:
    async with fresh_database(postgres_server) as url:
        yield url


@pytest.fixture(scope="module")
async def monolith(
    module_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Served]:
    """Give all services in one process, with a user and a restaurant; nobody stops it."""
    folder = tmp_path_factory.mktemp("serve")
    async with Served.start("all", folder=folder, DATABASE_URL=module_url) as served:
        await furnish(served.client)
        yield served


async def furnish(client: Client) -> None:
    assert (await client.post("/users", a_user())).json()["id"] == 1
    assert (await client.post("/restaurants", a_restaurant())).json()["id"] == 1


async def test_it_says_two_lines_word_for_word(monolith: Served) -> None:
    assert monolith.said == ["DB initialized", f"Server running on port {monolith.port}"]
    assert (await monolith.client.get("/health")).json() == {"status": "ok"}


async def test_the_port_of_the_command_line_wins_over_the_one_in_the_environment(
    tmp_path: Path, database_url: str
) -> None:
    given, chosen = free_ports(2)

    async with Served.start(
        *("users", "--port", str(chosen)),
        folder=tmp_path,
        DATABASE_URL=database_url,
        PORT=str(given),
    ) as served:
        assert served.port == chosen


async def test_the_whole_is_ready_and_names_its_checks(monolith: Served) -> None:
    answer = await monolith.client.get("/health/ready")

    assert answer.status == 200
    assert [each["name"] for each in answer.json()["checks"]] == [
        "draining",
        "database",
        "migrations",
        "changes",
        "clock",
        "broker",
        "certificates",
    ]


async def test_a_refused_request_is_answered_as_fast_as_a_good_one(monolith: Served) -> None:
    async def ask_ten_times() -> float:
        started = monotonic()
        for _ in range(10):
            assert (await monolith.client.post("/users", b"{}")).status == 400
        return monotonic() - started

    quickest_s = min([await ask_ten_times() for _ in range(3)])

    assert quickest_s < 0.3  # Nagle's delay would be 40 ms for each


async def test_ctrl_c_ends_it_in_order_with_status_0(tmp_path: Path, database_url: str) -> None:
    (port,) = free_ports(1)
    async with Served.start(
        "all", folder=tmp_path, DATABASE_URL=database_url, PORT=str(port)
    ) as served:
        assert served.port == port
        await until_true(lambda: _ready(served.client))
        started = monotonic()

        assert await served.stop(signal.SIGINT) == 0

        assert monotonic() - started < 5
        assert [line["event"] for line in served.log][-2:] == ["stopping", "stopped"]
        assert "Traceback" not in served.output


async def test_sigterm_under_load_fails_no_request_that_was_begun_before(
    tmp_path: Path, database_url: str
) -> None:
    answers: list[Reply] = []

    async def customer(client: Client, told: asyncio.Event) -> None:
        """Order until the gateway would send us elsewhere."""
        while not told.is_set():
            answers.append(await client.post("/orders", an_order()))
            answers.append(await client.get("/orders?limit=10"))

    async with Served.start(
        "all", folder=tmp_path, DATABASE_URL=database_url, DRAIN_SECONDS="0.5"
    ) as served:
        await furnish(served.client)
        told = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            for _ in range(10):
                tasks.create_task(customer(served.client, told))
            await until_true(lambda: _longer(answers, 100))
            ending = tasks.create_task(served.stop())
            await until_true(lambda: _unready(served.client))
            told.set()
        assert ending.result() == 0

    assert {each.status for each in answers} <= {200, 201}
    stored = await run_sql(database_url, "select from orders")
    assert len(stored) == sum(each.status == 201 for each in answers)


async def test_a_request_that_takes_longer_than_the_drain_is_finished(
    tmp_path: Path, database_url: str
) -> None:
    async with Served.start("users", folder=tmp_path, DATABASE_URL=database_url) as served:
        holder = await asyncpg.connect(database_url)
        async with asyncio.TaskGroup() as tasks:
            async with holder.transaction():
                await holder.execute("lock table users in exclusive mode")
                asking = tasks.create_task(served.client.post("/users", a_user()))
                waiting = "select from pg_locks where not granted"
                await until_true(lambda: run_sql(database_url, waiting))
                ending = tasks.create_task(served.stop())
                await until_true(lambda: _unready(served.client))
                await asyncio.sleep(0.5)
            answer = await asking
        await holder.close()

    assert answer.status == 201
    assert ending.result() == 0


async def test_a_client_that_never_ends_its_request_does_not_hold_up_the_end(
    tmp_path: Path, database_url: str
) -> None:
    async with Served.start(
        "users", folder=tmp_path, DATABASE_URL=database_url, STOP_SECONDS="4"
    ) as served:
        _, writer = await asyncio.open_connection("127.0.0.1", served.port)
        writer.write(b"POST /users HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{")
        await writer.drain()
        await asyncio.sleep(0.1)
        started = monotonic()

        assert await served.stop() == 0

        assert monotonic() - started < 5
        writer.close()


async def test_killed_and_started_again_it_goes_on(tmp_path: Path, database_url: str) -> None:
    async with Served.start("all", folder=tmp_path, DATABASE_URL=database_url) as served:
        await furnish(served.client)
        order = (await served.client.post("/orders", an_order())).json()
        served.process.kill()

    async with Served.start("all", folder=tmp_path, DATABASE_URL=database_url) as served:
        assert (await served.client.get(f"/orders/{order['id']}")).json() == order


async def test_a_port_that_is_taken_is_one_sentence(tmp_path: Path, database_url: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        status, said = await refused(
            "users", folder=tmp_path, DATABASE_URL=database_url, PORT=str(port)
        )

    assert status == 2
    assert_is_one_sentence(said, f"127.0.0.1:{port} can't be listened on")
    assert await run_sql(database_url, "select from pg_tables where schemaname = 'public'") == []


async def test_a_service_that_does_not_exist_is_one_sentence_with_those_that_do(
    tmp_path: Path, database_url: str
) -> None:
    status, said = await refused("waiters", folder=tmp_path, DATABASE_URL=database_url)

    assert status == 2
    assert_is_one_sentence(said, "There is no service waiters; there are: users,")


async def test_no_database_is_one_sentence_with_the_way_out(tmp_path: Path) -> None:
    status, said = await refused("all", folder=tmp_path)

    assert status == 2
    assert_is_one_sentence(said, "users has no database: set DATABASE_URL")


async def test_a_neighbour_without_an_address_is_one_sentence_and_nothing_is_begun(
    tmp_path: Path, database_url: str
) -> None:
    status, said = await refused("orders", folder=tmp_path, DATABASE_URL=database_url)

    assert status == 2
    assert_is_one_sentence(said, "orders calls kitchen, which does not run in this process")
    assert "KITCHEN_URL" in said
    assert await run_sql(database_url, "select from pg_tables where schemaname = 'public'") == []


async def test_a_setting_of_a_service_that_can_not_be_right_is_one_sentence(
    tmp_path: Path, database_url: str
) -> None:
    status, said = await refused(
        "payments", folder=tmp_path, DATABASE_URL=database_url, STRIPE_TIMEOUT_S="soon"
    )

    assert status == 2
    assert_is_one_sentence(said, "STRIPE_TIMEOUT_S must be a number of seconds")


@pytest.mark.parametrize("command", ["serve", "migrate", "up", "sandbox"])
async def test_a_setting_that_there_is_not_is_one_sentence_that_names_it(
    command: str, tmp_path: Path
) -> None:
    arguments = {"serve": ["all"], "migrate": ["all"], "up": [], "sandbox": ["--data=sandbox"]}
    status, said = await refused(
        *arguments[command], folder=tmp_path, command=command, PORT="3000", DATABSE_URL=NOWHERE
    )

    assert status == 2
    assert_is_one_sentence(
        said, "DATABSE_URL is set, and there is no such setting: is DATABASE_URL"
    )
    assert_nothing_was_begun(tmp_path)


@pytest.mark.parametrize(
    ("command", "given", "named"),
    [
        ("serve", {"DATABASE_URL": NOWHERE}, "The password in DATABASE_URL"),
        ("serve", {"DATABASE_URL": NOWHERE.replace("guest@", "oP7x@")}, "STRIPE_API_KEY"),
        ("sandbox", {}, "STRIPE_WEBHOOK_SECRET"),
    ],
)
async def test_a_secret_that_everyone_knows_is_one_line_when_others_may_come_in(
    command: str, given: dict[str, str], named: str, tmp_path: Path
) -> None:
    arguments = {"serve": ["all"], "sandbox": ["--data=sandbox"]}
    status, said = await refused(
        *arguments[command], folder=tmp_path, command=command, HOST="0.0.0.0", **given
    )

    assert status == 2
    assert said.startswith(named)
    assert_is_one_sentence(said, "this process answers others (HOST=0.0.0.0)")
    assert_nothing_was_begun(tmp_path)


async def test_a_wrong_password_is_one_sentence_without_the_password(
    tmp_path: Path, database_url: str
) -> None:
    wrong = database_url.replace("://ordereats:", "://ordereats:not-")

    status, said = await refused("users", folder=tmp_path, DATABASE_URL=wrong)

    assert status == 1
    assert_is_one_sentence(said, "InvalidPasswordError")
    assert "not-" not in said


async def test_a_database_that_is_too_new_is_one_sentence(
    tmp_path: Path, database_url: str
) -> None:
    await migrate(database_url, loading.migrations(["users"]))
    await run_sql(
        database_url,
        "insert into schema_steps (owner, version, name, checksum, needs)"
        " values ('users', 9999, 'of_the_future', '', 9998)",
    )

    status, said = await refused("users", folder=tmp_path, DATABASE_URL=database_url)

    assert status == 2
    assert_is_one_sentence(said, "The database has step 9999 of users, with which only")


async def test_no_line_of_the_log_names_a_person_and_each_says_where_it_belongs(
    monolith: Served,
) -> None:
    client, marked = monolith.client, {"name": "Canary", "email": "canary@test.com"}
    headers = {"X-Correlation-ID": "the-canary", "Idempotency-Key": "canary-key"}
    for body in (marked, {**marked, "phone": "canary"}, {**marked, "email": "canary"}):
        await client.ask("POST", "/users", json=body, headers=headers)
    await client.post("/users", marked)
    await client.get("/users/canary@test.com?email=canary@test.com")
    basket = an_order(items=[{"name": "canary", "qty": 1}], paymentMethod="pm_canary")
    order = (await client.ask("POST", "/orders", json=basket, headers=headers)).json()
    told = f"/notifications?userId=1&after={order['id'] - 1}"
    await until_true(lambda: _not_empty(client, told))
    await until_true(lambda: _logged(monolith, "provider_uncertain"))

    lines = monolith.log

    for line in lines:
        assert {"time", "level", "event", "service"} <= line.keys(), line
        assert "Canary" not in str(line)
        assert "canary@" not in str(line)
        assert "canary-key" not in str(line)
    assert monolith.said == ["DB initialized", f"Server running on port {monolith.port}"]
    assert all("correlation_id" in line for line in lines if line["event"] == "request")
    behind = [line for line in lines if line.get("correlation_id") == "the-canary"]
    assert {"request", "provider_uncertain"} <= {line["event"] for line in behind}


def assert_is_one_sentence(said: str, part: str) -> None:
    assert part in said
    assert "Traceback" not in said
    assert len(said.splitlines()) == 1, said


def assert_nothing_was_begun(folder: Path) -> None:
    assert [each.suffix for each in folder.iterdir()] == [".log"]


async def _ready(client: Client) -> bool:
    return str((await client.get("/health/ready")).json()["status"]) == "ready"


async def _longer(answers: list[Reply], count: int) -> bool:
    return len(answers) > count


async def _unready(client: Client) -> bool:
    return (await client.get("/health/ready")).status == 503


async def _not_empty(client: Client, path: str) -> bool:
    return bool((await client.get(path)).json())


async def _logged(served: Served, event: str) -> bool:
    return any(line["event"] == event for line in served.log)
