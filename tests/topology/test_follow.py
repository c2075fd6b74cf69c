"""The console shows what parts complain about, and not what they chat about."""

import json
from pathlib import Path

import pytest

from ordereats.topology.local import follow
from ordereats.topology.local.follow import Follower


@pytest.fixture
def log(tmp_path: Path) -> Path:
    log = tmp_path / "orders.log"
    log.write_text(line("warning", "from_before"))
    return log


def line(level: str, event: str, **fields: object) -> str:
    return (
        json.dumps({"level": level, "event": event, "time": "2026-01-01T10:00:00Z", **fields})
        + "\n"
    )


def say(log: Path, text: str) -> None:
    with log.open("a") as file:
        file.write(text)


def test_only_new_warnings_and_errors_are_shown(log: Path) -> None:
    follower = Follower({"orders": log})
    say(log, line("info", "order_placed") + line("warning", "broker_lost", tries=3, of={"no": 1}))
    say(log, "DB initialized\n")

    shown = follower.news(now=0)

    assert [(told.part, told.event, told.fields) for told in shown] == [
        ("orders", "broker_lost", "tries=3")
    ]
    assert follower.news(now=1) == []


def test_a_line_is_read_when_it_is_whole(log: Path) -> None:
    follower = Follower({"orders": log})
    text = line("error", "late")
    say(log, text[:20])
    assert follower.news(now=0) == []

    say(log, text[20:])

    assert [told.event for told in follower.news(now=0)] == ["late"]


def test_the_gateways_own_form_is_read_too(log: Path) -> None:
    follower = Follower({"gateway": log})
    say(log, '{"level":"error","ts":1700000000.5,"logger":"http","msg":"dial tcp","status":502}\n')

    (told,) = follower.news(now=0)

    assert (told.level, told.event, told.fields) == ("error", "dial tcp", "status=502")


def test_of_an_exception_its_last_line_is_shown(log: Path) -> None:
    follower = Follower({"orders": log})
    say(log, line("error", "failed", exception="Traceback\n  File x\nValueError: no"))

    assert follower.news(now=0)[0].fields == "ValueError: no"


def test_what_repeats_is_shown_once_in_a_few_seconds_with_its_number(log: Path) -> None:
    follower = Follower({"orders": log})
    shown = []
    for now in range(8):
        say(log, line("warning", "broker_lost"))
        shown += follower.news(now=now)

    assert [told.fields for told in shown] == ["", "(and 4 more like it before)"]


def test_a_log_that_grew_too_large_begins_anew(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "_LARGEST", 200)
    follower = Follower({"orders": log})
    say(log, line("warning", "first", padding="x" * 200))

    assert [told.event for told in follower.news(now=0)] == ["first"]
    assert log.stat().st_size == 0
    assert "first" in log.with_suffix(".log.1").read_text()
    say(log, line("warning", "second"))
    assert [told.event for told in follower.news(now=0)] == ["second"]
