"""The SQL of holds, one statement a function. Whoever writes has locked the restaurant."""

from collections.abc import Sequence

from ordereats.chassis.db.pool import Reader, Row, Transaction
from ordereats.contracts.ids import DishId, HoldId, OrderId, RestaurantId
from ordereats.services.restaurants.domain.portions import Hold, HoldState

_COLUMNS = "id::text as id, restaurant_id, dish_ids, quantities, state, order_id"
_FIND = f"select {_COLUMNS} from portion_holds where id = $1::uuid"  # noqa: S608  # a constant
_OF_ORDER = f"select {_COLUMNS} from portion_holds where order_id = $1"  # noqa: S608  # a constant
_INSERT = """
insert into portion_holds (id, restaurant_id, dish_ids, quantities, state, due_at)
values ($1::uuid, $2, $3, $4, $5, now() + make_interval(secs => $6))
"""
_SAVE = """
update portion_holds set dish_ids = $2, quantities = $3, state = $4, order_id = $5
where id = $1::uuid
"""
LOCK_SOME_DUE = """
select id from restaurants where id in (
    select restaurant_id from portion_holds where state = 'held' and due_at <= now() limit 100
) limit 1 for no key update skip locked
"""
_DUE = f"""
select {_COLUMNS} from portion_holds
where restaurant_id = $1 and state = 'held' and due_at <= now()
"""  # noqa: S608  # a constant
_NOTE_EARLY_END = """
insert into ended_early (order_id)
select $1 where exists (
    select from portion_holds where restaurant_id = $2 and state in ('held', 'lapsed')
)
on conflict do nothing
"""
_FORGET_EARLY_END = "delete from ended_early where order_id = $1"
_FORGET_EARLY_ENDS = "delete from ended_early where noted_at < now() - make_interval(days => $1)"
FORGET_HOLDS = """
delete from portion_holds where id in (
    select id from portion_holds
    where state <> 'held' and due_at < now() - make_interval(days => $1) limit 1000
)
"""


async def find(reader: Reader, hold_id: HoldId) -> Hold | None:
    """A hold by its id."""
    row = await reader.fetch_one(_FIND, hold_id)
    return None if row is None else _hold(row)


async def of_order(reader: Reader, order_id: OrderId) -> Hold | None:
    """The hold that an order has confirmed."""
    row = await reader.fetch_one(_OF_ORDER, order_id)
    return None if row is None else _hold(row)


async def insert(tx: Transaction, hold: Hold, *, for_s: float) -> None:
    """A new hold, which lapses after that time unless it is confirmed."""
    dishes, counts = _arrays(hold)
    await tx.execute(_INSERT, hold.id, hold.restaurant_id, dishes, counts, hold.state.value, for_s)


async def save(tx: Transaction, hold: Hold) -> None:
    """Keep a moved hold."""
    await tx.execute(_SAVE, hold.id, *_arrays(hold), hold.state.value, hold.order_id)


async def lock_some_due(tx: Transaction) -> RestaurantId | None:
    """Lock a restaurant of which holds are due and that nobody else has locked."""
    row = await tx.fetch_one(LOCK_SOME_DUE)
    return None if row is None else RestaurantId(row["id"])


async def due(reader: Reader, restaurant_id: RestaurantId) -> Sequence[Hold]:
    """The holds of a restaurant that are due."""
    return [_hold(row) for row in await reader.fetch(_DUE, restaurant_id)]


async def note_early_end(tx: Transaction, order_id: OrderId, restaurant_id: RestaurantId) -> None:
    """Remember that an order has ended, if a hold of the restaurant may turn out to be its."""
    await tx.execute(_NOTE_EARLY_END, order_id, restaurant_id)


async def forget_early_end(tx: Transaction, order_id: OrderId) -> bool:
    """Whether the end of an order was remembered; it is not any more."""
    return await tx.execute(_FORGET_EARLY_END, order_id) == 1


async def forget(tx: Transaction, *, after_days: int) -> bool:
    """Delete what nobody asks about any more. Returns whether there may be more."""
    await tx.execute(_FORGET_EARLY_ENDS, after_days)
    return await tx.execute(FORGET_HOLDS, after_days) == 1000


def _arrays(hold: Hold) -> tuple[list[DishId], list[int]]:
    return list(hold.portions), list(hold.portions.values())


def _hold(row: Row) -> Hold:
    return Hold(
        id=row["id"],
        restaurant_id=row["restaurant_id"],
        portions=dict(zip(row["dish_ids"], row["quantities"], strict=True)),
        state=HoldState(row["state"]),
        order_id=row["order_id"],
    )
