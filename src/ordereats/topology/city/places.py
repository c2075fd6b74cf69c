"""Where food is made and where people live, in the centre of Helsinki. Data; see the README."""

from functools import cache
from importlib.resources import files
from math import cos, hypot, radians

import msgspec
from msgspec import Struct

from ordereats.contracts.places import Location, Place

METRES_PER_DEGREE = 111_195
"""Of latitude, on a sphere with the earth's mean radius."""


class Spot(Struct, frozen=True):
    """A place as the data file has it.

    Attributes:
        kind: what is cooked there, or what it is (`cafe`, `pub`); only of a venue.
    """

    lat: float
    lon: float
    address: str
    kind: str = ""

    @property
    def place(self) -> Place:
        """The same in the words of the platform."""
        return Place(self.address, Location(self.lat, self.lon))


class Places(Struct, frozen=True):
    """The city.

    Attributes:
        attribution: has to be shown where the places are.
    """

    attribution: str
    venues: tuple[Spot, ...]
    addresses: tuple[Spot, ...]


@cache
def helsinki() -> Places:
    """The places that come with the program."""
    data = files("ordereats.topology.city") / "helsinki_places.json"
    return msgspec.json.decode(data.read_bytes(), type=Places)


def metres(here: Location, there: Location) -> float:
    """As the crow flies; flat, which is exact enough within a city."""
    north = (there.lat - here.lat) * METRES_PER_DEGREE
    east = (there.lon - here.lon) * METRES_PER_DEGREE * cos(radians(here.lat))
    return hypot(north, east)


def between(here: Location, there: Location, part: float) -> Location:
    """Where someone is who has gone this part of the way, from 0 to 1."""
    return Location(
        round(here.lat + (there.lat - here.lat) * part, 6),
        round(here.lon + (there.lon - here.lon) * part, 6),
    )
