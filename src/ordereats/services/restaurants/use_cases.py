"""What restaurants does: one function, one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass

from ordereats.chassis.clock import Clock
from ordereats.chassis.coalescing import Coalescer
from ordereats.chassis.db.pool import Database
from ordereats.chassis.errors import NotFound
from ordereats.chassis.http.idempotency import Answers
from ordereats.chassis.messaging.outbox import Outbox
from ordereats.contracts.ids import RestaurantId
from ordereats.contracts.restaurants import OpenRestaurant, Restaurant, RestaurantChanged
from ordereats.services.restaurants import store


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
    """

    database: Database
    outbox: Outbox
    answers: Answers
    clock: Clock
    found: Coalescer[RestaurantId, Restaurant]
    pages: Coalescer[Page, Sequence[Restaurant]]


async def open_restaurant(deps: Deps, command: OpenRestaurant) -> Restaurant:
    """Take a restaurant onto the platform."""
    async with deps.database.transaction() as tx:
        restaurant = await store.insert(
            tx,
            name=command.name.strip(),
            cuisine=command.cuisine,
            created_at=deps.clock.now(),
        )
        await deps.answers.keep(tx, restaurant)
        changed = RestaurantChanged(restaurant.id, restaurant.name, restaurant.cuisine)
        await deps.outbox.add(tx, changed, subject=f"restaurant/{restaurant.id}", version=1)
    return restaurant


async def get(deps: Deps, restaurant_id: RestaurantId) -> Restaurant:
    """Find one.

    Raises:
        NotFound: none has this id.
    """
    return await deps.found.ask(restaurant_id)


async def page(deps: Deps, which: Page) -> Sequence[Restaurant]:
    """List them in the order of their ids."""
    return await deps.pages.ask(which)


async def find(database: Database, ids: Sequence[RestaurantId]) -> list[Restaurant | Exception]:
    """Find several at once, each or the reason why not, in their order."""
    found = await store.some(database, ids)
    return [found.get(each) or NotFound(f"There is no restaurant {each}.") for each in ids]


async def find_pages(database: Database, pages: Sequence[Page]) -> list[Sequence[Restaurant]]:
    """Read several pages, each different one once, in their order."""
    read = {
        each: await store.page(database, after=each.after, limit=each.limit) for each in set(pages)
    }
    return [read[each] for each in pages]
