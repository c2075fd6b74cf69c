"""Sampled spans reach a collector in OpenTelemetry's words; one that is not well slows nobody."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic

import aiohttp
import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span as WireSpan
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from ordereats.chassis.config import Environment
from ordereats.chassis.errors import Misconfigured
from ordereats.chassis.telemetry import otlp
from ordereats.chassis.telemetry.export import Collector, exported
from ordereats.chassis.telemetry.span import Span
from ordereats.chassis.telemetry.spans import Spans, TraceSettings
from support.builders import NOBODY, until_true
from support.collector import FakeCollector, collecting

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
async def collector() -> AsyncIterator[FakeCollector]:
    async with collecting() as fake:
        yield fake
        fake.may_answer.set()


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What arrives is asked for here, not how soon: a busy machine takes its time."""
    monkeypatch.setattr(otlp, "LAST_WORDS_S", 20.0)


@asynccontextmanager
async def sending(to: str, **headers: str) -> AsyncIterator[Spans]:
    """Export the spans of a process, for the length of a block."""
    spans = Spans(TraceSettings(sampling=1))
    async with exported(spans, Collector(to, headers), service="orders"):
        yield spans


@asynccontextmanager
async def by_hand(collector: FakeCollector) -> AsyncIterator[tuple[Spans, otlp.Sender]]:
    """Spans and what takes them, which sends when it is told to."""
    async with aiohttp.ClientSession() as http:
        spans = Spans(TraceSettings(sampling=1))
        sender = otlp.Sender(spans, http, collector.url, service="orders")
        spans.export = sender.send
        yield spans, sender


def ended(spans: Spans, traceparent: str | None = None) -> Span:
    span = spans.begin("server", "POST /orders", correlation_id="c", traceparent=traceparent)
    assert span is not None
    span.end()
    return span


def attributes(span: WireSpan) -> dict[str, object]:
    def value(each: object) -> object:
        return getattr(each, str(each.WhichOneof("value")))  # type: ignore[attr-defined]  # protobuf makes it

    return {each.key: value(each.value) for each in span.attributes}


@pytest.mark.usefixtures("patient")
async def test_what_is_sampled_arrives_as_it_was(collector: FakeCollector) -> None:
    async with sending(collector.url, authorization="Bearer x") as spans:
        whole = spans.begin("server", "POST /orders", correlation_id="walk", traceparent=PARENT)
        assert whole is not None
        part = whole.child("publish", "order.placed")
        part.order_id, part.waited_s = 17, 0.25
        part.end(TimeoutError("Kim's"))
        whole.status = 201
        whole.end()

    request, sent = collector.requests[0]
    assert request.headers["authorization"] == "Bearer x"
    assert request.headers["content-type"] == "application/json"
    (its,) = sent.resource_spans
    named = {each.key: each.value.string_value for each in its.resource.attributes}
    assert named == {"service.name": "orders", "service.namespace": "ordereats"}
    publish, server = sorted(collector.spans, key=lambda each: each.name, reverse=True)
    assert (server.trace_id.hex(), server.parent_span_id.hex()) == tuple(PARENT.split("-")[1:3])
    assert (server.span_id.hex(), publish.parent_span_id.hex()) == (whole.id, whole.id)
    assert (server.kind, publish.kind) == (WireSpan.SPAN_KIND_SERVER, WireSpan.SPAN_KIND_PRODUCER)
    assert server.start_time_unix_nano <= publish.start_time_unix_nano
    assert 0 <= server.end_time_unix_nano - server.start_time_unix_nano < 30e9
    assert attributes(server)["http.response.status_code"] == 201
    assert attributes(publish)["ordereats.order_id"] == 17
    assert attributes(publish)["ordereats.waited_ms"] == 250
    assert (publish.status.code, publish.status.message) == (
        Status.STATUS_CODE_ERROR,
        "TimeoutError",
    )
    assert b"Kim" not in sent.SerializeToString()


@pytest.mark.usefixtures("patient")
async def test_what_is_not_sampled_does_not(collector: FakeCollector) -> None:
    async with sending(collector.url) as spans:
        ended(spans, PARENT.replace("-01", "-00"))
        ended(spans, PARENT)

    assert len(collector.spans) == 1


