"""What orders needs from other services, and how it asks."""

from typing import Protocol

from ordereats.chassis.calls.client import Calls
from ordereats.chassis.errors import NotFound
from ordereats.contracts.ids import RestaurantId, UserId
from ordereats.contracts.restaurants import GET_RESTAURANT, WhichRestaurant
from ordereats.contracts.users import GET_USER, WhichUser


class Customers(Protocol):
    """What orders needs from users."""

    async def is_known(self, user_id: UserId) -> bool:
        """Whether there is such a customer. Raises what a call raises, if that can't be known."""
        ...


class Restaurants(Protocol):
    """What orders needs from restaurants."""

    async def is_known(self, restaurant_id: RestaurantId) -> bool:
        """Whether there is such a restaurant. Raises what a call raises, if it can't be known."""
        ...


class CustomersByCall:
    """Asks users."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def is_known(self, user_id: UserId) -> bool:
        try:
            await self._calls.ask(GET_USER, WhichUser(user_id))
        except NotFound:
            return False
        return True


class RestaurantsByCall:
    """Asks restaurants."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def is_known(self, restaurant_id: RestaurantId) -> bool:
        try:
            await self._calls.ask(GET_RESTAURANT, WhichRestaurant(restaurant_id))
        except NotFound:
            return False
        return True
