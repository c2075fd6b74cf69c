"""Where things are, and how they are found. Pure."""

import math
import re
import unicodedata

from ordereats.contracts.places import Location

EARTH_M = 6_371_009
"""The mean radius of the earth (IUGG), in metres."""


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


def chord_m(ground_m: float) -> float:
    """The straight line through the earth that belongs to a way over the ground."""
    return 2 * EARTH_M * math.sin(min(ground_m / (2 * EARTH_M), math.pi / 2))


def distance_m(one: Location, other: Location) -> int:
    """The way over the ground as the crow flies, in whole metres."""
    chord = math.dist(on_earth(one), on_earth(other))
    return round(2 * EARTH_M * math.asin(min(1.0, chord / (2 * EARTH_M))))


def words(*texts: str | None) -> list[str]:
    """What text is found by: its words, without case and accents: `Phở` is found by `pho`."""
    whole = unicodedata.normalize("NFKD", " ".join(text for text in texts if text))
    bare = "".join(each for each in whole if not unicodedata.combining(each))
    return sorted(set(re.findall(r"[^\W_]+", bare.casefold().replace("đ", "d"))))


def query(text: str) -> str:
    """For PostgreSQL's text search: every word of the text, or its beginning; empty: no word."""
    return " & ".join(f"'{word}':*" for word in words(text))
