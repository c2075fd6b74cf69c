"""Puts spans in the order in which people read them: each below what it is a part of. Pure."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain

from ordereats.chassis.telemetry.spans import SpanShown


@dataclass(frozen=True, slots=True)
class Line:
    """A span in its place.

    Attributes:
        depth: below how many others it stands.
        offset_ms: when it began, from the beginning of its trace.
        bar: the time that it waited and that it took, as characters.
    """

    span: SpanShown
    depth: int
    offset_ms: float
    bar: str


@dataclass(frozen=True, slots=True)
class Waterfall:
    """A trace.

    Attributes:
        trace_id: of it.
        correlation_id: of the request that it began with.
        began_at: its first span did.
        took_ms: from there to the end of the last.
        lines: its spans.
    """

    trace_id: str
    correlation_id: str
    began_at: datetime
    took_ms: float
    lines: Sequence[Line]


def waterfalls(spans: Sequence[SpanShown], *, width: int = 32) -> list[Waterfall]:
    """Each trace of these, in the order in which they began.

    Args:
        spans: of any number of traces.
        width: of the bars, in characters.
    """
    traces: dict[str, list[SpanShown]] = defaultdict(list)
    for each in sorted(spans, key=lambda each: each.at):
        traces[each.trace_id].append(each)
    return [_waterfall(each, width) for each in traces.values()]


def _waterfall(spans: Sequence[SpanShown], width: int) -> Waterfall:
    began_at = spans[0].at
    took_ms = max(_ms(each.at - began_at) + each.took_ms for each in spans)
    lines = []
    for span, depth in _nested(spans):
        offset_ms = _ms(span.at - began_at)
        bar = _bar(offset_ms, span.waited_ms, span.took_ms, of_ms=took_ms, width=width)
        lines.append(Line(span, depth, offset_ms, bar))
    return Waterfall(spans[0].trace_id, spans[0].correlation_id, began_at, took_ms, lines)


def _nested(spans: Sequence[SpanShown]) -> Iterator[tuple[SpanShown, int]]:
    """Each behind its parent; one whose parent nobody remembers stands for itself."""
    known = {each.span_id for each in spans}
    parts: dict[str | None, list[SpanShown]] = defaultdict(list)
    for each in spans:
        parts[each.parent_id if each.parent_id in known else None].append(each)
    waiting = [(each, 0) for each in reversed(parts[None])]
    while waiting:
        span, depth = waiting.pop()
        yield span, depth
        waiting += [(each, depth + 1) for each in reversed(parts[span.span_id])]


def _bar(offset_ms: float, waited_ms: float, took_ms: float, *, of_ms: float, width: int) -> str:
    """What came before it as nothing, its wait as `·`, its work as `█`: at least one of that."""
    scale = width / (of_ms or 1)
    begin = min(width - 1, int(offset_ms * scale))
    end = min(width, max(begin + 1, round((offset_ms + took_ms) * scale)))
    wait = max(0, min(begin, int((offset_ms - waited_ms) * scale)))
    return "".join(
        chain(" " * wait, "·" * (begin - wait), "█" * (end - begin), " " * (width - end))
    )


def _ms(span: timedelta) -> float:
    return span / timedelta(milliseconds=1)
