"""The SQL of couriers: who they are, whether they work, and where they are."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ordereats.chassis.db.pool import Database, Reader, Row, Transaction, columns, one
from ordereats.contracts.deliveries import Courier, JoinAsCourier, Vehicle
from ordereats.contracts.ids import CourierId, DeliveryId
from ordereats.contracts.places import Location
from ordereats.services.deliveries.domain.assignment import Free
from ordereats.services.deliveries.domain.delivery import Delivery

_JOIN = """
insert into couriers (name, vehicle, created_at) values ($1, $2, $3)
returning id, name, vehicle, is_online, created_at,
    null as lat, null as lon, null as seen_at, null as delivery_id
"""
_COURIERS = """
select c.id, c.name, c.vehicle, c.is_online, c.created_at, p.lat, p.lon, p.at as seen_at,
    d.id as delivery_id
from couriers c
left join courier_positions p on p.courier_id = c.id
left join deliveries d on d.courier_id = c.id and d.status in ('assigned', 'picked_up')
"""
_COURIER = f"{_COURIERS} where c.id = $1"
_COURIER_PAGE = f"""
{_COURIERS} where c.id > $1 and ($2::boolean is null or c.is_online = $2) order by c.id limit $3
"""
_LOCK_COURIER = "select is_online from couriers where id = $1 for no key update"
_SET_ONLINE = "update couriers set is_online = $2, lapses = 0 where id = $1"
_ANSWERED = "update couriers set lapses = 0 where id = $1 and lapses > 0"
_UNANSWERED = """
update couriers set lapses = lapses + 1, is_online = is_online and lapses + 1 < $2
where id = any($1::bigint[]) returning id, is_online
"""
_KEEP_POSITIONS = """
with seen as (
    select c.id, s.lat, s.lon, p.traced_lat, p.traced_lon, p.traced_at,
        p.courier_id is null
        or p.traced_at <= now() - make_interval(secs => $5)
        or 111195 * sqrt(
            power(s.lat - p.traced_lat, 2)
            + power((s.lon - p.traced_lon) * cos(radians(s.lat)), 2)
        ) >= $4 as is_traced
    from unnest($1::bigint[], $2::float8[], $3::float8[]) as s (courier_id, lat, lon)
    join couriers c on c.id = s.courier_id
    left join courier_positions p on p.courier_id = c.id
),
traced as (
    insert into courier_traces (courier_id, lat, lon, at)
    select id, lat, lon, now() from seen where is_traced
)
insert into courier_positions (courier_id, lat, lon, at, traced_lat, traced_lon, traced_at)
select id, lat, lon, now(),
    case when is_traced then lat else traced_lat end,
    case when is_traced then lon else traced_lon end,
    case when is_traced then now() else traced_at end
from seen order by id
on conflict (courier_id) do update set
    lat = excluded.lat,
    lon = excluded.lon,
    at = excluded.at,
    traced_lat = excluded.traced_lat,
    traced_lon = excluded.traced_lon,
    traced_at = excluded.traced_at
