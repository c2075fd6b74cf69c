"""What restaurants says: who cooks."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from ordereats.contracts.calls import Call
from ordereats.contracts.events import Event
from ordereats.contracts.ids import RestaurantId
from ordereats.contracts.wire import Answer, Body, Text


class OpenRestaurant(Body, frozen=True):
    """A restaurant that joins the platform."""

    name: Annotated[str, Meta(min_length=1, max_length=100, pattern=Text)]
    cuisine: Annotated[str, Meta(min_length=1, max_length=50, pattern=Text)] | None = None


class Restaurant(Answer, frozen=True):
    """A restaurant on the platform."""

    id: RestaurantId
    name: str
    cuisine: str | None
    created_at: datetime


class RestaurantChanged(Event, frozen=True, tag="ordereats.restaurant.changed.v1"):
    """A restaurant joined, or says something new of itself."""

    restaurant_id: RestaurantId
    name: str
    cuisine: str | None


class WhichRestaurant(Struct, frozen=True):
    """The restaurant with this id."""

    restaurant_id: RestaurantId


GET_RESTAURANT = Call("restaurants", "/restaurants/{restaurant_id}", WhichRestaurant, Restaurant)
