"""Menus: they are written, read and changed; each in one transaction, with a version."""

from collections.abc import Sequence

from ordereats.chassis.db.pool import Transaction
from ordereats.chassis.errors import NotFound
from ordereats.contracts import menus as contract
from ordereats.contracts.ids import DishId, RestaurantId
from ordereats.contracts.menus import ChangeDish, NewMenu
from ordereats.services.restaurants.domain import menu as rules
from ordereats.services.restaurants.domain import places
from ordereats.services.restaurants.store import menus as store
from ordereats.services.restaurants.use_cases.deps import Deps, locked, tell, unknown


async def write(deps: Deps, restaurant_id: RestaurantId, menu: NewMenu) -> contract.Menu:
    """Write a menu; it takes the place of the one before. A dish of the same name keeps its id.

    Raises:
        Invalid: a menu that can't be right.
        NotFound: no such restaurant.
    """
    async with deps.database.transaction() as tx:
        restaurant = await locked(deps, tx, restaurant_id)
        present = {dish.id: dish.name for dish in await store.dishes(tx, restaurant_id)}
        drafts = rules.drafts(menu, present)
        fresh = iter(await store.next_ids(tx, sum(draft.id is None for draft in drafts)))
        dishes = [rules.dish(draft, draft.id or next(fresh)) for draft in drafts]
        sections = [section.name for section in menu.sections]
        words = places.words(restaurant.name, restaurant.cuisine, *(each.name for each in dishes))
        await store.clear(tx, restaurant_id)
        await store.insert(tx, restaurant_id, dishes)
        await store.set_sections(tx, restaurant_id, sections, words)
        version = await store.next_version(tx, restaurant_id)
        await tell(deps, tx, restaurant_id)
    return rules.shown(restaurant_id, version, sections, dishes)


async def read(deps: Deps, restaurant_id: RestaurantId) -> contract.Menu:
    """The menu of a restaurant; version 0 where it has written none.

    Raises:
        NotFound: no such restaurant.
    """
    written = await store.read(deps.database, restaurant_id)
    if written is None:
        raise unknown(restaurant_id)
    return rules.shown(restaurant_id, *written)


async def change_dish(
    deps: Deps, restaurant_id: RestaurantId, dish_id: DishId, command: ChangeDish
) -> contract.Dish:
    """Change what a dish costs, or how many are left.

    Raises:
        Invalid: a price that can't be right.
        NotFound: no such dish on the menu of this restaurant.
    """
    async with deps.database.transaction() as tx:
        await locked(deps, tx, restaurant_id)
        dish = await store.find(tx, restaurant_id, dish_id)
        if dish is None:
            raise NotFound(f"There is no dish {dish_id} on the menu of {restaurant_id}.")
        changed = rules.change(dish, command)
        await store.save(tx, restaurant_id, changed)
        await store.next_version(tx, restaurant_id)
        await tell(deps, tx, restaurant_id)
    return rules.shown_dish(changed)


async def mark_sold_out(
    deps: Deps, tx: Transaction, restaurant_id: RestaurantId, dishes: Sequence[DishId]
) -> None:
    """The kitchen has found that there are no more of these."""
    await locked(deps, tx, restaurant_id)
    if await store.mark_sold_out(tx, restaurant_id, dishes):
        await store.next_version(tx, restaurant_id)
        await tell(deps, tx, restaurant_id)
