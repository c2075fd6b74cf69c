"""The front door gives each request its context, its deadline and its line in the log."""

import aiohttp
import pytest
from structlog.testing import capture_logs

from chassis.http.conftest import seen
from ordereats.chassis.config import Environment
from ordereats.chassis.errors import Misconfigured
from ordereats.chassis.http.app import create_app
from ordereats.chassis.http.operations import Watched
from ordereats.chassis.http.requests import DoorSettings
from ordereats.chassis.telemetry.spans import off
from ordereats.chassis.telemetry.traceparent import Parent, read
from support.builders import Client, serving


async def test_a_correlation_id_is_taken_passed_on_and_given_back(probe: Client) -> None:
    answer = await probe.get("/seen", X_Correlation_ID="order-desk-17")

    assert answer.headers["x-correlation-id"] == "order-desk-17"
    assert answer.json()["correlationId"] == "order-desk-17"


async def test_each_request_without_one_gets_its_own(probe: Client) -> None:
    first, second = await probe.get("/seen"), await probe.get("/seen")

    assert first.json()["correlationId"] == first.headers["x-correlation-id"]
    assert first.headers["x-correlation-id"] != second.headers["x-correlation-id"]
    assert first.headers["x-correlation-id"] < second.headers["x-correlation-id"]


@pytest.mark.parametrize("ugly", ["", "x" * 101, "two words", "tab\there", "café", "\u202e"])
async def test_one_that_is_not_safe_to_log_is_replaced(probe: Client, ugly: str) -> None:
    answer = await probe.get("/seen", X_Correlation_ID=ugly)

    assert answer.headers["x-correlation-id"] != ugly
    assert answer.json()["correlationId"] == answer.headers["x-correlation-id"]


async def test_it_comes_back_with_errors_too(probe: Client) -> None:
    for path in ("/errors/unexpected", "/errors/missing", "/nowhere", "/things/0"):
        answer = await probe.get(path, X_Correlation_ID="c-1")

        assert answer.headers["x-correlation-id"] == "c-1", path
        assert answer.json()["correlationId"] == "c-1", path


async def test_each_request_has_one_line_in_the_log(probe: Client) -> None:
    with capture_logs() as lines:
        await probe.get("/things/7?token=a-secret-in-a-query")

    (line,) = lines
    assert line["event"] == "request"
    assert (line["method"], line["route"], line["status"]) == ("GET", "/things/{thing_id}", 200)
    assert line["ms"] > 0
    assert "secret" not in str(line)


async def test_probes_leave_no_line_in_the_log(probe: Client) -> None:
    with capture_logs() as lines:
        for path in ("/health", "/health/live", "/health/ready"):
            assert (await probe.get(path)).status == 200

    assert lines == []


TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


async def traced(probe: Client, *headers: str) -> Parent:
    """Send these headers; the span that the route is a part of."""
    given = [("traceparent", each) for each in headers]
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{probe.url}/seen", headers=given) as answer,
    ):
        its = read((await answer.json())["traceparent"])
    assert its is not None
    return its


@pytest.mark.parametrize("flags", ["00", "01"])
async def test_a_trace_goes_on_and_its_callers_decision_is_kept(probe: Client, flags: str) -> None:
    its = await traced(probe, f"00-{TRACE}-{PARENT}-{flags}")

    assert (its.trace_id, its.is_sampled) == (TRACE, flags == "01")
    assert its.span_id != PARENT


@pytest.mark.parametrize(
    "headers",
    [
        (),
        ("two words",),
        (f"00-{TRACE.upper()}-{PARENT}-01",),
        (f"00-{TRACE}-{'0' * 16}-01",),
        (f"ff-{TRACE}-{PARENT}-01",),
        (f"00-{TRACE}-{PARENT}-01", f"00-{TRACE}-{PARENT}-01"),
    ],
)
async def test_one_begins_where_none_comes_or_none_that_can_be_right(
    probe: Client, headers: tuple[str, ...]
) -> None:
    assert (await traced(probe, *headers)).trace_id != TRACE


@pytest.mark.parametrize(
    ("given", "passed_on"),
    [(f"00-{TRACE}-{PARENT}-01", f"00-{TRACE}-{PARENT}-01"), (f"00-{TRACE}-{PARENT}-xx", None)],
)
async def test_with_traces_off_one_goes_through_as_it_came(
    given: str, passed_on: str | None
) -> None:
    async with serving(create_app("probe", [seen], [], Watched(spans=off()))) as probe:
        answer = await probe.get("/seen", traceparent=given)

    assert answer.json()["traceparent"] == passed_on


async def test_everyone_is_the_operator_while_the_platform_runs_open(probe: Client) -> None:
    assert (await probe.get("/seen")).json()["principal"] == "operator"


async def test_the_callers_patience_is_known_inside(probe: Client) -> None:
    remaining_s = (await probe.get("/seen", X_Deadline_Ms="5000")).json()["remainingS"]

    assert 4 < remaining_s <= 5


async def test_nobodys_patience_is_longer_than_half_a_minute(probe: Client) -> None:
    for given in ("30001", "999999999", "1" * 40):
        remaining_s = (await probe.get("/seen", X_Deadline_Ms=given)).json()["remainingS"]

        assert 29 < remaining_s <= 30


async def test_a_deadline_that_has_passed_is_503_before_any_work(probe: Client) -> None:
    answer = await probe.get("/errors/unexpected", X_Deadline_Ms="0")

    assert (answer.status, answer.code) == (503, "deadline_exceeded")
    assert answer.headers["retry-after"] == "1"


@pytest.mark.parametrize("garbage", ["", "-5", "soon", "1.5", "0x10", "\uff11"])
async def test_a_deadline_that_can_not_be_read_is_the_usual_one(
    probe: Client, garbage: str
) -> None:
    answer = await probe.get("/seen", X_Deadline_Ms=garbage)

    assert answer.status == 200
    assert 9 < answer.json()["remainingS"] <= 10


async def test_who_does_not_say_has_ten_seconds_or_as_many_as_is_set(probe: Client) -> None:
    assert 9 < (await probe.get("/seen")).json()["remainingS"] <= 10

    async with serving(create_app("hasty", [seen], [], door=DoorSettings(patience_s=2))) as hasty:
        assert 1 < (await hasty.get("/seen")).json()["remainingS"] <= 2


async def test_an_answer_that_comes_after_the_deadline_is_still_given(probe: Client) -> None:
    answer = await probe.get("/late", X_Deadline_Ms="30")

    assert (answer.status, answer.json()) == (200, {"lines": 1})


def test_the_settings_of_the_door_are_read() -> None:
    told = Environment({"REQUEST_DEADLINE_SECONDS": "3"})

    read = DoorSettings.read(told, has_neighbours=True)

    assert read == DoorSettings(patience_s=3, heeds_priority=True)
    assert DoorSettings.read(Environment({}), has_neighbours=False) == DoorSettings()


@pytest.mark.parametrize("given", ["0", "31", "soon"])
def test_a_setting_that_can_not_be_right_is_refused_by_name(given: str) -> None:
    with pytest.raises(Misconfigured, match="REQUEST_DEADLINE_SECONDS must be"):
        DoorSettings.read(Environment({"REQUEST_DEADLINE_SECONDS": given}), has_neighbours=False)
