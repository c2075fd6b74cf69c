"""Counters and durations of a service: exact, shown from the beginning, read as Prometheus does."""

import asyncio

from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families as parsed

from ordereats.chassis.errors import DatabaseError, Unavailable
from ordereats.chassis.telemetry.asking import asked
from ordereats.chassis.telemetry.instruments import Counter, Durations
from ordereats.chassis.telemetry.log_events import LogEvents
from ordereats.chassis.telemetry.metrics import Metrics, _Page
from support.scrapes import scraped


async def test_what_is_known_to_be_possible_is_shown_before_it_happens() -> None:
    counter = Counter("ordereats_x", "Things.", ("outcome",), known=[("good",), ("bad",)])
    counter.note("bad")
    counter.note("bad", by=4)
    counter.note("odd")

    values = await scraped([counter.families])

    assert values == {("x_total", ("good",)): 0, ("x_total", ("bad",)): 5, ("x_total", ("odd",)): 1}


async def test_a_duration_falls_into_every_bucket_that_it_fits_and_is_never_below_0() -> None:
    durations = Durations("ordereats_y_seconds", "How long.", ("kind",), bounds_s=(1, 60))
    for seconds in (0.5, 30, 90, -2):
        durations.note(seconds, "a")

    text = generate_latest(_Page(await durations.families())).decode()

    (family,) = parsed(text)
    found = {each.labels.get("le", each.name): each.value for each in family.samples}
    assert {name: found[name] for name in ("1.0", "60.0", "+Inf")} == {
        "1.0": 2,
        "60.0": 3,
        "+Inf": 4,
    }
    assert found["ordereats_y_seconds_sum"] == 120.5


async def test_a_database_that_does_not_answer_says_nothing_and_that_is_not_0() -> None:
    async def fails() -> int:
        raise DatabaseError("gone")

    async def is_too_slow() -> int:
        raise Unavailable

    async def answers() -> int:
        return 0

    assert await asked(fails) is None
    assert await asked(is_too_slow) is None
    assert await asked(answers) == 0


async def test_a_source_that_has_to_wait_holds_up_no_other() -> None:
    first_is_asked, second_is_asked = asyncio.Event(), asyncio.Event()
    counter = Counter("ordereats_x", "Things.")
    counter.note()

    async def first() -> list[object]:
        first_is_asked.set()
        await second_is_asked.wait()
        return []

    async def second() -> object:
        await first_is_asked.wait()
        second_is_asked.set()
        return await counter.families()

    async with asyncio.timeout(5):
        page = await Metrics([first, second]).written()  # type: ignore[list-item]  # no families

    assert b"ordereats_x_total 1.0" in page


async def test_warnings_and_errors_are_counted_by_the_name_of_the_event() -> None:
    events = LogEvents()
    for level, event in [("info", "a"), ("warning", "b"), ("error", "b"), ("error", "b")]:
        line = {"level": level, "event": event, "order_id": 17}
        assert events.processor(None, level, line) is line

    assert await scraped([events.families]) == {
        ("log_events_total", ("warning", "b")): 1,
        ("log_events_total", ("error", "b")): 2,
    }
