"""A restaurant, as this service knows it. Pure."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from ordereats.contracts import restaurants as contract
from ordereats.contracts.baskets import ListedDish
from ordereats.contracts.ids import RestaurantId
from ordereats.contracts.openings import Opening, takes_orders_at
from ordereats.contracts.places import Place
from ordereats.contracts.pricing import PriceList, Tariff
from ordereats.contracts.restaurants import MenuChanged, RestaurantChanged


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


def price_list(restaurant: Restaurant, dishes: Sequence[ListedDish], tariff: Tariff) -> PriceList:
    """What baskets of these dishes are priced by."""
    return PriceList(
        restaurant_id=restaurant.id,
        version=restaurant.version,
        name=restaurant.name,
        place=restaurant.place,
        tariff=tariff,
        dishes=tuple(dishes) if restaurant.menu_version else None,
    )


def menu_changed(
    restaurant: Restaurant, prices: PriceList, openings: Sequence[Opening]
) -> MenuChanged:
    """The fact that something by which orders are taken is new."""
    return MenuChanged(
        price_list=prices,
        openings=tuple(openings) if restaurant.has_hours else None,
        paused_until=restaurant.paused_until,
        at=restaurant.at,
    )


def _is_paused(restaurant: Restaurant) -> bool:
    return restaurant.paused_until is not None and restaurant.paused_until > restaurant.at
