"""A restaurant, as this service knows it. Pure."""

from datetime import datetime

import msgspec

from ordereats.contracts import restaurants as contract
from ordereats.contracts.ids import RestaurantId
from ordereats.contracts.places import Place
from ordereats.contracts.restaurants import RestaurantChanged
from ordereats.services.restaurants.domain.hours import Closed, Paused, takes_orders_at


class Restaurant(msgspec.Struct, frozen=True):
    """A restaurant at a moment.

    Attributes:
        version: counts what it says of itself, from 1; a fact about it carries the version.
        menu_version: counts the changes of its menu; 0: it has none.
        has_hours: one that has given none is always open.
        opens: when the span that runs or comes next opens, as of `at` or of the end of its pause.
        at: the moment that all this is about.
    """

    id: RestaurantId
    name: str
    cuisine: str | None
    email: str | None
    created_at: datetime
    version: int
    menu_version: int
    paused_until: datetime | None
    has_hours: bool
    opens: datetime | None
    place: Place | None
    at: datetime

    @property
    def takes_orders_at(self) -> datetime | None:
        """The first moment from `at` on; None: not known."""
        return takes_orders_at(
            has_hours=self.has_hours,
            opens=self.opens,
            paused_until=self.paused_until,
            now=self.at,
        )


def shown(restaurant: Restaurant) -> contract.Restaurant:
    """What the world sees of it."""
    opens_at = restaurant.takes_orders_at
    is_open = opens_at == restaurant.at
    return contract.Restaurant(
        restaurant.id,
        restaurant.name,
        restaurant.cuisine,
        restaurant.created_at,
        restaurant.place,
        is_open,
        None if is_open else opens_at,
        restaurant.paused_until if _is_paused(restaurant) else None,
    )


def changed(restaurant: Restaurant) -> RestaurantChanged:
    """The fact that it has something to say of itself."""
    return RestaurantChanged(
        restaurant_id=restaurant.id,
        name=restaurant.name,
        cuisine=restaurant.cuisine,
        place=restaurant.place,
        email=restaurant.email,
    )


def check_open(restaurant: Restaurant) -> None:
    """Refuse an order that comes at the wrong time.

    Raises:
        Paused: until a moment that it has named.
        Closed: by its hours.
    """
    opens_at = restaurant.takes_orders_at
    if opens_at == restaurant.at:
        return
    if _is_paused(restaurant):
        raise Paused(f"{restaurant.name} has paused.", opens_at)
    raise Closed(f"{restaurant.name} is closed.", opens_at)


def _is_paused(restaurant: Restaurant) -> bool:
    return restaurant.paused_until is not None and restaurant.paused_until > restaurant.at
