"""The SQL of orders, one statement a function."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ordereats.chassis.context import Context
from ordereats.chassis.db.pool import Database, Reader, Row, Transaction, columns
from ordereats.contracts.ids import OrderId, RestaurantId, UserId
from ordereats.contracts.menus import QuotedLine
from ordereats.contracts.money import Money
from ordereats.contracts.orders import CancelledBy, Fallback, OrderStatus, TimelineEntry
from ordereats.contracts.places import Place
from ordereats.contracts.restaurants import MenuChanged
from ordereats.contracts.wire import decode, encode
from ordereats.services.orders.domain import Order, Price

_NEXT_IDS = "select nextval('orders_id_seq') as id from generate_series(1, $1)"
_INSERT = """
insert into orders (
    id, user_id, restaurant_id, items, subtotal_minor, delivery_fee_minor, service_fee_minor,
    tip_minor, tax_included_minor, total_minor, currency, deliver_to, pick_up, notes, status,
    version, created_at, updated_at, due_at, fallbacks, correlation_id, traceparent
)
select * from unnest(
    $1::bigint[], $2::bigint[], $3::bigint[], $4::jsonb[], $5::bigint[], $6::bigint[],
    $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[], $11::text[], $12::jsonb[],
    $13::jsonb[], $14::text[], $15::text[], $16::int[], $17::timestamptz[], $18::timestamptz[],
    $19::timestamptz[], $20::jsonb[], $21::text[], $22::text[]
)
"""
_COLUMNS = """
    id, user_id, restaurant_id, items, subtotal_minor, delivery_fee_minor, service_fee_minor,
    tip_minor, tax_included_minor, currency, deliver_to, pick_up, notes, status, version,
    created_at, updated_at, due_at, ready_at, courier_id, wish, wish_by, reason, cancelled_by,
    fallbacks
"""
_SOME = f"select {_COLUMNS} from orders where id = any($1::bigint[])"  # noqa: S608  # a constant
_LOCK = f"select {_COLUMNS} from orders where id = $1 for update"  # noqa: S608  # a constant
_LOCK_UNPAID = f"""
select {_COLUMNS}, correlation_id, traceparent from orders
where status = 'pending' and due_at <= now()
order by due_at limit $1 for update skip locked
"""  # noqa: S608  # a constant
_LEASE_UNANSWERED = f"""
update orders set due_at = now() + make_interval(secs => $1) where id in (
    select id from orders where status = 'paid' and due_at <= now()
    order by due_at limit $2 for update skip locked
)
returning {_COLUMNS}, correlation_id, traceparent
"""  # noqa: S608  # a constant
_SAVE = """
with moved as (
    update orders set status = $2, version = $3, updated_at = $4, due_at = $5, ready_at = $6,
        courier_id = $7, reason = $8, cancelled_by = $9
    where id = $1 and version = $3 - 1
    returning id, version, status, updated_at, reason
)
insert into order_moves (order_id, version, status, at, reason) select * from moved
"""
_DELAY = "update orders set ready_at = $2 where id = $1"
_WISH = "update orders set wish = $2, wish_by = $3 where id = $1"
_PAGE = f"""
select {_COLUMNS} from orders
where id > $1 and ($3::bigint is null or user_id = $3)
  and ($4::bigint is null or restaurant_id = $4) and ($5::text is null or status = $5)
order by id limit $2
"""  # noqa: S608  # a constant
_TIMELINE = """
select id as order_id, 1 as version, 'pending' as status, created_at as at, null as reason
from orders where id = $1
union all
select order_id, version, status, at, reason from order_moves where order_id = $1
order by version
"""
_MOVES_SINCE = """
select moves.order_id, moves.version, moves.status, moves.at, moves.reason
from unnest($1::bigint[], $2::int[]) as known (order_id, version)
join order_moves as moves on moves.order_id = known.order_id and moves.version > known.version
order by moves.order_id, moves.version
"""
# By a range and an order that only the index by status has: for a plain equality the planner, which
# does not know how rare a state is, reads all orders by their ids.
_OPEN = """
select state.status, found.orders, found.oldest_s
from unnest($1::text[]) as state (status)
cross join lateral (
    select count(*) as orders,
        coalesce(greatest(0, extract(epoch from now() - min(updated_at))), 0)::float as oldest_s
    from (
        select updated_at from orders
        where (orders.status, orders.id) >= (state.status, 0) and orders.status <= state.status
        order by orders.status, orders.id limit $2
    ) as counted
) as found
"""
_LEARN_CUSTOMER = """
insert into known_customers (user_id) values ($1)
on conflict (user_id) do update set confirmed_at = excluded.confirmed_at
"""
_LEARN_MENU = """
insert into known_menus as known (restaurant_id, version, menu, confirmed_at)
values ($1, $2, $3, $4)
on conflict (restaurant_id) do update
set version = excluded.version, menu = excluded.menu, confirmed_at = excluded.confirmed_at
where known.version < excluded.version
"""
_KNOWN_CUSTOMERS = """
select user_id from known_customers
where user_id = any($1::bigint[]) and confirmed_at > now() - make_interval(secs => $2)
"""
_KNOWN_MENUS = """
select restaurant_id, menu from known_menus
where restaurant_id = any($1::bigint[]) and confirmed_at > now() - make_interval(secs => $2)
"""
_CONFIRM_CUSTOMERS = """
insert into known_customers as known (user_id) select * from unnest($1::bigint[])
on conflict (user_id) do update set confirmed_at = excluded.confirmed_at
where known.confirmed_at < now() - make_interval(secs => $2)
"""
# What is out of date stays so, however late an answer by the same version comes.
_CONFIRM_MENUS = """
with answered as (
    select known.restaurant_id, known.version = answered.version as is_so
    from unnest($1::bigint[], $2::int[]) as answered (restaurant_id, version)
    join known_menus as known using (restaurant_id)
    where known.confirmed_at > '-infinity' and (
        known.version < answered.version
        or known.version = answered.version
        and known.confirmed_at < now() - make_interval(secs => $3)
    )
    for update of known skip locked
)
update known_menus as known set confirmed_at = case when is_so then now() else '-infinity' end
from answered where known.restaurant_id = answered.restaurant_id
"""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which orders; None: any."""

    user_id: UserId | None = None
    restaurant_id: RestaurantId | None = None
    status: OrderStatus | None = None


