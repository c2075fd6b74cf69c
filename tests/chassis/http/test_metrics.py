"""`/metrics` is true, readable by Prometheus, there when other things are not, and about nobody."""

import asyncio
import socket
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from prometheus_client.parser import text_string_to_metric_families as parsed
from structlog.testing import capture_logs

from ordereats.chassis.calls.edges import Edges, EdgeSettings
from ordereats.chassis.clock import SystemClock
from ordereats.chassis.config import Environment
from ordereats.chassis.context import Priority
from ordereats.chassis.errors import Conflict, OrderEatsError, Unavailable
from ordereats.chassis.http.app import create_app
from ordereats.chassis.http.gradient import Bounds
from ordereats.chassis.http.operations import Watched
from ordereats.chassis.http.shedding import Limiter
from ordereats.chassis.telemetry.effects import Effects
from ordereats.topology.assembly import assembled
from ordereats.topology.local.part import Process
from ordereats.topology.settings import Settings
from support.builders import Client, a_user, fresh_database, run_sql, running, serving, until_true

OUTCOMES = ("answered", "failed", "refused", "full", "cancelled")
UNHANDLED = """
insert into inbox (
    consumer, message_id, type, subject, state, received_at, due_at, message
)
values (
    'payments.order', gen_random_uuid(), 'a.b', 'order/1', $1, now() - interval '1 minute',
    now() + interval '1 hour', '{}'
)
"""
Series = Mapping[tuple[str, frozenset[str]], float]


async def scraped(client: Client) -> Series:
    """Every value, by its name and the values of its labels."""
    answer = await client.get("/metrics")
    assert answer.status == 200
    assert answer.headers["content-type"] == "text/plain; version=1.0.0; charset=utf-8"
    return {
        (each.name, frozenset(each.labels.values())): each.value
        for family in parsed(answer.body.decode())
        for each in family.samples
    }


def value(series: Series, name: str, *labels: str) -> float:
    return series[f"ordereats_{name}", frozenset(labels)]


async def test_requests_are_counted_by_the_template_of_their_route(probe: Client) -> None:
    for thing in (7, 8, 0):
        await probe.get(f"/things/{thing}?token=a-secret")
    await probe.get("/a-path-of-someone")

    series = await scraped(probe)

    route = "/things/{thing_id}"
    assert value(series, "http_requests_total", "GET", route, "2xx") == 2
    assert value(series, "http_requests_total", "GET", route, "4xx") == 1
    assert value(series, "http_request_duration_seconds_count", "GET", route) == 3
    assert value(series, "http_requests_total", "GET", "(none)", "4xx") == 1
    assert "secret" not in str(series)
    assert "someone" not in str(series)


async def test_probes_and_scrapes_are_neither_counted_nor_logged() -> None:
    async with serving(create_app("quiet", [], [])) as client:
        with capture_logs() as lines:
            for path in ("/health", "/health/live", "/health/ready", "/metrics"):
                assert (await client.get(path)).status == 200
            series = await scraped(client)

    assert lines == []
    assert not any(name.startswith("ordereats_http") for name, _ in series)


async def test_what_one_process_counts_no_other_shows() -> None:
    async with (
        serving(create_app("one", [], [])) as one,
        serving(create_app("other", [], [])) as other,
    ):
        await one.get("/nowhere")

        assert value(await scraped(one), "http_requests_total", "GET", "(none)", "4xx") == 1
        assert not any("http" in name for name, _ in await scraped(other))


async def test_it_is_not_in_the_description_for_clients(probe: Client) -> None:
    document = (await probe.get("/openapi.json")).json()

    assert "/metrics" not in document["paths"]
    assert not any(path.startswith("/ops") for path in document["paths"])


async def test_facts_that_wait_are_counted_in_their_database(database_url: str) -> None:
    async with running(["users"], database_url) as users:
        await users.client.post("/users", a_user())  # nobody here wants to hear of it

        series = await scraped(users.client)

    assert value(series, "database_up", "users") == 1
    assert value(series, "outbox_unpublished_events", "users") == 1
    assert 0 < value(series, "outbox_oldest_event_seconds", "users") < 60
    assert value(series, "outbox_refused_events", "users") in {0, 1}  # it may not be asked yet
    assert value(series, "database_connections_limit", "users") == 20
    assert value(series, "database_connections", "users", "idle") >= 1


async def test_what_each_consumer_has_not_handled_is_counted(database_url: str) -> None:
    async with running(["payments"], database_url) as payments:
        for state in ("waiting", "parked", "parked"):
            await run_sql(database_url, UNHANDLED, state)

        series = await scraped(payments.client)

    assert value(series, "inbox_messages", "payments.order", "waiting") == 1
    assert value(series, "inbox_messages", "payments.order", "parked") == 2
    assert 60 <= value(series, "inbox_oldest_message_seconds", "payments.order") < 120
    assert value(series, "inbox_messages", "payments.delivery", "waiting") == 0


