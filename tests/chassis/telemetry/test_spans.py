"""Spans: kept up to a limit, found by trace, request and order, told without a word of anyone."""

from datetime import datetime, timedelta
from time import sleep

import pytest

from ordereats.chassis import context
from ordereats.chassis.clock import SystemClock
from ordereats.chassis.config import Environment
from ordereats.chassis.context import Context
from ordereats.chassis.errors import Conflict, Misconfigured
from ordereats.chassis.telemetry import tracing
from ordereats.chassis.telemetry.span import Kind, Span
from ordereats.chassis.telemetry.spans import READS_SHARE, Spans, TraceSettings, off

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE}-b7ad6b7169203331-01"
EXACT = timedelta(microseconds=2)


def begun(spans: Spans, name: str = "POST /orders", kind: Kind = "server") -> Span:
    span = spans.begin(kind, name, correlation_id="the-walk", traceparent=None)
    assert span is not None
    return span


def names(spans: Spans, of: str = "the-walk") -> list[str]:
    return [each.name for each in spans.of_trace(of)]


def test_a_part_has_the_trace_of_what_it_is_a_part_of() -> None:
    spans = Spans()
    whole = begun(spans)
    whole.order_id = 17

    part = whole.child("transaction", "placements")
    part.end()
    whole.end()

    shown, its = spans.of_trace(whole.trace_id)
    assert (shown.span_id, shown.parent_id) == (whole.id, None)
    assert (its.parent_id, its.trace_id, its.order_id) == (whole.id, whole.trace_id, 17)
    assert its.correlation_id == "the-walk"
    assert 0 < its.took_ms <= shown.took_ms
    assert shown.at <= its.at


class TornClock(SystemClock):
    """A process that loses its core whenever it has just looked at the clock."""

    def now(self) -> datetime:
        now = super().now()
        sleep(0.002)
        return now


def test_what_lies_between_two_spans_is_exact_however_late_the_clock_is_read() -> None:
    spans = Spans(clock=TornClock())
    whole = begun(spans)
    part = whole.child("transaction", "placements")

    part.end()
    whole.end()

    shown, its = spans.of_trace("the-walk")
    assert its.at - shown.at == pytest.approx(
        timedelta(seconds=part.began - whole.began), abs=EXACT
    )


def test_what_began_elsewhere_goes_on_here_and_keeps_its_callers_decision() -> None:
    spans = Spans(TraceSettings(sampling=0))

    span = spans.begin("consume", "order.placed", correlation_id="c", traceparent=PARENT)

    assert span is not None
    assert (span.trace_id, span.parent_id) == (TRACE, "b7ad6b7169203331")
    assert span.is_sampled
    assert span.traceparent == f"00-{TRACE}-{span.id}-01"


def test_a_caller_that_says_nonsense_does_not_decide_where_a_span_belongs() -> None:
    span = Spans().begin("server", "x", correlation_id="c", traceparent=f"00-{'0' * 32}-1-1")

    assert span is not None
    assert (len(span.trace_id), span.parent_id) == (32, None)


def test_only_the_last_are_kept() -> None:
    spans = Spans(TraceSettings(kept=100))

    for number in range(250):
        begun(spans, f"request {number}").end()

    assert names(spans) == [f"request {number}" for number in range(150, 250)]


def test_reading_drives_out_no_change() -> None:
    spans = Spans(TraceSettings(kept=100))
    begun(spans, "POST /orders").end()

    for _ in range(1000):
        read = begun(spans, "GET /orders")
        read.is_read = True
        read.end()

    found = names(spans)
    assert found[0] == "POST /orders"
    assert len(found) == 1 + 100 // READS_SHARE


def test_an_order_is_found_with_all_of_the_traces_that_changed_it() -> None:
    spans = Spans()
    placing, other, looking = begun(spans, "placing"), begun(spans, "other"), begun(spans, "look")
    client = placing.child("client", "users get_user")  # before anybody knew of an order
    client.end()
    placing.order_id, other.order_id, looking.order_id = 17, 18, 17
    looking.is_read = True
    for each in (placing, other, looking):
        each.end()

    assert [each.name for each in spans.of_order(17)] == ["placing", "users get_user"]
    assert spans.of_order(19) == []


def test_an_error_is_told_by_its_code_and_never_by_its_text() -> None:
    spans = Spans()
    with (
        context.entered(Context("the-walk").within(begun(spans))),
        pytest.raises(Conflict),
        tracing.part("client", "restaurants quote"),
    ):
        raise Conflict("Kim lives in Kaivokatu 10.")

    (shown,) = spans.of_trace("the-walk")

    assert shown.error == Conflict.code
    assert "Kim" not in str(shown)


def test_sampled_spans_are_exported_and_all_are_kept() -> None:
    sent: list[Span] = []
    spans = Spans(TraceSettings(sampling=0))
    spans.export = sent.append
    sampled = spans.begin("server", "sampled", correlation_id="the-walk", traceparent=PARENT)
    assert sampled is not None

    sampled.child("transaction", "its part").end()
    sampled.end()
    begun(spans, "not sampled").end()

    assert [each.name for each in sent] == ["its part", "sampled"]
    assert len(names(spans)) == 3


def test_off_nothing_is_made_and_a_trace_goes_on_through_it() -> None:
    spans, at = off(), Context("the-walk", traceparent=PARENT)

    with tracing.resumed(spans, "consume", "order.placed", at, service="payments") as span:
        seen = context.current()
        with tracing.part("client", "provider authorize") as part:
            assert part is None

    assert span is None
    assert seen == at
    assert spans.of_trace("the-walk") == []


def test_what_is_no_part_of_anything_is_no_span() -> None:
    with context.entered(Context("the-walk")), tracing.part("client", "users get_user") as span:
        assert span is None


def test_settings_are_read_and_what_cannot_be_right_is_refused_by_name() -> None:
    said = {"TRACES": "off", "TRACE_SAMPLING": "0.25", "TRACE_SPANS_KEPT": "500"}

    assert TraceSettings.read(Environment(said)) == TraceSettings(
        is_on=False, sampling=0.25, kept=500
    )
    assert TraceSettings.read(Environment({})) == TraceSettings()
    for name, value in [
        ("TRACES", "yes"),
        ("TRACE_SAMPLING", "1.5"),
        ("TRACE_SAMPLING", "nan"),
        ("TRACE_SAMPLING", "-0.1"),
        ("TRACE_SAMPLING", "ten"),
        ("TRACE_SPANS_KEPT", "0"),
    ]:
        with pytest.raises(Misconfigured, match=name):
            TraceSettings.read(Environment({name: value}))