class Open(NamedTuple):
    """The orders of one state.

    Attributes:
        orders: how many.
        oldest_s: how long the first of them has been in it.
    """

    status: str
    orders: int
    oldest_s: float


async def next_ids(reader: Reader, count: int) -> list[OrderId]:
    """Ids that no order has had."""
    return [OrderId(row["id"]) for row in await reader.fetch(_NEXT_IDS, count)]


async def insert(tx: Transaction, orders: Sequence[tuple[Order, Context]]) -> None:
    """Add new orders, each with the context of the request that it came with."""
    rows = [
        (
            order.id,
            order.user_id,
            order.restaurant_id,
            encode(order.items).decode(),
            order.price.subtotal.minor,
            order.price.delivery_fee.minor,
            order.price.service_fee.minor,
            order.price.tip.minor,
            order.price.tax_included.minor,
            order.price.total.minor,
            order.price.subtotal.currency,
            _json(order.deliver_to),
            _json(order.pick_up),
            order.notes,
            order.status.value,
            order.version,
            order.created_at,
            order.updated_at,
            order.due_at,
            encode(order.fallbacks).decode() if order.fallbacks else None,
            at.correlation_id,
            at.traceparent,
        )
        for order, at in orders
    ]
    await tx.execute(_INSERT, *columns(rows, 22))


async def some(reader: Reader, ids: Sequence[OrderId]) -> dict[OrderId, Order]:
    """Those of these that exist, by id."""
    return {row["id"]: _order(row) for row in await reader.fetch(_SOME, ids)}


async def lock(tx: Transaction, order_id: OrderId) -> Order | None:
    """An order that nobody else moves until this transaction ends."""
    row = await tx.fetch_one(_LOCK, order_id)
    return None if row is None else _order(row)


async def lock_unpaid(tx: Transaction, *, limit: int) -> list[tuple[Order, Context]]:
    """Some orders that were not paid in time, and that nobody else is moving."""
    return [_with_context(row) for row in await tx.fetch(_LOCK_UNPAID, limit)]


async def lease_unanswered(
    database: Database, *, for_s: float, limit: int
) -> list[tuple[Order, Context]]:
    """Some paid orders whose kitchen was not heard in time; no process takes them for a while."""
    rows = await database.fetch(_LEASE_UNANSWERED, for_s, limit)
    return [_with_context(row) for row in rows]


async def save(tx: Transaction, order: Order) -> bool:
    """Store a moved order and the move; false when someone else moved it meanwhile."""
    changed = await tx.execute(
        _SAVE,
        order.id,
        order.status.value,
        order.version,
        order.updated_at,
        order.due_at,
        order.ready_at,
        order.courier_id,
        order.reason,
        None if order.cancelled_by is None else order.cancelled_by.value,
    )
    return changed == 1


async def delay(tx: Transaction, order: Order) -> None:
    """Store the new time of the food of an order that was locked in this transaction."""
    await tx.execute(_DELAY, order.id, order.ready_at)


async def note_wish(
    database: Database, order_id: OrderId, by: CancelledBy, wish: str | None
) -> None:
    """Keep who wants to cancel, and why, in case that the answer of the kitchen gets lost."""
    await database.execute(_WISH, order_id, wish, by.value)


