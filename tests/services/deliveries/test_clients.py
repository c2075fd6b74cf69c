"""Ways over the streets of the bundled city, and along the straight line elsewhere."""

import gzip
from math import isclose
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from ordereats.contracts.places import Location
from ordereats.services.deliveries.clients import (
    BUNDLED,
    DETOUR,
    StraightLine,
    StreetGraph,
    Streets,
    routes_of,
)
from ordereats.services.deliveries.domain.times import crow_m

STATION, MARKET = Location(60.17080, 24.94140), Location(60.16770, 24.95290)
TAMPERE = Location(61.4978, 23.7610)

in_the_city = st.builds(
    Location,
    lat=st.floats(min_value=60.1645, max_value=60.1785),
    lon=st.floats(min_value=24.9360, max_value=24.9530),
)


@pytest.fixture(scope="module")
def streets() -> Streets:
    return Streets.read(BUNDLED)


def test_elsewhere_a_way_is_the_straight_line_and_a_detour(streets: Streets) -> None:
    there = Location(TAMPERE.lat + 0.01, TAMPERE.lon)

    for routes in (StraightLine(), streets):
        (way_m,) = routes.metres(TAMPERE, [there])
        assert isclose(way_m, crow_m(TAMPERE, there) * DETOUR)


def test_who_is_outside_is_reached_by_the_straight_line(streets: Streets) -> None:
    assert streets.metres(STATION, [TAMPERE]) == StraightLine().metres(STATION, [TAMPERE])
    assert streets.metres(TAMPERE, [STATION]) == StraightLine().metres(TAMPERE, [STATION])


@given(one=in_the_city, other=in_the_city)
def test_a_way_over_streets_is_never_shorter_than_the_crow_s_and_as_long_back(
    streets: Streets, one: Location, other: Location
) -> None:
    (there_m,) = streets.metres(one, [other])
    (back_m,) = streets.metres(other, [one])

    assert there_m >= crow_m(one, other)
    assert isclose(there_m, back_m, abs_tol=0.5)


def test_from_the_station_to_the_market_it_is_about_a_kilometre(streets: Streets) -> None:
    (way_m,) = streets.metres(STATION, [MARKET])

    assert 750 < way_m < 1200


def test_each_of_many_targets_has_its_own_way(streets: Streets) -> None:
    targets = [STATION, TAMPERE, MARKET]

    assert streets.metres(STATION, targets) == [
        way for target in targets for way in streets.metres(STATION, [target])
    ]
    assert streets.metres(STATION, []) == []


def test_a_way_follows_the_streets_and_not_the_shortest_line() -> None:
    # A river without a bridge: three sides of a square.
    south, north = 60.0, 60.001
    graph = StreetGraph(
        nodes=((south, 25.0), (south, 25.01), (north, 25.01), (north, 25.0)),
        edges=((0, 1, 556.0), (1, 2, 111.0), (2, 3, 556.0)),
    )

    (way_m,) = Streets(graph).metres(Location(south, 25.0), [Location(north, 25.0)])

    assert isclose(way_m, 1223, abs_tol=0.01)


def test_only_so_many_origins_are_kept() -> None:
    streets = Streets(StreetGraph(nodes=((60.0, 25.0), (60.0, 25.01)), edges=((0, 1, 556.0),)))
    streets.MOST_ORIGINS = 1
    west, east = Location(60.0, 25.0), Location(60.0, 25.01)

    found = [streets.metres(*pair) for pair in ((west, [east]), (east, [west]), (west, [east]))]

    assert found == [[556.0]] * 3
    assert len(streets._from) == 1


def test_it_is_known_which_ways_lead_over_streets(streets: Streets) -> None:
    assert streets.knows_streets(STATION, MARKET)
    assert not streets.knows_streets(STATION, TAMPERE)
    assert not streets.knows_streets(TAMPERE, STATION)
    assert not StraightLine().knows_streets(STATION, MARKET)


def test_without_streets_that_can_be_read_every_way_is_a_straight_line_and_said_once(
    tmp_path: Path,
) -> None:
    packed = BUNDLED.read_bytes()
    contents = [None, b"", b"streets", packed[:-100], packed[:9] + b"?" * 50, gzip.compress(b"[]")]

    for content in contents:
        file = tmp_path / "streets"
        if content is not None:
            file.write_bytes(content)
        with capture_logs() as lines:
            routes = routes_of(file)

        assert routes.metres(STATION, [MARKET]) == StraightLine().metres(STATION, [MARKET])
        assert [line["event"] for line in lines] == ["streets_unreadable"]
