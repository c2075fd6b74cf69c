"""An order's story: one trace from the request to its effects elsewhere, and what databases say."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from ordereats.chassis.telemetry import otlp
from support.builders import (
    Client,
    Running,
    a_restaurant,
    a_user,
    an_order,
    run_sql,
    running,
    until_true,
)
from support.collector import collecting
from support.served import Served


@pytest.fixture
async def all_(database_url: str) -> AsyncIterator[Running]:
    """Run the monolith; its payment provider is not to be reached."""
    async with running(["all"], database_url) as all_:
        yield all_


async def placed(client: Client) -> str:
    """Order something; the correlation id."""
    await client.post("/users", a_user())
    await client.post("/restaurants", a_restaurant())
    answer = await client.post("/orders", an_order())
    assert answer.status == 201
    return answer.headers["x-correlation-id"]


async def story(client: Client, path: str = "/ops/orders/1/story") -> dict[str, Any]:
    answer = await client.get(path)
    assert answer.status == 200, answer
    return dict(answer.json())


async def until_seen(client: Client, service: str, kind: str) -> dict[str, Any]:
    async def is_seen() -> bool:
        spans = (await story(client))["spans"]
        return any((each["service"], each["kind"]) == (service, kind) for each in spans)

    await until_true(is_seen)
    return await story(client)


def parents(spans: list[dict[str, Any]], kind: str, name: str) -> list[str]:
    """What each span of a kind is a part of, from its parent to the first of all."""
    by_id = {each["spanId"]: each for each in spans}
    span = next(each for each in spans if each["kind"] == kind and name in each["name"])
    above = []
    while span["parentId"] is not None:
        span = by_id[span["parentId"]]
        above.append(f"{span['service']} {span['kind']}")
    return above


async def test_from_placing_to_asking_the_provider_it_is_one_trace(all_: Running) -> None:
    await placed(all_.client)

    told = await until_seen(all_.client, "payments", "client")

    spans = told["spans"]
    assert len({each["traceId"] for each in spans}) == 1
    assert parents(spans, "client", "provider authorize") == [
        "payments job",
        "payments consume",
        "orders publish",
        "orders server",
    ]
    assert parents(spans, "server", "get_user") == ["orders client", "orders server"]
    assert parents(spans, "server", "quote") == ["orders client", "orders server"]
    assert parents(spans, "transaction", "placements") == ["orders server"]


async def test_each_attempt_at_a_provider_that_is_down_is_seen(all_: Running) -> None:
    async def was_asked_twice() -> bool:
        jobs = [each for each in (await story(all_.client))["spans"] if each["kind"] == "job"]
        return {1, 2} <= {each["attempt"] for each in jobs}

    await placed(all_.client)

    await until_true(was_asked_twice)

    told = await story(all_.client)
    jobs = [each for each in told["spans"] if each["kind"] == "job"]
    assert {each["error"] for each in jobs} == {"ProviderUncertainError"}
    (payment,) = [each for each in told["facts"] if each["subject"] == "payment/1"]
    assert payment["what"] == "payment requested"
    assert payment["attempts"] >= 2
    assert payment["error"] == "APIConnectionError"


async def test_a_trace_is_found_by_its_id_and_by_the_correlation_id(all_: Running) -> None:
    correlation_id = await placed(all_.client)
    told = await until_seen(all_.client, "notifications", "consume")
    trace_id = told["spans"][0]["traceId"]

    by_request = await story(all_.client, f"/ops/traces/{correlation_id}")
    by_trace = await story(all_.client, f"/ops/traces/{trace_id}")

    for each in (by_request, by_trace):
        assert {span["traceId"] for span in each["spans"]} == {trace_id}
        assert Counter(span["kind"] for span in each["spans"])["server"] == 3
        assert "order pending" in [fact["what"] for fact in each["facts"]]


async def test_orders_of_the_same_moment_share_a_commit_and_no_trace(all_: Running) -> None:
    await placed(all_.client)
    await until_true(lambda: _is_settled(all_.client))
    answers = await asyncio.gather(*(all_.client.post("/orders", an_order()) for _ in range(10)))

    for order_id in sorted(each.json()["id"] for each in answers):
        told = await story(all_.client, f"/ops/orders/{order_id}/story")
        assert len({each["traceId"] for each in told["spans"]}) == 1
        kinds = Counter((each["kind"], each["name"]) for each in told["spans"])
        assert kinds["server", "POST /orders"] == 1
        assert kinds["transaction", "placements"] == 1


async def _is_settled(client: Client) -> bool:
    return bool((await story(client))["spans"])


async def test_what_the_databases_say_outlives_every_process(database_url: str) -> None:
    async with running(["all"], database_url) as first:
        await placed(first.client)
        await until_seen(first.client, "notifications", "consume")

    async with running(["all"], database_url) as second:
        told = await story(second.client)

    assert not [each for each in told["spans"] if each["kind"] == "server"]
    said = {(each["service"], each["what"]) for each in told["facts"]}
    assert ("orders", "order pending") in said
    assert ("payments", "payment requested") in said
    assert any(service == "notifications" for service, _ in said)


async def test_messages_that_were_in_trouble_are_facts_too(
    all_: Running, database_url: str
) -> None:
    await placed(all_.client)
    await until_seen(all_.client, "notifications", "consume")
    await run_sql(
        database_url,
        "insert into inbox (consumer, message_id, type, subject, version, state, attempts, due_at,"
        " last_error, message) values ('orders.payment', gen_random_uuid(), 'payment.declined',"
        " 'payment/1', 7, 'parked', 8, null, 'ValueError: Kim lives here', '{}')",
    )
    await run_sql(
        database_url,
        "insert into outbox (id, type, source, subject, version, time, correlation_id, data,"
        " due_at, attempts, last_error) values (gen_random_uuid(), 'order.paid', 'orders',"
        " 'order/1', 99, now(), 'c', '{}', now() + interval '1 day', 3, 'no queue takes it')",
    )

    told = await story(all_.client)

    facts = {each["what"]: each for each in told["facts"]}
    parked = facts["payment.declined parked"]
    assert (parked["service"], parked["attempts"], parked["error"]) == ("orders", 8, "ValueError")
    waits = facts["order.paid waits to be published"]
    assert (waits["service"], waits["attempts"]) == ("orders", 3)
    assert "Kim" not in str(told)


async def test_an_order_that_nobody_knows_has_an_empty_story(all_: Running) -> None:
    told = await story(all_.client, "/ops/orders/4711/story")

    assert (told["facts"], told["spans"], told["silent"]) == ([], [], [])
    assert len(told["services"]) == 7


async def test_with_traces_off_the_facts_are_still_told(database_url: str) -> None:
    async with running(["all"], database_url, TRACES="off") as all_:
        await placed(all_.client)

        told = await story(all_.client)

    assert told["spans"] == []
    assert "order pending" in [each["what"] for each in told["facts"]]


async def test_a_collector_that_hangs_holds_up_neither_a_request_nor_the_end_of_a_process(
    tmp_path: Path, database_url: str
) -> None:
    async with collecting() as collector:
        collector.may_answer.clear()
        settings = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "TRACE_SAMPLING": "1"}
        async with Served.start(
            "users", folder=tmp_path, DATABASE_URL=database_url, **settings
        ) as served:
            assert (await served.client.post("/users", a_user())).status == 201

            async def is_asked() -> bool:
                return bool(collector.requests)

            await until_true(is_asked)
            began = monotonic()
            assert (await served.client.post("/users", a_user())).status == 201
            assert monotonic() - began < otlp.TIMEOUT_S / 2

            assert await served.stop() == 0

            assert served.log[-1]["event"] == "last_spans_not_exported"
        assert {each.name for each in collector.spans} >= {"POST /users"}
