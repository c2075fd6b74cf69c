"""Restaurants: they join, are found, and say when they take orders."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import msgspec

from ordereats.chassis.clock import Clock
from ordereats.chassis.db.pool import Database
from ordereats.chassis.errors import Invalid, NotFound
from ordereats.contracts import restaurants as contract
from ordereats.contracts.ids import RestaurantId
from ordereats.contracts.places import Location
from ordereats.contracts.problems import FieldProblem
from ordereats.contracts.restaurants import Hours, OpenRestaurant, Pause
from ordereats.services.restaurants.domain import hours as rules
from ordereats.services.restaurants.domain import places
from ordereats.services.restaurants.domain.restaurant import Restaurant, shown
from ordereats.services.restaurants.store import restaurants as store
from ordereats.services.restaurants.use_cases.deps import (
    Deps,
    Page,
    locked,
    publish,
    tell,
    unknown,
)

UNROLLED_EVERY = rules.KNOWN_FOR / 2
AT_ONCE = 10
"""Whoever wants to hold portions of one of these waits until all of them have been told."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which restaurants a customer looks for; None: any.

    Attributes:
        near: where they are; the nearest come first, and only those within `within_m`.
    """

    text: str | None = None
    cuisine: str | None = None
    open_now: bool = False
    near: Location | None = None
    within_m: int = 0


async def open_restaurant(deps: Deps, command: OpenRestaurant) -> contract.Restaurant:
    """Take a restaurant onto the platform."""
    named = msgspec.structs.replace(command, name=command.name.strip())
    async with deps.database.transaction() as tx:
        restaurant = await store.insert(tx, named, at=deps.clock.now())
        answer = shown(restaurant)
        await deps.answers.keep(tx, answer)
        await publish(deps, tx, restaurant, dishes=[])
    return answer


async def get(deps: Deps, restaurant_id: RestaurantId) -> contract.Restaurant:
    """Find one.

    Raises:
        NotFound: none has this id.
    """
    return shown(await deps.found.ask(restaurant_id))


async def page(deps: Deps, which: Page) -> Sequence[contract.Restaurant]:
    """List them in the order of their ids."""
    return await deps.pages.ask(which)


async def search(deps: Deps, wanted: Wanted, which: Page) -> list[contract.Restaurant]:
    """Those that are wanted, in the order of their ids, or the nearest first.

    Raises:
        Invalid: a text without a word.
    """
    query = None
    if wanted.text is not None:
        query = places.query(wanted.text)
        if not query:
            raise Invalid(FieldProblem("q", "must have a letter or a digit"))
    now = deps.clock.now()
    search = store.Search(
        query=query,
        cuisine=wanted.cuisine,
        open_at=now if wanted.open_now else None,
        near=wanted.near,
        within_m=wanted.within_m,
    )
    found = await store.search(deps.database, search, after=which.after, limit=which.limit, at=now)
    return [shown(each) for each in found]


async def set_hours(deps: Deps, restaurant_id: RestaurantId, hours: Hours) -> Hours:
    """Say when a restaurant takes orders.

    Raises:
        Invalid: hours that can't be right.
        NotFound: no such restaurant.
    """
    rules.check(hours)
    async with deps.database.transaction() as tx:
        await locked(deps, tx, restaurant_id)
        openings = rules.unrolled(hours, now=deps.clock.now())
        await store.set_hours(tx, restaurant_id, hours)
        await store.set_opening(tx, restaurant_id, openings, for_s=_seconds(UNROLLED_EVERY))
        await tell(deps, tx, restaurant_id)
    return hours


async def hours(deps: Deps, restaurant_id: RestaurantId) -> Hours:
    """When a restaurant takes orders, as it said.

    Raises:
        NotFound: no such restaurant, or it has said nothing and is always open.
    """
    found = await store.hours(deps.database, restaurant_id)
    if found is None:
        raise NotFound(f"Restaurant {restaurant_id} has given no hours.")
    return found


async def pause(deps: Deps, restaurant_id: RestaurantId, command: Pause) -> contract.Restaurant:
    """Take no orders for a while.

    Raises:
        Invalid: for too long.
        NotFound: no such restaurant.
    """
    until = rules.pause_until(command, now=deps.clock.now())
    async with deps.database.transaction() as tx:
        restaurant = await locked(deps, tx, restaurant_id)
        await store.pause(tx, restaurant_id, until)
        await tell(deps, tx, restaurant_id)
        paused = await store.some(tx, [restaurant_id], at=restaurant.at)
    return shown(paused[restaurant_id])


async def unroll_due(deps: Deps) -> bool:
    """Unroll some of the calendars that are due. Returns whether there may be more at once."""
    async with deps.database.transaction() as tx:
        due = await store.due(tx, limit=AT_ONCE)
        for restaurant_id, hours in due:
            openings = rules.unrolled(hours, now=deps.clock.now())
            await store.set_opening(tx, restaurant_id, openings, for_s=_seconds(UNROLLED_EVERY))
            await tell(deps, tx, restaurant_id)
    return len(due) == AT_ONCE


async def tell_anew(deps: Deps) -> bool:
    """Tell what was told otherwise, or never. Returns whether there may be more at once.

    At another tariff, that is; or by a process of a release that told no prices.
    """
    async with deps.database.transaction() as tx:
        found = await store.lock_told_otherwise(tx, deps.tariff, limit=AT_ONCE)
        for restaurant_id in found:
            await tell(deps, tx, restaurant_id)
    return len(found) == AT_ONCE


async def find(
    database: Database, clock: Clock, ids: Sequence[RestaurantId]
) -> list[Restaurant | Exception]:
    """Find several at once, each or the reason why not, in their order."""
    found = await store.some(database, ids, at=clock.now())
    return [found.get(each) or unknown(each) for each in ids]


async def find_pages(
    database: Database, clock: Clock, pages: Sequence[Page]
) -> list[Sequence[contract.Restaurant]]:
    """Read several pages, each different one once, in their order."""
    now = clock.now()
    read = {}
    for each in set(pages):
        found = await store.page(database, after=each.after, limit=each.limit, at=now)
        read[each] = [shown(restaurant) for restaurant in found]
    return [read[each] for each in pages]


def _seconds(time: timedelta) -> float:
    return time.total_seconds()
