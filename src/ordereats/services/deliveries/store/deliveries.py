"""The SQL of deliveries themselves, and of who did not want them."""

from collections.abc import Sequence
from datetime import datetime

from ordereats.chassis.db.pool import Reader, Row, Transaction, columns, one
from ordereats.contracts.deliveries import DeliveryStatus, EstimatedFrom
from ordereats.contracts.ids import CourierId, DeliveryId, OrderId
from ordereats.contracts.places import Location, Place
from ordereats.contracts.wire import decode, encode
from ordereats.services.deliveries.domain.delivery import Delivery

_OPEN = ("searching", "offered", "assigned", "picked_up")
_FIELDS = """
    d.id, d.order_id, d.restaurant_id, d.user_id, d.status, d.ready_at, d.search_at, d.find_by,
    d.created_at, d.version, d.correlation_id, d.traceparent, d.is_ready, d.pick_up, d.drop_off,
    d.way_m, d.estimated_from, d.courier_id, d.offered_until, d.estimated_at, d.latest_at,
    d.picked_up_at, d.delivered_at
"""
_NEXT_ID = "select nextval('deliveries_id_seq') as id"
_INSERT = """
insert into deliveries (
    id, order_id, restaurant_id, user_id, status, ready_at, search_at, find_by, created_at, version,
    correlation_id, traceparent, is_ready, pick_up, drop_off, way_m, estimated_at, latest_at,
    estimated_from
)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)
on conflict (order_id) do nothing
"""
_SAVE = """
update deliveries set status = $2, ready_at = $3, is_ready = $4, courier_id = $5,
    offered_until = $6, find_by = $7, estimated_at = $8, latest_at = $9, picked_up_at = $10,
    delivered_at = $11, version = $12, search_at = $13
where id = $1
"""
_POSTPONE = """
update deliveries d set search_at = l.search_at
from unnest($1::bigint[], $2::timestamptz[]) as l (id, search_at) where d.id = l.id
"""
_LOCK = f"select {_FIELDS} from deliveries d where d.id = $1 for update"  # noqa: S608  # a constant
_LOCK_OF_ORDER = f"select {_FIELDS} from deliveries d where d.order_id = $1 for update"  # noqa: S608  # a constant
_LOCK_OF_COURIER = f"""
select {_FIELDS} from deliveries d
where d.courier_id = $1 and d.status in ('offered', 'assigned', 'picked_up') for update
"""  # noqa: S608  # a constant
# Their couriers too, but waiting for none: who leaves or answers locks the courier first.
_LOCK_LAPSED = f"""
select {_FIELDS} from deliveries d join couriers c on c.id = d.courier_id
where d.status = 'offered' and d.offered_until <= now()
order by d.offered_until limit $1
for update of d skip locked for no key update of c skip locked
"""  # noqa: S608  # a constant
_LOCK_UNFOUND = f"""
select {_FIELDS} from deliveries d where d.status = 'searching' and d.find_by <= now()
order by d.find_by limit $1 for update skip locked
"""  # noqa: S608  # a constant
_LOCK_WAITING = f"""
select {_FIELDS} from deliveries d
where d.status = 'searching' and d.search_at <= now() and d.find_by > now()
order by d.search_at limit $1 for update skip locked
"""  # noqa: S608  # a constant
_SHOWN = f"""
select {_FIELDS}, p.lat, p.lon from deliveries d
left join courier_positions p on p.courier_id = d.courier_id
"""  # noqa: S608  # a constant
_ONE = f"{_SHOWN} where d.id = $1"
_OF_ORDER = f"{_SHOWN} where d.order_id = $1"
_OFFERED_TO = f"""
{_SHOWN} where d.courier_id = $1 and d.status = 'offered' and d.offered_until > now()
"""
_REFUSE = """
insert into delivery_refusals as r (delivery_id, courier_id, declined, lapses)
values ($1, $2, $3, $4)
on conflict (delivery_id, courier_id) do update set
    declined = r.declined or excluded.declined, lapses = r.lapses + excluded.lapses
"""
_TAKE_TURN = "select pg_try_advisory_xact_lock(hashtext('ordereats.deliveries.offer')) as is_ours"
_COUNT_OPEN = """
select status, count(*) as count from (
    (select status from deliveries where status = 'searching' limit $1)
    union all
    (
        select status from deliveries
        where status in ('offered', 'assigned', 'picked_up') limit $1
    )
) as open_ones
group by status
"""
_NOW = "select now() as now"


async def now(reader: Reader) -> datetime:
    """The database's time: in a transaction, that of its beginning."""
    found: datetime = one(await reader.fetch_one(_NOW))["now"]
    return found


async def take_turn(tx: Transaction) -> bool:
    """Be the only one who offers, until the transaction ends; false: somebody else is."""
    return bool(one(await tx.fetch_one(_TAKE_TURN))["is_ours"])


async def next_id(tx: Transaction) -> DeliveryId:
    """An id that nothing has had."""
    return DeliveryId(one(await tx.fetch_one(_NEXT_ID))["id"])


