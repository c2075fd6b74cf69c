"""Spans are drawn in the order in which people read them, each below what it is a part of."""

from datetime import timedelta
from typing import Any

from ordereats.chassis.clock import SystemClock
from ordereats.chassis.telemetry.spans import SpanShown
from ordereats.topology.stories.waterfall import Waterfall, waterfalls

NOW = SystemClock().now()


def a_span(span_id: str, parent_id: str | None = None, **changes: Any) -> SpanShown:
    given: dict[str, Any] = {
        "trace_id": "t",
        "correlation_id": "c",
        "kind": "server",
        "service": "orders",
        "name": span_id,
        "at": 0,
        "took_ms": 10,
        "waited_ms": 0,
        "order_id": None,
        "status": 0,
        "attempt": 0,
        "error": None,
        **changes,
    }
    given["at"] = NOW + timedelta(milliseconds=given["at"])
    return SpanShown(span_id=span_id, parent_id=parent_id, **given)


def drawn(*spans: SpanShown) -> Waterfall:
    (only,) = waterfalls(spans, width=10)
    return only


def test_each_stands_below_its_parent_in_the_order_of_time() -> None:
    its = drawn(
        a_span("late part", "whole", at=5),
        a_span("whole", took_ms=100),
        a_span("part of part", "part", at=2),
        a_span("part", "whole", at=1),
    )

    assert [(line.span.name, line.depth) for line in its.lines] == [
        ("whole", 0),
        ("part", 1),
        ("part of part", 2),
        ("late part", 1),
    ]


def test_one_whose_parent_nobody_remembers_is_shown_all_the_same() -> None:
    its = drawn(a_span("whole", took_ms=100), a_span("orphan", "of a service that is down", at=50))

    assert [(line.span.name, line.depth) for line in its.lines] == [("whole", 0), ("orphan", 0)]


def test_a_bar_shows_when_it_was_and_how_long_it_had_waited() -> None:
    its = drawn(
        a_span("whole", took_ms=50),
        a_span("wait", "whole", at=60, waited_ms=40, took_ms=40),
        a_span("moment", "whole", at=99.9, took_ms=0.1),
    )

    assert its.took_ms == 100
    assert {line.span.name: line.bar for line in its.lines} == {
        "whole": "█████     ",
        "wait": "  ····████",
        "moment": "         █",
    }


def test_bars_keep_their_width_whatever_clocks_say() -> None:
    its = drawn(
        a_span("whole", took_ms=0),
        a_span("waited since before", at=0, waited_ms=10_000, took_ms=0),
        a_span("clock behind", "whole", at=-5, took_ms=3),
    )

    assert {len(line.bar) for line in its.lines} == {10}
    assert min(line.offset_ms for line in its.lines) == 0


def test_spans_that_name_one_another_as_parents_are_no_endless_loop() -> None:
    its = drawn(a_span("whole"), a_span("one", "other"), a_span("other", "one"))

    assert "whole" in [line.span.name for line in its.lines]


def test_each_trace_is_a_waterfall_of_its_own() -> None:
    found = waterfalls([a_span("later", trace_id="b", at=50), a_span("first", trace_id="a")])

    assert [each.trace_id for each in found] == ["a", "b"]
    assert [each.lines[0].offset_ms for each in found] == [0, 0]
