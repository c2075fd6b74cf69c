"""Baskets: what they cost, and the portions that are kept for them."""

from collections import Counter
from collections.abc import Sequence

import structlog

from ordereats.chassis.db.pool import Reader, Transaction
from ordereats.chassis.errors import NotFound, rules_may_refuse
from ordereats.contracts import menus as contract
from ordereats.contracts import pricing
from ordereats.contracts.baskets import ListedDish, check_available, lines
from ordereats.contracts.ids import DishId, HoldId, OrderId, RestaurantId
from ordereats.contracts.menus import AskQuote, HoldPortions, OrderedItem, Quote
from ordereats.contracts.openings import check_open
from ordereats.services.restaurants.domain import portions
from ordereats.services.restaurants.domain.menu import listed_for
from ordereats.services.restaurants.domain.portions import Hold, HoldState
from ordereats.services.restaurants.domain.restaurant import price_list
from ordereats.services.restaurants.store import holds, menus
from ordereats.services.restaurants.use_cases.deps import Deps, locked

log = structlog.get_logger(__name__)

REMEMBERED_DAYS = 7


async def quote(deps: Deps, restaurant_id: RestaurantId, ask: AskQuote) -> Quote:
    """Price a basket.

    Raises:
        NotFound: no such restaurant.
        Invalid: names each place of the basket that can't be right.
        Conflict: `closed`, `paused`, `out_of_reach`, `sold_out`: it can't be had now, or not there.
    """
    restaurant = await deps.found.ask(restaurant_id)
    dishes = []
    if restaurant.menu_version:
        dishes = await _listed(deps.database, restaurant_id, ask.items)
    with rules_may_refuse():
        found = pricing.quote(price_list(restaurant, dishes, deps.tariff), ask)
        check_open(
            restaurant.name,
            restaurant.takes_orders_at,
            paused_until=restaurant.paused_until,
            now=restaurant.at,
        )
    return found


async def hold(deps: Deps, restaurant_id: RestaurantId, command: HoldPortions) -> contract.Hold:
    """Keep portions for an order that is being placed; once for each id.

    Raises:
        NotFound: no such restaurant.
        Invalid: names each line that can't be right.
        Conflict: `sold_out`: there are not as many left as are wanted; none was taken.
        HoldReused: the id was used before, for another restaurant or too long ago.
    """
    async with deps.database.transaction() as tx:
        await locked(deps, tx, restaurant_id)
        before = await holds.find(tx, command.hold_id)
        if before is not None:
            portions.check_again(before, restaurant_id)
        else:
            kept = _kept(command.items, await _listed(tx, restaurant_id, command.items))
            await holds.insert(
                tx, Hold(command.hold_id, restaurant_id, kept), for_s=deps.held_for_s
            )
            taken = {dish_id: -count for dish_id, count in kept.items()}
            await menus.add_portions(tx, restaurant_id, taken)
    return contract.Hold(hold_id=command.hold_id, restaurant_id=restaurant_id)


async def confirm(deps: Deps, tx: Transaction, hold_id: HoldId, order_id: OrderId) -> None:
    """An order was placed: its portions are its own.

    Raises:
        NotFound: no such hold.
    """
    hold = await _locked_hold(deps, tx, hold_id)
    left: dict[DishId, int] = {}
    if hold.state is HoldState.LAPSED:
        log.warning("hold_confirmed_late", order_id=order_id)
        dishes = await menus.of_basket(tx, hold.restaurant_id, list(hold.portions), [])
        left = {each.id: each.portions_left for each in dishes if each.portions_left is not None}
    confirmed = portions.confirm(hold, order_id, left)
    await _save(tx, hold, confirmed)
    if await holds.forget_early_end(tx, order_id):
        await _save(tx, confirmed, portions.move(confirmed, HoldState.RELEASED))


async def release(
    deps: Deps, tx: Transaction, order_id: OrderId, restaurant_id: RestaurantId
) -> None:
    """An order has ended without a meal: its portions can be sold again."""
    await locked(deps, tx, restaurant_id)
    hold = await holds.of_order(tx, order_id)
    if hold is None:
        await holds.note_early_end(tx, order_id, restaurant_id)
    elif hold.state is HoldState.CONFIRMED:
        await _save(tx, hold, portions.move(hold, HoldState.RELEASED))


async def lapse_due(deps: Deps) -> bool:
    """Give back what nobody ordered in time. Returns whether there may be more at once."""
    async with deps.database.transaction() as tx:
        restaurant_id = await holds.lock_some_due(tx)
        if restaurant_id is None:
            return False
        for hold in await holds.due(tx, restaurant_id):
            await _save(tx, hold, portions.move(hold, HoldState.LAPSED))
    return True


async def forget_old(deps: Deps) -> bool:
    """Delete holds that have ended long ago. Returns whether there may be more at once."""
    async with deps.database.transaction() as tx:
        return await holds.forget(tx, after_days=REMEMBERED_DAYS)


async def _listed(
    reader: Reader, restaurant_id: RestaurantId, items: Sequence[OrderedItem]
) -> list[ListedDish]:
    ids = [item.dish_id for item in items if item.dish_id is not None]
    names = [item.name for item in items if item.name is not None]
    return listed_for(items, await menus.of_basket(reader, restaurant_id, ids, names))


def _kept(items: Sequence[OrderedItem], dishes: Sequence[ListedDish]) -> dict[DishId, int]:
    with rules_may_refuse():
        basket = lines(items, dishes)
        check_available(basket)
    kept: Counter[DishId] = Counter()
    for line in basket:
        if line.dish.is_limited:
            kept[line.dish.id] += line.item.qty
    return dict(sorted(kept.items()))


async def _locked_hold(deps: Deps, tx: Transaction, hold_id: HoldId) -> Hold:
    """A hold as it is once its restaurant is locked."""
    hold = await holds.find(tx, hold_id)
    if hold is not None:
        await locked(deps, tx, hold.restaurant_id)
        hold = await holds.find(tx, hold_id)
    if hold is None:
        raise NotFound(f"There is no hold {hold_id}.")
    return hold


async def _save(tx: Transaction, before: Hold, after: Hold) -> None:
    await holds.save(tx, after)
    change = portions.given_back(before, after)
    if change:
        await menus.add_portions(tx, after.restaurant_id, change)
