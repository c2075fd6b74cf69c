"""What a customer is told of the time, by its formula."""

from datetime import UTC, datetime, timedelta
from math import hypot, isclose

from hypothesis import given
from hypothesis import strategies as st

from ordereats.contracts.deliveries import Vehicle
from ordereats.contracts.places import Location
from ordereats.services.deliveries.domain.times import (
    HAND_OVER_S,
    SPEED_M_S,
    UNKNOWN_WAY_S,
    crow_m,
    expected,
    way_s,
)

NOW = datetime(2026, 2, 28, 18, 30, tzinfo=UTC)
READY = NOW + timedelta(minutes=15)
durations = st.floats(min_value=0, max_value=7200)
places = st.builds(
    Location,
    lat=st.floats(min_value=-90, max_value=90),
    lon=st.floats(min_value=-180, max_value=180),
)


def minutes(later: datetime) -> float:
    return (later - NOW).total_seconds() / 60


def test_food_leaves_when_it_is_cooked_and_the_courier_is_there() -> None:
    cooked_later = expected(now=NOW, ready_at=READY, approach_s=300, carry_s=420)
    there_later = expected(now=NOW, ready_at=READY, approach_s=1200, carry_s=420)
    waits = expected(now=NOW, ready_at=None, approach_s=300, carry_s=420)

    assert minutes(cooked_later.estimated_at) == 15 + 1 + 7 + 1
    assert minutes(there_later.estimated_at) == 20 + 1 + 7 + 1
    assert minutes(waits.estimated_at) == 5 + 1 + 7 + 1


def test_with_the_food_in_hand_only_the_way_and_the_door_remain() -> None:
    times = expected(now=NOW, ready_at=None, approach_s=None, carry_s=420)

    assert minutes(times.estimated_at) == 7 + 1
    assert minutes(times.latest_at) == 14 + 1  # as published: median 7 min, p90 14


def test_the_latest_is_as_far_above_as_the_parts_together_spread() -> None:
    times = expected(now=NOW, ready_at=READY, approach_s=300, carry_s=420)

    assert isclose(minutes(times.latest_at) - minutes(times.estimated_at), hypot(16, 7))


@given(durations, durations, durations)
def test_estimated_is_never_past_nor_after_the_latest(
    ready_in_s: float, approach_s: float, carry_s: float
) -> None:
    ready_at = NOW + timedelta(seconds=ready_in_s - 3600)

    times = expected(now=NOW, ready_at=ready_at, approach_s=approach_s, carry_s=carry_s)

    assert NOW + timedelta(seconds=HAND_OVER_S) < times.estimated_at <= times.latest_at


def test_a_way_takes_as_long_as_the_vehicle_is_slow() -> None:
    assert way_s(4200, Vehicle.BICYCLE) == 1000
    assert way_s(None, Vehicle.CAR) == UNKNOWN_WAY_S
    assert set(SPEED_M_S) == set(Vehicle)


def test_the_crow_flies_from_helsinki_to_tampere() -> None:
    helsinki, tampere = Location(60.1699, 24.9384), Location(61.4978, 23.7610)

    assert 160_000 < crow_m(helsinki, tampere) < 162_000


@given(places, places)
def test_the_crow_flies_as_far_back_and_never_beyond_the_globe(
    one: Location, other: Location
) -> None:
    there = crow_m(one, other)

    assert 0 <= there <= 20_016_000
    assert isclose(there, crow_m(other, one), abs_tol=0.01)
    assert crow_m(one, one) == 0
