"""`ordereats ps` shows which calls are stopped by a breaker, and waits for nobody."""

import asyncio
import os
import re
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import msgspec
import pytest

from ordereats.chassis.calls.edges import Edges, EdgeSettings
from ordereats.chassis.db.migrations import migrate
from ordereats.chassis.errors import Unavailable
from ordereats.chassis.http.app import create_app
from ordereats.chassis.http.operations import Watched
from ordereats.chassis.messaging.lag import MOST_COUNTED
from ordereats.chassis.messaging.postgres import tables
from ordereats.chassis.service import CHASSIS_TABLES
from ordereats.cli import show
from ordereats.topology import lag
from ordereats.topology.broker.queues import queues
from ordereats.topology.local import breakers
from ordereats.topology.local.breakers import PATIENCE_S
from ordereats.topology.local.carrier import QUEUE
from ordereats.topology.local.part import Kind
from ordereats.topology.local.state import PartState, Phase, Running, State
from support.builders import run_sql, serving


@pytest.fixture
def edges() -> Edges:
    """Give the edges of a service that runs."""
    return Edges(EdgeSettings())


def a_part(
    name: str,
    url: str,
    *,
    kind: Kind = Kind.SERVICE,
    state: State = State.READY,
    database: str | None = None,
) -> PartState:
    return PartState(
        name=name, kind=kind, pid=os.getpid(), url=url, state=state, restarts=0, database=database
    )


def running(*parts: PartState) -> Running:
    return Running(
        pid=os.getpid(),
        born=0,
        phase=Phase.UP,
        address="http://localhost:3000",
        topology="services",
        broker="rabbitmq",
        parts=list(parts),
    )


