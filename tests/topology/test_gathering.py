"""A story is gathered from every process there is, and says who did not answer."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from litestar import get

from ordereats.chassis.config import Environment
from ordereats.chassis.errors import Misconfigured
from ordereats.chassis.http.app import create_app
from ordereats.chassis.http.operations import Watched
from ordereats.chassis.story import Stories
from ordereats.chassis.telemetry.span import Span
from ordereats.chassis.telemetry.spans import Spans
from ordereats.topology.catalog import SERVICES
from ordereats.topology.local.home import Home
from ordereats.topology.stories import gathering
from support.builders import NOBODY, Client, serving


def begun(spans: Spans, traceparent: str | None = None, order_id: int | None = None) -> Span:
    span = spans.begin("server", "x", correlation_id="walk", traceparent=traceparent)
    assert span is not None
    span.order_id = order_id
    return span


@asynccontextmanager
async def a_process(spans: Spans) -> AsyncIterator[Client]:
    """Run a process that has no database, and remembers these."""
    app = create_app("it", [], [], Watched(spans=spans, stories=Stories(spans)))
    async with serving(app) as client:
        yield client


def others(*services: str) -> Sequence[str]:
    return [each for each in SERVICES if each not in services]


async def test_what_only_a_trace_ties_to_an_order_is_found_with_it() -> None:
    orders, users = Spans(service="orders"), Spans(service="users")
    placing = begun(orders, order_id=17)
    begun(users, placing.traceparent).end()  # which knows of no order
    placing.end()

    async with a_process(orders) as one, a_process(users) as other:
        where = {one.url: ["orders"], other.url: others("orders")}
        told = await gathering.of_order(where, 17)
        nothing = await gathering.of_order(where, 18)

    assert [each.service for each in told.spans] == ["orders", "users"]
    assert told.silent == []
    assert nothing.is_empty


async def test_a_trace_is_found_by_its_id_and_by_the_correlation_id() -> None:
    spans = Spans(service="orders")
    span = begun(spans)
    span.end()

    async with a_process(spans) as one:
        for name in (span.trace_id, "walk"):
            told = await gathering.of_trace({one.url: SERVICES}, name)
            assert [each.span_id for each in told.spans] == [span.id]
        assert (await gathering.of_trace({one.url: SERVICES}, "no/such?thing")).is_empty


async def test_who_does_not_answer_or_answers_nonsense_is_named() -> None:
    @get("/ops/orders/{order_id:int}/story")
    async def nonsense() -> str:
        return "not a story"

    spans = Spans(service="orders")
    begun(spans, order_id=17).end()
    async with a_process(spans) as one, serving(create_app("it", [nonsense], [])) as odd:
        where = {one.url: others("users", "kitchen"), odd.url: ["users"], NOBODY: ["kitchen"]}
        told = await gathering.of_order(where, 17)

    assert len(told.spans) == 1
    assert told.silent == ["users", "kitchen"]


async def test_a_service_of_which_nobody_says_where_it_is_counts_as_silent() -> None:
    async with a_process(Spans(service="orders")) as one:
        told = await gathering.of_order({one.url: ["orders"]}, 17)

    assert told.silent == others("orders")


def test_without_a_platform_here_settings_say_where_it_is(tmp_path: Path) -> None:
    said = {
        "ORDERS_URL": "http://one:1/",
        "USERS_URL": "http://one:1",
        "KITCHEN_URL": "https://two",
    }

    where = gathering.addresses(Home(tmp_path), Environment(said))

    assert where == {"http://one:1": ["users", "orders"], "https://two": ["kitchen"]}
    with pytest.raises(Misconfigured, match="does not run here"):
        gathering.addresses(Home(tmp_path), Environment({}))