returning courier_id
"""
_FORGET_TRACES = """
delete from courier_traces where id in (
    select id from courier_traces where at < now() - make_interval(secs => $1) limit 1000
)
"""
_NEAREST_FREE = """
with free as materialized (
    select c.id, c.vehicle, p.lat, p.lon
    from couriers c join courier_positions p on p.courier_id = c.id
    where c.is_online and not exists (
        select from deliveries d
        where d.courier_id = c.id and d.status in ('offered', 'assigned', 'picked_up')
    )
)
select w.delivery_id, f.id, f.vehicle, f.lat, f.lon, f.lapses
from unnest($1::bigint[], $2::float8[], $3::float8[]) as w (delivery_id, lat, lon)
cross join lateral (
    select free.*, coalesce(r.lapses, 0) as lapses from free
    left join delivery_refusals r on r.delivery_id = w.delivery_id and r.courier_id = free.id
    where r.declined is not true
    order by coalesce(r.lapses, 0), power(free.lat - w.lat, 2)
        + power((free.lon - w.lon) * cos(radians(w.lat)), 2)
    limit $4
) f
"""
_LOCK_ONLINE = """
select id from couriers where id = any($1::bigint[]) and is_online order by id
for no key update skip locked
"""
_COUNT_ONLINE = """
select count(*) as count from (select from couriers where is_online limit $1) as online
"""


@dataclass(frozen=True, slots=True)
class Near:
    """A free courier who is near to a delivery's restaurant, and has not declined it.

    Attributes:
        lapses: how often they let an offer of it lapse.
    """

    delivery_id: DeliveryId
    courier: Free
    lapses: int


async def join(tx: Transaction, command: JoinAsCourier, *, at: datetime) -> Courier:
    """Add a courier."""
    row = await tx.fetch_one(_JOIN, command.name.strip(), command.vehicle.value, at)
    return _courier(one(row))


async def courier(reader: Reader, courier_id: CourierId) -> Courier | None:
    """One courier."""
    row = await reader.fetch_one(_COURIER, courier_id)
    return None if row is None else _courier(row)


async def courier_page(
    reader: Reader, *, online: bool | None, after: int, limit: int
) -> list[Courier]:
    """Couriers in the order of their ids; None: online or not."""
    return [_courier(row) for row in await reader.fetch(_COURIER_PAGE, after, online, limit)]


async def lock_courier(tx: Transaction, courier_id: CourierId) -> bool | None:
    """Hold a courier's row; whether they are online; None: there is no such courier."""
    row = await tx.fetch_one(_LOCK_COURIER, courier_id)
    return None if row is None else bool(row["is_online"])


async def set_online(tx: Transaction, courier_id: CourierId, *, online: bool) -> None:
    """Begin or end a shift."""
    await tx.execute(_SET_ONLINE, courier_id, online)


async def answered(tx: Transaction, courier_id: CourierId) -> None:
    """Note that a courier answers what is offered: the offers in a row are counted anew."""
    await tx.execute(_ANSWERED, courier_id)


async def unanswered(tx: Transaction, ids: Sequence[CourierId], *, most: int) -> list[CourierId]:
    """Note that couriers let an offer lapse; those whose shift has ended by that."""
    rows = await tx.fetch(_UNANSWERED, ids, most)
    return [row["id"] for row in rows if not row["is_online"]]


async def keep_positions(
    reader: Reader,
    seen: Sequence[tuple[CourierId, Location]],
    *,
    trace_every_m: float,
    trace_every_s: float,
) -> set[CourierId]:
    """Note where couriers are, each named once, and of that a trace; those that there are."""
    rows = [(each, where.lat, where.lon) for each, where in seen]
    kept = await reader.fetch(_KEEP_POSITIONS, *columns(rows, 3), trace_every_m, trace_every_s)
    return {row["courier_id"] for row in kept}


async def forget_traces(database: Database, *, after_s: float) -> int:
    """Drop some of what is too old; how many points."""
    return await database.execute(_FORGET_TRACES, after_s)


async def nearest_free(tx: Transaction, waiting: Sequence[Delivery], *, each: int) -> list[Near]:
    """So many of the nearest free couriers of each delivery; where its place is not known, any."""
    places = [(delivery.id, delivery.pick_up and delivery.pick_up.location) for delivery in waiting]
    rows = [(known, where and where.lat, where and where.lon) for known, where in places]
    return [
        Near(
            row["delivery_id"],
            Free(row["id"], Vehicle(row["vehicle"]), Location(row["lat"], row["lon"])),
            row["lapses"],
        )
        for row in await tx.fetch(_NEAREST_FREE, *columns(rows, 3), each)
    ]


async def lock_online(tx: Transaction, ids: Sequence[CourierId]) -> set[CourierId]:
    """Hold the rows of those who are online and not being changed: they stay online meanwhile."""
    return {row["id"] for row in await tx.fetch(_LOCK_ONLINE, ids)}


async def count_online(reader: Reader, *, limit: int) -> int:
    """How many couriers work now, counted up to a limit."""
    return int(one(await reader.fetch_one(_COUNT_ONLINE, limit))["count"])


def _courier(row: Row) -> Courier:
    known = row["lat"] is not None
    return Courier(
        id=row["id"],
        name=row["name"],
        vehicle=Vehicle(row["vehicle"]),
        is_online=row["is_online"],
        created_at=row["created_at"],
        location=Location(row["lat"], row["lon"]) if known else None,
        seen_at=row["seen_at"],
        delivery_id=row["delivery_id"],
    )
