"""W3C trace context: what is read is what the standard allows, nothing that a client invents."""

import pytest

from ordereats.chassis.telemetry.traceparent import (
    Parent,
    Sampling,
    new_span_id,
    read,
    trace_of,
    written,
)

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.mark.parametrize(
    ("header", "is_sampled"),
    [
        (f"00-{TRACE}-{SPAN}-01", True),
        (f"00-{TRACE}-{SPAN}-00", False),
        (f"00-{TRACE}-{SPAN}-03", True),  # a flag of level 2: random
        (f"00-{TRACE}-{SPAN}-fe", False),
        (f"cc-{TRACE}-{SPAN}-01", True),  # of a later version, what is known of this one
        (f"cc-{TRACE}-{SPAN}-01-what-the-future-will-bring", True),
    ],
)
def test_what_the_standard_allows_is_read(header: str, *, is_sampled: bool) -> None:
    assert read(header) == Parent(TRACE, SPAN, is_sampled)


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "two words",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01-more",
        f"00-{TRACE}-{SPAN}-01-",
        f"cc-{TRACE}-{SPAN}-01.more",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{TRACE}-{SPAN.upper()}-01",
        f"00-{TRACE[:-1]}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}a-01",
        f"00-{TRACE}-{SPAN}-1",
        f"00-{TRACE}-{SPAN}-0g",
        f"0-{TRACE}-{SPAN}-01",
        f" 00-{TRACE}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01\n",
        f"00_{TRACE}_{SPAN}_01",
        f"00-{TRACE}-{SPAN}-０１",  # noqa: RUF001  # digits, but not the standard's
    ],
)
def test_anything_else_counts_for_nothing(header: str | None) -> None:
    assert read(header) is None


def test_what_is_written_can_be_read() -> None:
    span_id = new_span_id()

    header = written(TRACE, span_id, is_sampled=True)

    assert read(header) == Parent(TRACE, span_id, is_sampled=True)
    assert trace_of(header) == TRACE


def test_as_many_traces_are_sampled_as_was_asked_for() -> None:
    kept = sum(is_sampled for _, is_sampled in (Sampling(0.1).new_trace() for _ in range(10_000)))

    assert 800 < kept < 1200
    assert not any(Sampling(0).new_trace()[1] for _ in range(1000))
    assert all(Sampling(1).new_trace()[1] for _ in range(1000))


def test_no_two_spans_have_one_id() -> None:
    assert len({new_span_id() for _ in range(10_000)}) == 10_000
