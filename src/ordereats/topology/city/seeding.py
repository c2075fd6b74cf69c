"""Brings an invented city about on a platform, through its public API; once, however often asked.

Each part has an `Idempotency-Key` of its own, which the platform keeps for a day. Menus and hours
are said anew each time: that is when a kitchen writes what it has today.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from ordereats.chassis.errors import Misconfigured
from ordereats.contracts.deliveries import Courier
from ordereats.contracts.ids import CourierId, RestaurantId, UserId
from ordereats.contracts.menus import Menu
from ordereats.contracts.restaurants import Restaurant
from ordereats.contracts.users import User
from ordereats.topology.city.client import Api, Failed, Refused
from ordereats.topology.city.invented import (
    City,
    InventedCourier,
    InventedCustomer,
    InventedRestaurant,
)

Part = TypeVar("Part")
Id = TypeVar("Id")

SIDE_BY_SIDE = 8


class CannotSettle(Misconfigured):
    """The platform does not take the city."""


class CityForgotten(CannotSettle):
    """The city was made too long ago for the platform to know it again by its keys."""


@dataclass(frozen=True, slots=True)
class Settled:
    """A city on a platform: the ids of its parts, in the order of their numbers.

    Attributes:
        made: how many parts were not there before.
        found: how many were.
    """

    restaurants: tuple[RestaurantId, ...]
    couriers: tuple[CourierId, ...]
    customers: tuple[UserId, ...]
    made: int
    found: int


async def settle(api: Api, city: City) -> Settled:
    """Bring about what of the city is not there yet.

    Raises:
        CityForgotten: it is there for more than a day, so that its ids can't be learnt any more.
        CannotSettle: the platform refuses, or breaks.
    """
    settling = _Settling(api, city.seed)
    try:
        # The customers first: they alone are known again without a key, by their addresses.
        customers = await _all(settling.customer, city.customers)
        restaurants = await _all(settling.restaurant, city.restaurants)
        couriers = await _all(settling.courier, city.couriers)
    except (Refused, Failed) as error:
        raise CannotSettle(f"The platform does not take the city: {error}.") from error
    return Settled(
        restaurants=tuple(restaurants),
        couriers=tuple(couriers),
        customers=tuple(customers),
        made=settling.made,
        found=settling.found,
    )


class _Settling:
    def __init__(self, api: Api, seed: int) -> None:
        self._api = api
        self._seed = seed
        self.made = 0
        self.found = 0

    async def customer(self, number: int, customer: InventedCustomer) -> UserId:
        try:
            user, replayed = await self._api.create(
                "register a customer",
                User,
                "/users",
                customer.registers,
                key=self._key("customer", number),
            )
        except Refused as refused:
            if refused.status != 409:
                raise
            raise CityForgotten(
                f"The city of seed {self._seed} was made here more than a day ago, and the"
                " platform has forgotten by which keys: choose another --seed."
            ) from None
        self._count(replayed=replayed)
        return user.id

    async def restaurant(self, number: int, restaurant: InventedRestaurant) -> RestaurantId:
        opened, replayed = await self._api.create(
            "open a restaurant",
            Restaurant,
            "/restaurants",
            restaurant.joins,
            key=self._key("restaurant", number),
        )
        path = f"/restaurants/{opened.id}"
        await self._api.ask("write a menu", Menu, "PUT", f"{path}/menu", restaurant.menu)
        if restaurant.hours is not None:
            await self._api.send("say the hours", "PUT", f"{path}/hours", restaurant.hours)
        self._count(replayed=replayed)
        return opened.id

    async def courier(self, number: int, courier: InventedCourier) -> CourierId:
        joined, replayed = await self._api.create(
            "join as a courier",
            Courier,
            "/couriers",
            courier.joins,
            key=self._key("courier", number),
        )
        self._count(replayed=replayed)
        return joined.id

    def _key(self, kind: str, number: int) -> str:
        return f"city-{self._seed}-{kind}-{number}"

    def _count(self, *, replayed: bool) -> None:
        self.found += replayed
        self.made += not replayed


async def _all(settle_one: Callable[[int, Part], Awaitable[Id]], parts: Sequence[Part]) -> list[Id]:
    """Do it for all of them, several side by side; their ids in their order."""
    ids: dict[int, Id] = {}
    waiting = iter(enumerate(parts))

    async def work() -> None:
        for number, part in waiting:
            ids[number] = await settle_one(number, part)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(SIDE_BY_SIDE):
                group.create_task(work())
    except ExceptionGroup as several:
        raise several.exceptions[0] from None
    return [ids[number] for number in range(len(parts))]
