"""The settings of edges are read, and what can't be right is refused by name."""

import pytest

from ordereats.chassis.calls.edges import EdgeSettings
from ordereats.chassis.config import Environment
from ordereats.chassis.errors import Misconfigured


def test_the_settings_of_edges_are_read() -> None:
    told = {"BREAKERS": "off", "BREAKER_MINIMUM_CALLS": "7", "BULKHEAD_CALLS": "9"}

    read = EdgeSettings.read(Environment(told))

    assert (read.breakers, read.breaker.minimum_calls, read.calls) == (False, 7, 9)
    assert EdgeSettings.read(Environment({})) == EdgeSettings()


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("BREAKERS", "maybe"),
        ("BREAKER_MINIMUM_CALLS", "0"),
        ("BREAKER_WINDOW", "soon"),
        ("BULKHEAD_CALLS", "1001"),
    ],
)
def test_a_setting_of_edges_that_can_not_be_right_is_refused_by_name(name: str, given: str) -> None:
    with pytest.raises(Misconfigured, match=f"{name} must be"):
        EdgeSettings.read(Environment({name: given}))


@pytest.mark.parametrize(
    ("given", "expected"),
    [("30s", (30, None)), ("100", (10, 100))],
)
def test_the_window_is_a_time_or_a_number_of_calls(
    given: str, expected: tuple[int, int | None]
) -> None:
    read = EdgeSettings.read(Environment({"BREAKER_WINDOW": given})).breaker

    assert (read.window_s, read.window_calls) == expected


@pytest.mark.parametrize("given", ["0", "0s", "10ms", "ten", "-1", "1.5s", "10001", "s", "9" * 30])
def test_a_window_that_is_neither_is_refused(given: str) -> None:
    with pytest.raises(Misconfigured, match="BREAKER_WINDOW"):
        EdgeSettings.read(Environment({"BREAKER_WINDOW": given}))
