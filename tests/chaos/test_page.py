"""The report: one page that needs nothing else, with all that the run came to."""

from datetime import UTC, datetime
from xml.etree import ElementTree as ET

import pytest
from msgspec.structs import replace

from chaos.__main__ import summary
from chaos.breaking import Struck
from chaos.log import PLACE, Answered, Asked
from chaos.page import page
from chaos.run import Results
from chaos.schedule import KINDS, schedule
from chaos.verdict import Violation, Wrong

FAULTS = schedule(1, seconds=60)[:6]
FAILED = Struck(FAULTS[0], 9.0, 9.0, None, failure="<b>nothing</b> listens")


def results(*, violations: tuple[Violation, ...] = (), never: tuple[str, ...] = ()) -> Results:
    answers = (Answered.OK, Answered.OK, Answered.FAILED, Answered.UNKNOWN)
    return Results(
        began_at=datetime(2026, 11, 23, tzinfo=UTC),
        seed=1,
        rate=4.5,
        loaded_s=60,
        drained_s=12,
        requests=2000,
        orders=[
            Asked(number / 8, 0.3, PLACE, "/orders", answers[number % 4], key=str(number))
            for number in range(480)
        ],
        ended={"delivered": 240},
        struck=[
            *(Struck(each, 3.0, 5.0, 1.5, proof="process 1 is gone") for each in FAULTS[1:]),
            FAILED,
        ],
        never=never,
        violations=violations,
    )


LOST = Violation(Wrong.LOST, "order 7", "was answered to <wish>, and is not there")


def test_the_page_needs_nothing_from_elsewhere() -> None:
    text = page(results(violations=(LOST,)))

    assert "<script" not in text
    assert "http" not in text


def test_the_page_is_well_formed_whatever_is_in_it() -> None:
    text = page(results(violations=(LOST,), never=("kill the <moon>",)))

    # What HTML leaves open is closed for a parser of XML.
    closed = text.removeprefix("<!doctype html>").replace('charset="utf-8">', 'charset="utf-8"/>')
    root = ET.fromstring(closed)  # noqa: S314  # our own page
    assert len(root.findall(".//svg")) == 3


def test_the_page_names_every_fault_and_every_broken_promise() -> None:
    text = page(results(violations=(LOST,), never=(KINDS[5].name,)))

    for said in ("process 1 is gone", "&lt;b&gt;nothing&lt;/b&gt; listens", "order 7"):
        assert said in text
    assert KINDS[5].name in text
    assert "1 promise was broken" in text
    assert "not within a minute" in text


def test_a_run_without_orders_has_a_page_too() -> None:
    assert "<svg" in page(replace(results(), orders=[], struck=[]))


@pytest.mark.parametrize(
    ("one", "is_fine"),
    [
        (results(), True),
        (results(violations=(LOST,)), False),
        (results(never=(KINDS[0].name,)), False),
        (replace(results(), rate=6), False),
        (replace(results(), struck=[*results().struck, FAILED, FAILED]), False),
    ],
    ids=["kept", "broken", "not tried", "hardly under load", "hardly any faults"],
)
def test_a_run_is_fine_when_all_was_tried_and_nothing_was_broken(
    one: Results,
    is_fine: bool,  # noqa: FBT001  # a parameter of a test
) -> None:
    assert one.is_fine is is_fine


def test_the_terminal_is_told_what_was_counted_and_what_was_broken() -> None:
    lines = list(summary(results(violations=(LOST,), never=(KINDS[0].name,))))

    assert "480 orders were asked for: 240 taken (4.00 a second), 120 refused" in lines[0]
    assert "lost: order 7 was answered to <wish>, and is not there" in lines
    assert lines[-1] == "Never had an effect: kill a service."
    assert lines[-2] == "1 promise was broken."


def test_a_run_that_proves_too_little_is_not_said_to_have_broken_promises() -> None:
    one = replace(results(), rate=6)

    assert list(summary(one))[-1] == "Too few orders were taken: 6 a second were to come."
    assert "promise" not in page(one)
