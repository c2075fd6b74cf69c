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
"""


def logged(level: str, form: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, level, form],
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
    ]
    for line in lines:
        assert line["service"] == "orders"
        assert line["correlation_id"] == "the-request"
        assert line["time"].endswith("Z")
    assert [line["level"] for line in lines] == ["info", "warning", "error", "error"]
    assert lines[0]["order_id"] == 17
    assert lines[0]["text"] == "zwei\nZeilen, é"
    for line in lines[2:]:
        assert "ValueError: a mistake" in line["exception"]


@pytest.mark.parametrize(("level", "count"), [("debug", 5), ("warning", 3), ("error", 2)])
def test_a_level_lets_through_what_is_as_grave(level: str, count: int) -> None:
    assert len(logged(level, "json")) == count


def test_for_people_it_is_text() -> None:
    lines = logged("info", "console")

    assert any("order_placed" in line and "17" in line for line in lines)
    assert any("careful with that" in line for line in lines)
    assert any("ValueError: a mistake" in line for line in lines)