async def page(reader: Reader, which: Filter, *, after: int, limit: int) -> list[Order]:
    """The next ones in the order of their ids."""
    status = None if which.status is None else which.status.value
    rows = await reader.fetch(_PAGE, after, limit, which.user_id, which.restaurant_id, status)
    return [_order(row) for row in rows]


async def timeline(reader: Reader, order_id: OrderId) -> list[TimelineEntry]:
    """All states of an order, from its first; nothing where there is no such order."""
    return [_entry(row) for row in await reader.fetch(_TIMELINE, order_id)]


async def moves_since(reader: Reader, known: Sequence[tuple[OrderId, int]]) -> list[TimelineEntry]:
    """The moves after these versions of these orders, in their order for each."""
    return [_entry(row) for row in await reader.fetch(_MOVES_SINCE, *columns(known, 2))]


async def open_orders(reader: Reader, statuses: Sequence[OrderStatus], *, limit: int) -> list[Open]:
    """Count the orders of these states, each up to a limit."""
    rows = await reader.fetch(_OPEN, [each.value for each in statuses], limit)
    return [Open(**row) for row in rows]


async def learn_customer(tx: Transaction, user_id: UserId) -> None:
    """Keep that there is such a customer."""
    await tx.execute(_LEARN_CUSTOMER, user_id)


async def learn_menu(tx: Transaction, menu: MenuChanged) -> None:
    """Keep what a restaurant says, unless it has said something newer."""
    prices = menu.price_list
    await tx.execute(
        _LEARN_MENU, prices.restaurant_id, prices.version, encode(menu).decode(), menu.at
    )


async def known_customers(
    reader: Reader, ids: Sequence[UserId], *, known_for_s: float
) -> set[UserId]:
    """Those of these that were confirmed lately."""
    return {row["user_id"] for row in await reader.fetch(_KNOWN_CUSTOMERS, ids, known_for_s)}


async def known_menus(
    reader: Reader, ids: Sequence[RestaurantId], *, known_for_s: float
) -> dict[RestaurantId, MenuChanged]:
    """What those of these said last that were confirmed lately."""
    rows = await reader.fetch(_KNOWN_MENUS, ids, known_for_s)
    return {row["restaurant_id"]: decode(row["menu"].encode(), MenuChanged) for row in rows}


async def confirm_customers(database: Database, ids: Sequence[UserId], *, after_s: float) -> None:
    """Keep that there are these now; they come in the order of their ids.

    Args:
        database: of the copies.
        ids: of the customers.
        after_s: what was confirmed a shorter while ago is left as it is.
    """
    await database.execute(_CONFIRM_CUSTOMERS, ids, after_s)


async def confirm_menus(
    database: Database, versions: Sequence[tuple[RestaurantId, int]], *, after_s: float
) -> None:
    """Keep that these are the versions now; an older copy is not used until a newer one comes.

    Args:
        database: of the copies.
        versions: as restaurants answered.
        after_s: what was confirmed a shorter while ago is left as it is.
    """
    await database.execute(_CONFIRM_MENUS, *columns(versions, 2), after_s)


def _order(row: Row) -> Order:
    currency = row["currency"]
    return Order(
        id=row["id"],
        user_id=row["user_id"],
        restaurant_id=row["restaurant_id"],
        items=decode(row["items"].encode(), tuple[QuotedLine, ...]),
        price=Price(
            subtotal=Money(row["subtotal_minor"], currency),
            delivery_fee=Money(row["delivery_fee_minor"], currency),
            service_fee=Money(row["service_fee_minor"], currency),
            tip=Money(row["tip_minor"], currency),
            tax_included=Money(row["tax_included_minor"], currency),
        ),
        status=OrderStatus(row["status"]),
        version=row["version"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        deliver_to=_place(row["deliver_to"]),
        pick_up=_place(row["pick_up"]),
        notes=row["notes"],
        due_at=row["due_at"],
        ready_at=row["ready_at"],
        courier_id=row["courier_id"],
        wish=row["wish"],
        wish_by=_by(row["wish_by"]),
        reason=row["reason"],
        cancelled_by=_by(row["cancelled_by"]),
        fallbacks=_fallbacks(row["fallbacks"]),
    )


def _with_context(row: Row) -> tuple[Order, Context]:
    return _order(row), Context(row["correlation_id"], traceparent=row["traceparent"])


def _by(name: str | None) -> CancelledBy | None:
    return None if name is None else CancelledBy(name)


def _fallbacks(text: str | None) -> tuple[Fallback, ...]:
    return () if text is None else decode(text.encode(), tuple[Fallback, ...])


def _entry(row: Row) -> TimelineEntry:
    return TimelineEntry(
        order_id=row["order_id"],
        version=row["version"],
        status=OrderStatus(row["status"]),
        at=row["at"],
        reason=row["reason"],
    )


def _json(place: Place | None) -> str | None:
    return None if place is None else encode(place).decode()


def _place(text: str | None) -> Place | None:
    return None if text is None else decode(text.encode(), Place)
