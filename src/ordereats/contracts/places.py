"""Places: where something is, and how people call it."""

from typing import Annotated

from msgspec import Meta, Struct

from ordereats.contracts.wire import Text


class Location(Struct, frozen=True, rename="camel"):
    """A point on the globe (WGS 84), in degrees."""

    lat: Annotated[float, Meta(ge=-90, le=90)]
    lon: Annotated[float, Meta(ge=-180, le=180)]


class Place(Struct, frozen=True, rename="camel"):
    """An address, and where on the globe it is if that is known."""

    address: Annotated[str, Meta(min_length=1, max_length=200, pattern=Text)]
    location: Location | None = None