async def test_how_long_events_take_to_their_effect_is_measured_by_consumer() -> None:
    at = datetime(2026, 11, 23, 12, tzinfo=UTC)
    effects = Effects(StoppedClock(at))
    effects.note("payments.order", at - timedelta(seconds=0.02))
    effects.note("payments.order", at + timedelta(seconds=5))  # by the clock of another machine

    series = await scraped_of(Watched(sources=[effects.families]))

    name = "event_effect_seconds"
    assert value(series, f"{name}_bucket", "payments.order", "0.005") == 1
    assert value(series, f"{name}_bucket", "payments.order", "0.025") == 2
    assert value(series, f"{name}_count", "payments.order") == 2
    assert value(series, f"{name}_sum", "payments.order") == 0.02


async def test_the_bus_is_in_one_state(database_url: str) -> None:
    async def bus() -> dict[str, float]:
        series = await scraped(users.client)
        return {state: value(series, "bus_state", state) for state in ("up", "blocked", "down")}

    async def is_up() -> bool:
        return await bus() == {"up": 1, "blocked": 0, "down": 0}

    async with running(["users"], database_url) as users:
        await until_true(is_up)


async def test_a_database_that_is_down_is_said_and_spoils_nothing_else(
    postgres_server: Process,
) -> None:
    async with fresh_database(postgres_server) as url, running(["users"], url) as users:
        name = urlsplit(url).path[1:]
        await run_sql(postgres_server.url, f"alter database {name} allow_connections false")
        await run_sql(
            postgres_server.url,
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1",
            name,
        )
        try:
            series = await scraped(users.client)
        finally:
            await run_sql(postgres_server.url, f"alter database {name} allow_connections true")

    assert value(series, "database_up", "users") == 0
    assert not any("outbox" in name or "inbox" in name for name, _ in series)
    assert any(name == "process_cpu_seconds_total" for name, _ in series)


async def test_a_database_that_says_nothing_holds_a_scrape_up_for_a_moment_only() -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        url = f"postgres://nobody@127.0.0.1:{deaf.getsockname()[1]}/nothing"
        environment = Environment({"DATABASE_URL": url})
        settings = Settings.read(environment, ["users"])
        async with assembled(environment, settings) as group, serving(group.app) as client:
            async with asyncio.timeout(2):
                series = await scraped(client)

    assert value(series, "database_up", "users") == 0


async def test_calls_are_counted_by_how_they_ended() -> None:
    edges = Edges(EdgeSettings())
    await ask(edges, times=3)
    await ask(edges, Conflict(), times=1)
    await ask(edges, Unavailable(), times=12)

    series = await scraped_of(Watched(edges=edges))

    edge = ("restaurants", "quote")
    outcomes = {each: value(series, "calls_total", *edge, each) for each in OUTCOMES}
    assert outcomes == {"answered": 4, "failed": 4, "refused": 8, "full": 0, "cancelled": 0}
    assert value(series, "breaker_state", *edge, "open") == 1
    assert value(series, "breaker_state", *edge, "closed") == 0
    assert value(series, "breaker_openings_total", *edge) == 1
    assert value(series, "breaker_failure_ratio", *edge) == 0.5
    assert value(series, "bulkhead_limit_calls", "restaurants") == 32
    assert value(series, "retry_budget_tokens", "restaurants") == 10


async def test_whom_the_door_let_in_is_counted_by_priority() -> None:
    limiter = Limiter(Bounds(first=5, most=5))
    for _ in range(7):
        limiter.admit(Priority.CHANGE)

    series = await scraped_of(Watched(limiter=limiter))

    assert value(series, "limiter_running_requests") == 5
    assert value(series, "limiter_limit_requests") == 5
    assert value(series, "limiter_requests_total", "change", "admitted") == 5
    assert value(series, "limiter_requests_total", "change", "shed") == 2
    assert value(series, "limiter_requests_total", "browse", "shed") == 0


class StoppedClock(SystemClock):
    def __init__(self, at: datetime) -> None:
        self._at = at

    def now(self) -> datetime:
        return self._at


async def ask(edges: Edges, error: Exception | None = None, *, times: int) -> None:
    async def answer() -> None:
        if error is not None:
            raise error

    for _ in range(times):
        with suppress(OrderEatsError):
            await edges.edge("restaurants", "quote", slow_s=1).run(answer)


async def scraped_of(watched: Watched) -> Series:
    async with serving(create_app("watched", [], [], watched)) as client:
        return await scraped(client)
