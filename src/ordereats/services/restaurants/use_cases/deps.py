"""What the use cases of restaurants need, and what they share."""

from collections.abc import Sequence
from dataclasses import dataclass

from ordereats.chassis.clock import Clock
from ordereats.chassis.coalescing import Coalescer
from ordereats.chassis.db.pool import Database, Transaction
from ordereats.chassis.errors import NotFound
from ordereats.chassis.http.idempotency import Answers
from ordereats.chassis.messaging.outbox import Outbox
from ordereats.contracts import restaurants as contract
from ordereats.contracts.ids import RestaurantId
from ordereats.contracts.pricing import Tariff
from ordereats.services.restaurants.domain.menu import Dish, listed
from ordereats.services.restaurants.domain.restaurant import (
    Restaurant,
    changed,
    menu_changed,
    price_list,
)
from ordereats.services.restaurants.store import menus, restaurants


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of the list."""

    after: int
    limit: int


@dataclass(frozen=True, slots=True)
class Deps:
    """What restaurants needs.

    Attributes:
        found: reads restaurants, those of the same moment in one statement.
        pages: reads pages, the same one only once for everyone who asks at the same moment.
        tariff: what the platform takes beside the dishes.
        held_for_s: how long portions are kept for an order that is being placed.
    """

    database: Database
    outbox: Outbox
    answers: Answers
    clock: Clock
    found: Coalescer[RestaurantId, Restaurant]
    pages: Coalescer[Page, Sequence[contract.Restaurant]]
    tariff: Tariff
    held_for_s: float


async def locked(deps: Deps, tx: Transaction, restaurant_id: RestaurantId) -> Restaurant:
    """A restaurant of which nobody else changes anything until this transaction ends.

    Raises:
        NotFound: none has this id.
    """
    restaurant = await restaurants.lock(tx, restaurant_id, at=deps.clock.now())
    if restaurant is None:
        raise unknown(restaurant_id)
    return restaurant


async def tell(deps: Deps, tx: Transaction, restaurant_id: RestaurantId) -> None:
    """Publish that a restaurant, which is locked, has something new to say."""
    await restaurants.next_version(tx, restaurant_id)
    found = await restaurants.some(tx, [restaurant_id], at=deps.clock.now())
    dishes = await menus.dishes(tx, restaurant_id)
    await publish(deps, tx, found[restaurant_id], dishes)


async def publish(
    deps: Deps, tx: Transaction, restaurant: Restaurant, dishes: Sequence[Dish]
) -> None:
    """Publish what a restaurant says now, with all of its dishes."""
    openings = await restaurants.openings(tx, restaurant.id)
    prices = price_list(restaurant, [listed(dish) for dish in dishes], deps.tariff)
    facts = {
        f"restaurant/{restaurant.id}": changed(restaurant),
        f"menu/{restaurant.id}": menu_changed(restaurant, prices, openings),
    }
    messages = [
        deps.outbox.message(fact, subject=subject, version=restaurant.version)
        for subject, fact in facts.items()
    ]
    await deps.outbox.add_all(tx, messages)
    await restaurants.note_told(tx, restaurant.id, deps.tariff)


def unknown(restaurant_id: RestaurantId) -> NotFound:
    """The error that there is no such restaurant."""
    return NotFound(f"There is no restaurant {restaurant_id}.")
