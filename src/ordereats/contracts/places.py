"""Places: where something is, and how people call it."""

import math
from typing import Annotated

from msgspec import Meta, Struct

from ordereats.contracts.wire import Text

EARTH_M = 6_371_009
"""The mean radius of the earth (IUGG), in metres."""


class Location(Struct, frozen=True, rename="camel"):
    """A point on the globe (WGS 84), in degrees."""

    lat: Annotated[float, Meta(ge=-90, le=90)]
    lon: Annotated[float, Meta(ge=-180, le=180)]


class Place(Struct, frozen=True, rename="camel"):
    """An address, and where on the globe it is if that is known."""

    address: Annotated[str, Meta(min_length=1, max_length=200, pattern=Text)]
    location: Location | None = None


def on_earth(where: Location) -> tuple[float, float, float]:
    """The point in space, in metres from the middle of the earth.

    There what is near is near, also across the poles and the 180th meridian, and a straight line
    grows with the way over the ground: so an index of boxes finds neighbours.
    """
    lat, lon = math.radians(where.lat), math.radians(where.lon)
    return (
        EARTH_M * math.cos(lat) * math.cos(lon),
        EARTH_M * math.cos(lat) * math.sin(lon),
        EARTH_M * math.sin(lat),
    )


def distance_m(one: Location, other: Location) -> int:
    """The way over the ground as the crow flies, in whole metres."""
    chord = math.dist(on_earth(one), on_earth(other))
    return round(2 * EARTH_M * math.asin(min(1.0, chord / (2 * EARTH_M))))