@pytest.fixture
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let whoever is asked take the time that a busy machine takes."""
    monkeypatch.setattr(breakers, "PATIENCE_S", 10)
    monkeypatch.setattr(lag, "PATIENCE_S", 10)


@asynccontextmanager
async def orders_with(edges: Edges) -> AsyncIterator[Running]:
    """Run a service, for `ps` to ask."""
    async with serving(create_app("orders", [], [], Watched(edges=edges))) as orders:
        yield running(a_part("orders", orders.url))


async def lines(seen: Running) -> list[str]:
    """What the table says below its parts."""
    table = await asyncio.to_thread(show.as_table, seen)
    return [line.strip() for line in table.splitlines() if line.startswith("  ")]


async def told(seen: Running) -> list[Any]:
    """What the JSON says of each part."""
    text = await asyncio.to_thread(show.as_json, seen)
    return [part["breakers"] for part in msgspec.json.decode(text)]


async def fail(edges: Edges, callee: str, kind: str, *, times: int) -> None:
    """Ask someone who is down."""

    async def ask() -> None:
        raise Unavailable

    for _ in range(times):
        with pytest.raises(Unavailable):
            await edges.edge(callee, kind, slow_s=1).run(ask)


@pytest.mark.usefixtures("patience")
async def test_a_platform_that_is_well_shows_no_breakers(edges: Edges) -> None:
    edges.edge("restaurants", "quote", slow_s=1)

    async with orders_with(edges) as seen:
        assert await lines(seen) == []
        assert await told(seen) == [[]]


@pytest.mark.usefixtures("patience")
async def test_an_open_breaker_is_shown_with_its_figures(edges: Edges) -> None:
    await fail(edges, "restaurants", "quote", times=12)
    await fail(edges, "users", "get", times=1)

    async with orders_with(edges) as seen:
        (line,) = await lines(seen)
        ((breaker,),) = await told(seen)

    assert line.startswith("orders → restaurants quote: open for 0 s (of 5 calls 5 failed, ")
    assert "; asked again in " in line
    assert (breaker["callee"], breaker["kind"]) == ("restaurants", "quote")
    assert (breaker["breaker"], breaker["failureRate"]) == ("open", 1.0)
    assert 0 < breaker["retryInS"] <= 1


@pytest.mark.usefixtures("patience")
async def test_one_that_is_held_open_says_by_whom(edges: Edges) -> None:
    edges.edge("provider", "authorize", slow_s=1)
    edges.force("provider", "authorize", "open")

    async with orders_with(edges) as seen:
        assert await lines(seen) == ["orders → provider authorize: forced open for 0 s (by hand)"]


async def test_a_broker_that_does_not_answer_is_said() -> None:
    gone = a_part("rabbitmq", "amqp://127.0.0.1:9", kind=Kind.RABBITMQ)

    assert await lines(running(gone)) == ["broker ⋯ it does not answer"]


async def test_services_that_say_nothing_are_asked_at_once_and_not_for_long() -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        seen = running(
            *(a_part(f"deaf{number}", url) for number in range(40)),
            a_part("gone", "http://127.0.0.1:9"),
            a_part("held", url, state=State.HELD),
        )
        began = time.monotonic()

        said = await lines(seen)

    assert time.monotonic() - began < 40 * PATIENCE_S / 2  # half of one after the other
    assert said == [*(f"deaf{number} → ?" for number in range(40)), "gone → ?", "held → ?"]


async def test_what_is_not_known_is_null_for_programs() -> None:
    assert await told(running(a_part("gone", "http://127.0.0.1:9"))) == [None]


UNPUBLISHED = """
insert into outbox (
    id, type, source, subject, version, time, correlation_id, data, last_error
)
values (gen_random_uuid(), $1, 'orders', $1, 1, now() - interval '5 s', '-', '{}', $2)
"""
UNHANDLED = """
insert into inbox (consumer, message_id, type, subject, state, due_at, message)
values ('orders.payment', gen_random_uuid(), 'a.b', 'order/1', $1, now() + interval '1 h', '{}')
"""


async def run_script(url: str, script: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(script)
    await connection.close()


@pytest.mark.usefixtures("patience")
async def test_what_waits_is_said_where_it_waits(database_url: str) -> None:
    await migrate(database_url, [CHASSIS_TABLES])
    await run_script(database_url, tables())
    await run_sql(database_url, UNPUBLISHED, "a.b", None)
    await run_sql(database_url, UNPUBLISHED, "a.c", "no queue takes it")
    for state in ("waiting", "parked", "parked"):
        await run_sql(database_url, UNHANDLED, state)
    orders = a_part("orders", "http://127.0.0.1:9", database=database_url)
    down = a_part("users", "http://127.0.0.1:9", database="postgres://nobody@127.0.0.1:9/nothing")
    seen = running(orders, down, a_part(QUEUE, database_url, kind=Kind.POSTGRES))

    said = [line for line in await lines(seen) if "⋯" in line]
    shown = msgspec.json.decode(await asyncio.to_thread(show.as_json, seen))

    assert (
        re.sub(r"[567] s", "5 s", said[0]) == "orders ⋯ 2 to be published (1 refused), oldest 5 s"
    )
    assert said[1].startswith("orders.payment ⋯ 1 to be tried again, oldest ")
    assert said[1].endswith("; 2 parked: `ordereats dlq list`")
    assert said[2:] == ["users ⋯ its database does not answer"]
    assert shown[0]["lag"]["unpublished"] == 2
    assert shown[1]["lag"] is None
    assert (shown[2]["queues"], shown[2]["deadLetters"]) == ({}, 0)


@pytest.mark.usefixtures("patience")
async def test_a_figure_says_whether_more_may_wait_and_only_then(database_url: str) -> None:
    await run_script(database_url, tables())
    await run_sql(database_url, MANY, queues()[0].name, MOST_COUNTED + 1)
    seen = running(a_part(QUEUE, database_url, kind=Kind.POSTGRES))

    assert await lines(seen) == [
        f"{queues()[0].name} ⋯ 10,000 or more in the queue",
        "broker ⋯ 10,001 dead: `ordereats dlq list`",
    ]


MANY = """
with n as (select from generate_series(1, $2::int)), waiting as (
    insert into bus_message (queue, id, type, source, subject, version, time, correlation_id, data)
    select $1, gen_random_uuid(), '', '', '', 1, now(), '', '' from n
)
insert into bus_dead (reason, queue, id, type, source, subject, version, time, correlation_id, data)
select '', $1, gen_random_uuid(), '', '', '', 1, now(), '', '' from n
"""


@pytest.mark.usefixtures("patience")
async def test_where_nothing_waits_nothing_is_said(database_url: str) -> None:
    await migrate(database_url, [CHASSIS_TABLES])
    seen = running(a_part("orders", "http://127.0.0.1:9", database=database_url))

    assert await lines(seen) == ["orders → ?"]