async def insert(tx: Transaction, delivery: Delivery) -> bool:
    """Add a delivery; false when its order has one already."""
    added = await tx.execute(
        _INSERT,
        delivery.id,
        delivery.order_id,
        delivery.restaurant_id,
        delivery.user_id,
        delivery.status.value,
        delivery.ready_at,
        delivery.search_at,
        delivery.find_by,
        delivery.created_at,
        delivery.version,
        delivery.correlation_id,
        delivery.traceparent,
        delivery.is_ready,
        _json(delivery.pick_up),
        _json(delivery.drop_off),
        delivery.way_m,
        delivery.estimated_at,
        delivery.latest_at,
        delivery.estimated_from,
    )
    return added == 1


async def save(tx: Transaction, delivery: Delivery) -> None:
    """Store what has changed of a delivery whose row is held."""
    await tx.execute(
        _SAVE,
        delivery.id,
        delivery.status.value,
        delivery.ready_at,
        delivery.is_ready,
        delivery.courier_id,
        delivery.offered_until,
        delivery.find_by,
        delivery.estimated_at,
        delivery.latest_at,
        delivery.picked_up_at,
        delivery.delivered_at,
        delivery.version,
        delivery.search_at,
    )


async def postpone(tx: Transaction, waiting: Sequence[Delivery]) -> None:
    """Store when it is looked again for a courier."""
    rows = [(delivery.id, delivery.search_at) for delivery in waiting]
    await tx.execute(_POSTPONE, *columns(rows, 2))


async def lock(tx: Transaction, delivery_id: DeliveryId) -> Delivery | None:
    """Hold a delivery's row until the transaction ends."""
    row = await tx.fetch_one(_LOCK, delivery_id)
    return None if row is None else _delivery(row)


async def lock_of_order(tx: Transaction, order_id: OrderId) -> Delivery | None:
    """Hold the row of an order's delivery."""
    row = await tx.fetch_one(_LOCK_OF_ORDER, order_id)
    return None if row is None else _delivery(row)


async def lock_of_courier(tx: Transaction, courier_id: CourierId) -> Delivery | None:
    """Hold the row of what a courier is asked to bring, or brings."""
    row = await tx.fetch_one(_LOCK_OF_COURIER, courier_id)
    return None if row is None else _delivery(row)


async def lock_waiting(tx: Transaction, *, limit: int) -> list[Delivery]:
    """Hold some for which a courier is looked for now; those that wait longest first."""
    return [_delivery(row) for row in await tx.fetch(_LOCK_WAITING, limit)]


async def lock_lapsed(tx: Transaction, *, limit: int) -> list[Delivery]:
    """Hold some whose offer's time is over, and the rows of those who were asked."""
    return [_delivery(row) for row in await tx.fetch(_LOCK_LAPSED, limit)]


async def lock_unfound(tx: Transaction, *, limit: int) -> list[Delivery]:
    """Hold some for which nobody was found in time."""
    return [_delivery(row) for row in await tx.fetch(_LOCK_UNFOUND, limit)]


async def refuse(
    tx: Transaction, delivery_id: DeliveryId, courier_id: CourierId, *, declined: bool
) -> None:
    """Note that a courier said no, or else nothing."""
    await tx.execute(_REFUSE, delivery_id, courier_id, declined, int(not declined))


async def find(reader: Reader, delivery_id: DeliveryId) -> tuple[Delivery, Location | None] | None:
    """One delivery, and where its courier is."""
    row = await reader.fetch_one(_ONE, delivery_id)
    return None if row is None else (_delivery(row), _position(row))


async def of_order(reader: Reader, order_id: OrderId) -> list[tuple[Delivery, Location | None]]:
    """The delivery of an order, or none yet."""
    return [(_delivery(row), _position(row)) for row in await reader.fetch(_OF_ORDER, order_id)]


async def offered_to(
    reader: Reader, courier_id: CourierId
) -> list[tuple[Delivery, Location | None]]:
    """What a courier is asked to bring now."""
    rows = await reader.fetch(_OFFERED_TO, courier_id)
    return [(_delivery(row), _position(row)) for row in rows]


async def count_open(reader: Reader, *, limit: int) -> dict[str, int]:
    """How many are in each state that is no end; those that are searched, and others, up to it."""
    counts = dict.fromkeys(_OPEN, 0)
    return counts | {row["status"]: row["count"] for row in await reader.fetch(_COUNT_OPEN, limit)}


def _delivery(row: Row) -> Delivery:
    return Delivery(
        id=row["id"],
        order_id=row["order_id"],
        restaurant_id=row["restaurant_id"],
        user_id=row["user_id"],
        status=DeliveryStatus(row["status"]),
        ready_at=row["ready_at"],
        search_at=row["search_at"],
        find_by=row["find_by"],
        created_at=row["created_at"],
        version=row["version"],
        correlation_id=row["correlation_id"],
        traceparent=row["traceparent"],
        is_ready=row["is_ready"],
        pick_up=_place(row["pick_up"]),
        drop_off=_place(row["drop_off"]),
        way_m=row["way_m"],
        estimated_from=row["estimated_from"] and EstimatedFrom(row["estimated_from"]),
        courier_id=row["courier_id"],
        offered_until=row["offered_until"],
        estimated_at=row["estimated_at"],
        latest_at=row["latest_at"],
        picked_up_at=row["picked_up_at"],
        delivered_at=row["delivered_at"],
    )


def _position(row: Row) -> Location | None:
    return None if row["lat"] is None else Location(row["lat"], row["lon"])


def _json(place: Place | None) -> str | None:
    return None if place is None else encode(place).decode()


def _place(stored: str | None) -> Place | None:
    return None if stored is None else decode(stored.encode(), Place)
