"""The log is events with fields, one JSON object a line, the libraries' included."""

import subprocess
import sys

import msgspec
import pytest

from support.builders import environment

PROGRAM = """
import logging, sys
from uuid import UUID
import structlog
from ordereats.chassis import context
from ordereats.chassis.telemetry import logs
from ordereats.chassis.telemetry.spans import Spans

log = structlog.get_logger("made before")
logs.configure(level=sys.argv[1], form=sys.argv[2], service="orders")
log.debug("looked", order_id=1)
with context.entered(context.Context("the-request")):
    log.info("order_placed", order_id=17, key=UUID(int=7), tags={"a", }, text="zwei\\nZeilen, é")
    logging.getLogger("some.library").warning("careful with %s", "that")
    try:
        raise ValueError("a mistake")
    except ValueError:
        log.exception("request_failed")
        logging.getLogger("some.library").exception("it failed")
logging.getLogger("some.library").info("chatter")
span = Spans().begin("server", "", correlation_id="c", traceparent=sys.argv[3])
span.order_id = 18
with context.entered(context.Context("the-request").within(span)):
    log.error("traced")
    log.error("traced_otherwise", order_id=17)
"""


TRACE = "0af7651916cd43dd8448eb211c80319c"
TRACEPARENT = f"00-{TRACE}-b7ad6b7169203331-01"


def logged(level: str, form: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, level, form, TRACEPARENT],
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return done.stdout.splitlines()


def test_each_line_is_an_event_with_its_fields() -> None:
    lines = [msgspec.json.decode(line) for line in logged("info", "json")]

    assert [line["event"] for line in lines] == [
        "order_placed",
        "careful with that",
        "request_failed",
        "it failed",
        "traced",
        "traced_otherwise",
    ]
    for line in lines:
        assert line["service"] == "orders"
        assert line["correlation_id"] == "the-request"
        assert line["time"].endswith("Z")
    assert [line["level"] for line in lines] == ["info", "warning", *["error"] * 4]
    assert lines[0]["order_id"] == 17
    assert lines[0]["text"] == "zwei\nZeilen, é"
    for line in lines[2:4]:
        assert "ValueError: a mistake" in line["exception"]


def test_a_line_names_the_trace_that_it_is_a_part_of_and_the_order_that_this_is_about() -> None:
    *others, traced, otherwise = [msgspec.json.decode(line) for line in logged("info", "json")]

    assert (traced["trace_id"], traced["order_id"]) == (TRACE, 18)
    assert (otherwise["trace_id"], otherwise["order_id"]) == (TRACE, 17)
    assert not any("trace_id" in line for line in others)


@pytest.mark.parametrize(("level", "count"), [("debug", 7), ("warning", 5), ("error", 4)])
def test_a_level_lets_through_what_is_as_grave(level: str, count: int) -> None:
    assert len(logged(level, "json")) == count


def test_for_people_it_is_text() -> None:
    lines = logged("info", "console")

    assert any("order_placed" in line and "17" in line for line in lines)
    assert any("careful with that" in line for line in lines)
    assert any("ValueError: a mistake" in line for line in lines)