async def test_a_collector_that_is_down_costs_a_word_and_no_time() -> None:
    began = monotonic()

    async with sending(NOBODY) as spans:
        for _ in range(10):
            ended(spans)

    assert monotonic() - began < otlp.LAST_WORDS_S + 5  # so much for a busy machine
    assert len(spans.of_trace("c")) == 10


async def test_one_that_hangs_holds_up_neither_requests_nor_the_end(
    collector: FakeCollector,
) -> None:
    collector.may_answer.clear()
    async with sending(collector.url) as spans:
        for _ in range(otlp.BATCH):
            ended(spans)
        await until_true(lambda: _has_come(collector))

        began = monotonic()
        for _ in range(2 * otlp.WAITING):
            ended(spans)
        assert monotonic() - began < 2  # a few ms, on a machine that has nothing else to do
        stopping = monotonic()

    assert monotonic() - stopping < otlp.TIMEOUT_S - 0.5  # not waiting for its answer


async def _has_come(collector: FakeCollector) -> bool:
    return bool(collector.requests)


async def test_it_says_once_that_it_fails_and_once_that_it_works_again(
    collector: FakeCollector, capsys: pytest.CaptureFixture[str]
) -> None:
    async with by_hand(collector) as (spans, sender):
        for status in (400, 400, 200, 200):
            collector.status = status
            ended(spans)
            await sender.flush()

    said = capsys.readouterr().out
    assert said.count("spans_not_exported") == 1
    assert said.count("spans_exported_again") == 1


@pytest.mark.parametrize(("status", "times"), [(503, 3), (429, 3), (400, 1), (500, 1)])
async def test_what_is_refused_for_now_is_sent_again_and_what_is_refused_for_good_is_not(
    collector: FakeCollector, status: int, times: int
) -> None:
    async with by_hand(collector) as (spans, sender):
        span = ended(spans)
        for collector.status in (status, status, 200, 200):
            await sender.flush()

    assert [each.span_id.hex() for each in collector.spans] == [span.id] * times


async def test_while_nothing_is_taken_the_oldest_make_room_and_none_is_sent_twice_then(
    collector: FakeCollector,
) -> None:
    async with by_hand(collector) as (spans, sender):
        collector.status = 503
        first = ended(spans)
        await sender.flush()
        of_these = [ended(spans).id for _ in range(otlp.WAITING + 5)]
        collector.requests.clear()
        collector.status = 200
        await sender.flush()

    sent = [each.span_id.hex() for each in collector.spans]
    assert sent == [first.id, *of_these[5:]]  # the first was on its way


async def test_a_collector_that_is_not_well_is_not_asked_all_the_time(
    collector: FakeCollector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(otlp, "EVERY_S", 0.2)
    collector.status = 503
    async with sending(collector.url) as spans:
        until = monotonic() + 0.7
        while monotonic() < until:
            for _ in range(otlp.BATCH):
                ended(spans)
            await asyncio.sleep(0.01)

    assert 2 <= len(collector.requests) <= 5  # with the last words


async def test_without_a_collector_nothing_is_sent() -> None:
    spans = Spans()

    async with exported(spans, None, service="orders"):
        assert spans.export is None


def test_settings_are_read_and_what_cannot_be_right_is_refused_by_name() -> None:
    said = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318/",
        "OTEL_EXPORTER_OTLP_HEADERS": "authorization=Bearer%20x, x-team = food",
    }

    assert Collector.read(Environment(said)) == Collector(
        "http://collector:4318", {"authorization": "Bearer x", "x-team": "food"}
    )
    assert Collector.read(Environment({})) is None
    with pytest.raises(Misconfigured, match="OTEL_EXPORTER_OTLP_ENDPOINT"):
        Collector.read(Environment({"OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4318"}))
    with pytest.raises(Misconfigured, match="OTEL_EXPORTER_OTLP_HEADERS") as refused:
        Collector.read(Environment({**said, "OTEL_EXPORTER_OTLP_HEADERS": "the-token"}))
    assert "the-token" not in str(refused.value)
