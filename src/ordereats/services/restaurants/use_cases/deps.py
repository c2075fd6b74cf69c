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
from ordereats.services.restaurants.domain.pricing import Tariff
from ordereats.services.restaurants.domain.restaurant import Restaurant, changed
from ordereats.services.restaurants.store import restaurants


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


async def tell(deps: Deps, tx: Transaction, restaurant: Restaurant) -> None:
    """Publish that a restaurant has something new to say."""
    version = await restaurants.next_version(tx, restaurant.id)
    subject = f"restaurant/{restaurant.id}"
    await deps.outbox.add(tx, changed(restaurant), subject=subject, version=version)


def unknown(restaurant_id: RestaurantId) -> NotFound:
    """The error that there is no such restaurant."""
    return NotFound(f"There is no restaurant {restaurant_id}.")
