"""The SQL of orders, one statement a function."""

from collections.abc import Sequence
from dataclasses import dataclass

from ordereats.chassis.db.pool import Reader, Row, Transaction, columns
from ordereats.contracts.ids import OrderId, RestaurantId, UserId
from ordereats.contracts.money import Money
from ordereats.contracts.orders import OrderedItem, OrderStatus
from ordereats.contracts.wire import decode, encode
from ordereats.services.orders.domain import Order

_NEXT_IDS = "select nextval('orders_id_seq') as id from generate_series(1, $1)"
_INSERT = """
insert into orders (
    id, user_id, restaurant_id, items, total_minor, currency, status, version, created_at
)
select * from unnest(
    $1::bigint[], $2::bigint[], $3::bigint[], $4::jsonb[], $5::bigint[], $6::text[],
    $7::text[], $8::int[], $9::timestamptz[]
)
"""
_COLUMNS = """
    id, user_id, restaurant_id, items, total_minor, currency, status, version, created_at,
    decline_reason
"""
_SOME = f"select {_COLUMNS} from orders where id = any($1::bigint[])"  # noqa: S608  # a constant
_LOCK = f"select {_COLUMNS} from orders where id = $1 for update"  # noqa: S608  # a constant
_SAVE = """
update orders set status = $2, decline_reason = $3, version = $4
where id = $1 and version = $4 - 1
"""
_PAGE = f"""
select {_COLUMNS} from orders
where id > $1 and ($3::bigint is null or user_id = $3)
  and ($4::bigint is null or restaurant_id = $4) and ($5::text is null or status = $5)
order by id limit $2
"""  # noqa: S608  # a constant


@dataclass(frozen=True, slots=True)
class Filter:
    """Which orders; None: any."""

    user_id: UserId | None = None
    restaurant_id: RestaurantId | None = None
    status: OrderStatus | None = None


async def next_ids(reader: Reader, count: int) -> list[OrderId]:
    """Ids that no order has had."""
    return [OrderId(row["id"]) for row in await reader.fetch(_NEXT_IDS, count)]


async def insert(tx: Transaction, orders: Sequence[Order]) -> None:
    """Add new orders."""
    rows = [
        (
            order.id,
            order.user_id,
            order.restaurant_id,
            encode(order.items).decode(),
            order.total.minor,
            order.total.currency,
            order.status.value,
            order.version,
            order.created_at,
        )
        for order in orders
    ]
    await tx.execute(_INSERT, *columns(rows, 9))


async def some(reader: Reader, ids: Sequence[OrderId]) -> dict[OrderId, Order]:
    """Those of these that exist, by id."""
    return {row["id"]: _order(row) for row in await reader.fetch(_SOME, ids)}


async def lock(tx: Transaction, order_id: OrderId) -> Order | None:
    """An order that nobody else moves until this transaction ends."""
    row = await tx.fetch_one(_LOCK, order_id)
    return None if row is None else _order(row)


async def save(tx: Transaction, order: Order) -> bool:
    """Store a moved order; false when someone else moved it meanwhile."""
    changed = await tx.execute(
        _SAVE, order.id, order.status.value, order.decline_reason, order.version
    )
    return changed == 1


async def page(reader: Reader, which: Filter, *, after: int, limit: int) -> list[Order]:
    """The next ones in the order of their ids."""
    status = None if which.status is None else which.status.value
    rows = await reader.fetch(_PAGE, after, limit, which.user_id, which.restaurant_id, status)
    return [_order(row) for row in rows]


def _order(row: Row) -> Order:
    return Order(
        id=row["id"],
        user_id=row["user_id"],
        restaurant_id=row["restaurant_id"],
        items=decode(row["items"].encode(), tuple[OrderedItem, ...]),
        total=Money(row["total_minor"], row["currency"]),
        status=OrderStatus(row["status"]),
        version=row["version"],
        created_at=row["created_at"],
        decline_reason=row["decline_reason"],
    )
