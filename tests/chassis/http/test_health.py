"""Alive asks nothing of others; ready asks for what the answers need, and names it."""

from urllib.parse import urlsplit

import pytest

from ordereats.chassis.http.app import create_app
from ordereats.chassis.http.health import Check, Draining, State
from ordereats.topology.local.part import Process
from support.builders import fresh_database, run_sql, running, serving


async def _fine() -> str:
    return ""


async def _wrong() -> str:
    return "connection refused"


async def test_the_short_answer_is_word_for_word_as_promised() -> None:
    async with serving(create_app("health", [], [Check("database", _wrong)])) as client:
        for path in ("/health", "/health/live"):
            answer = await client.get(path)

            assert (answer.status, answer.json()) == (200, {"status": "ok"})


@pytest.mark.parametrize(
    ("checks", "status", "state"),
    [
        ([], 200, "ready"),
        ([Check("database", _fine)], 200, "ready"),
        ([Check("database", _wrong)], 503, "unready"),
        ([Check("database", _fine), Check("broker", _wrong, State.DEGRADED)], 200, "degraded"),
        ([Check("database", _wrong), Check("broker", _wrong, State.DEGRADED)], 503, "unready"),
    ],
)
async def test_the_whole_is_as_its_worst_part(checks: list[Check], status: int, state: str) -> None:
    async with serving(create_app("health", [], checks)) as client:
        answer = await client.get("/health/ready")

    assert (answer.status, answer.json()["status"]) == (status, state)


async def test_each_check_is_named_with_its_time_and_what_is_wrong() -> None:
    checks = [Check("database", _fine), Check("broker", _wrong, State.DEGRADED)]

    async with serving(create_app("health", [], checks)) as client:
        database, broker = (await client.get("/health/ready")).json()["checks"]

    assert (database["name"], database["status"], database["detail"]) == ("database", "ready", "")
    assert database["ms"] >= 0
    assert (broker["name"], broker["status"]) == ("broker", "degraded")
    assert broker["detail"] == "connection refused"


async def test_a_process_that_drains_is_unready_and_alive() -> None:
    draining = Draining()

    async with serving(create_app("health", [], [Check("draining", draining.check)])) as client:
        assert (await client.get("/health/ready")).status == 200
        draining.is_on = True

        assert (await client.get("/health/ready")).status == 503
        assert (await client.get("/health/live")).status == 200


async def test_a_service_without_its_database_is_unready_and_alive(
    postgres_server: Process,
) -> None:
    async with fresh_database(postgres_server) as url, running(["users"], url) as users:
        assert (await users.client.get("/health/ready")).status == 200
        await _refuse_connections(postgres_server, url)
        try:
            answer = await users.client.get("/health/ready")

            assert answer.status == 503
            wrong = {each["name"]: each["status"] for each in answer.json()["checks"]}
            assert wrong["database users"] == wrong["migrations users"] == "unready"
            assert (await users.client.get("/health/live")).status == 200
            failed = await users.client.get("/users/1")
            assert (failed.status, failed.code) == (500, "internal")
        finally:
            await _refuse_connections(postgres_server, url, refuse=False)

        assert (await users.client.get("/users/1")).status == 404


async def test_a_service_without_its_broker_is_degraded_and_takes_requests(
    database_url: str,
) -> None:
    nobody = "amqp://nobody:nothing@127.0.0.1:9/"

    async with running(["users"], database_url, BROKER_URL=nobody) as users:
        answer = await users.client.get("/health/ready")
        created = await users.client.post("/users", {"name": "Hieu", "email": "hieu@test.com"})

    assert (answer.status, answer.json()["status"]) == (200, "degraded")
    assert created.status == 201


async def test_a_database_without_its_tables_is_unready_and_says_which_steps_are_missing(
    postgres_server: Process,
) -> None:
    async with fresh_database(postgres_server) as url, running(["users"], url) as users:
        await run_sql(url, "delete from schema_steps where owner = 'users'")

        answer = await users.client.get("/health/ready")

    assert answer.status == 503
    assert "missing: users/0001" in [each["detail"] for each in answer.json()["checks"]]


async def _refuse_connections(server: Process, url: str, *, refuse: bool = True) -> None:
    name = urlsplit(url).path[1:]
    await run_sql(server.url, f"alter database {name} allow_connections {not refuse}")
    if refuse:
        await run_sql(
            server.url,
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1",
            name,
        )
