"""What orders needs from other services, and how it asks."""

from typing import Protocol

from ordereats.chassis.calls.client import Calls
from ordereats.chassis.errors import NotFound
from ordereats.contracts.ids import HoldId, OrderId, RestaurantId, UserId
from ordereats.contracts.kitchen import WITHDRAW, WhichOrder, WithdrawOrder
from ordereats.contracts.menus import (
    HOLD_PORTIONS,
    QUOTE,
    AskQuote,
    Basket,
    HoldPortions,
    Quote,
    WhichBasket,
    WhichPortions,
)
from ordereats.contracts.users import GET_USER, WhichUser


class Customers(Protocol):
    """What orders needs from users."""

    async def is_known(self, user_id: UserId) -> bool:
        """Whether there is such a customer. Raises what a call raises, if that can't be known."""
        ...


class Menus(Protocol):
    """What orders needs from restaurants."""

    async def quote(self, restaurant_id: RestaurantId, asked: AskQuote) -> Quote | None:
        """What a basket costs; None where there is no such restaurant.

        Raises:
            Invalid: no such dish, say; the path is the same in the basket of an order.
            Conflict: it can't be had now; the code says why.
        """
        ...

    async def hold(self, restaurant_id: RestaurantId, hold_id: HoldId, items: Basket) -> None:
        """Keep portions for some minutes, once for each `hold_id`.

        Raises:
            Conflict: there are not so many.
        """
        ...


class Kitchen(Protocol):
    """What orders needs from kitchen."""

    async def withdraw(self, order_id: OrderId, restaurant_id: RestaurantId) -> None:
        """See that an order is not cooked, now or later; the same however often it is asked.

        Raises:
            Conflict: it is being cooked.
        """
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


class MenusByCall:
    """Asks restaurants."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def quote(self, restaurant_id: RestaurantId, asked: AskQuote) -> Quote | None:
        try:
            return await self._calls.ask(QUOTE, WhichBasket(restaurant_id, asked))
        except NotFound:
            return None

    async def hold(self, restaurant_id: RestaurantId, hold_id: HoldId, items: Basket) -> None:
        held = HoldPortions(hold_id, items)
        await self._calls.ask(HOLD_PORTIONS, WhichPortions(restaurant_id, held))


class KitchenByCall:
    """Asks kitchen."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def withdraw(self, order_id: OrderId, restaurant_id: RestaurantId) -> None:
        await self._calls.ask(WITHDRAW, WhichOrder(order_id, WithdrawOrder(restaurant_id)))
