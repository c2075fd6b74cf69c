"""The SQL of restaurants themselves, one statement a function."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ordereats.chassis.db.pool import Reader, Row, Transaction, one
from ordereats.contracts.ids import RestaurantId
from ordereats.contracts.openings import Opening
from ordereats.contracts.places import Location, Place, on_earth
from ordereats.contracts.pricing import Tariff
from ordereats.contracts.restaurants import Hours, OpenRestaurant
from ordereats.contracts.wire import decode, encode
from ordereats.services.restaurants.domain import places
from ordereats.services.restaurants.domain.restaurant import Restaurant

# A place, and then what a `Restaurant` has, in the order of its attributes. `opens` is of the span
# that runs or comes next at $1, or at the end of the pause if that is later.
_COLUMNS = """
    address, latitude, longitude,
    id, name, cuisine, email, created_at, version, menu_version, paused_until,
    hours is not null as has_hours,
    case when hours is not null then (
        select lower(span) from unnest(opening) as span
        where upper(span) > greatest($1::timestamptz, paused_until) order by span limit 1
    ) end as opens
"""
_INSERT = f"""
insert into restaurants (
    created_at, name, cuisine, email, address, latitude, longitude, on_earth, words
) values ($1, $2, $3, $4, $5, $6, $7, cube($8::float8[]), array_to_tsvector($9::text[]))
returning {_COLUMNS}
"""  # noqa: S608  # a constant
_SOME = f"select {_COLUMNS} from restaurants where id = any($2::bigint[])"  # noqa: S608  # a constant
_PAGE = f"""
select {_COLUMNS} from restaurants where id > $2 order by id limit $3
"""  # noqa: S608  # a constant
# Not `for update`: orders of a shared database refer to the row and would wait.
_LOCK = f"""
select {_COLUMNS} from restaurants where id = $2 for no key update
"""  # noqa: S608  # a constant
_NEXT_VERSION = """
update restaurants set version = version + 1 where id = $1
"""
_NOTE_TOLD = """
update restaurants set told_version = version, told_tariff = $2::jsonb where id = $1
"""
_SET_HOURS = """
update restaurants set hours = $2::jsonb where id = $1
"""
_SET_OPENING = """
update restaurants set
    opening = (
        select coalesce(range_agg(tstzrange(opens, closes)), '{}')
        from unnest($2::timestamptz[], $3::timestamptz[]) as spans (opens, closes)
    ),
    opening_due_at = now() + make_interval(secs => $4)
where id = $1
"""
_OPENINGS = """
select lower(span) as opens, upper(span) as closes
from restaurants, unnest(opening) as span where id = $1 and hours is not null order by span
"""
_HOURS = "select hours from restaurants where id = $1"
_DUE = """
select id, hours from restaurants where opening_due_at <= now()
order by opening_due_at limit $1 for no key update skip locked
"""
_LOCK_TOLD_OTHERWISE = """
select id from restaurants
where told_version is distinct from version or told_tariff is distinct from $1::jsonb
limit $2 for no key update skip locked
"""
_PAUSE = "update restaurants set paused_until = $2 where id = $1"


@dataclass(frozen=True, slots=True)
class Search:
    """Which restaurants; None: any.

    Attributes:
        query: of words, see `places.query`.
        cuisine: in any case.
        open_at: those that take orders then.
        near: the nearest first.
        within_m: of `near`, as the crow flies.
    """

    query: str | None = None
    cuisine: str | None = None
    open_at: datetime | None = None
    near: Location | None = None
    within_m: int = 0


async def insert(tx: Transaction, command: OpenRestaurant, *, at: datetime) -> Restaurant:
    """A new restaurant."""
    place = command.place
    where = place.location if place else None
    row = await tx.fetch_one(
        _INSERT,
        at,
        command.name,
        command.cuisine,
        command.email,
        place.address if place else None,
        where.lat if where else None,
        where.lon if where else None,
        on_earth(where) if where else None,
        places.words(command.name, command.cuisine),
    )
    return _restaurant(one(row), at)


async def some(
    reader: Reader, ids: Sequence[RestaurantId], *, at: datetime
) -> dict[RestaurantId, Restaurant]:
    """Those of these that exist, by id."""
    return {row["id"]: _restaurant(row, at) for row in await reader.fetch(_SOME, at, ids)}


async def page(reader: Reader, *, after: int, limit: int, at: datetime) -> list[Restaurant]:
    """The next ones in the order of their ids."""
    return [_restaurant(row, at) for row in await reader.fetch(_PAGE, at, after, limit)]


async def search(
    reader: Reader, which: Search, *, after: int, limit: int, at: datetime
) -> list[Restaurant]:
    """The next ones in the order of their ids, or with `near` the nearest ones."""
    statement, arguments = search_statement(which, after=after, limit=limit, at=at)
    return [_restaurant(row, at) for row in await reader.fetch(statement, *arguments)]


def search_statement(
    which: Search, *, after: int, limit: int, at: datetime
) -> tuple[str, list[object]]:
    """The statement of a search and its arguments.

    It holds no condition that is not asked for, so that PostgreSQL plans for those that are.
    """
    arguments: list[object] = [at, after, limit]

    def bound(value: object) -> str:
        arguments.append(value)
        return f"${len(arguments)}"

    conditions, order = ["id > $2"], "id"
    if which.query is not None:
        conditions.append(f"words @@ cast({bound(which.query)}::text as tsquery)")
        # No index has this order: a plan for any words, which PostgreSQL keeps, would go through
        # all restaurants by id for a rare one (measured: 20 ms among 10,000, and so 0.4 ms).
        order = "id + 0"
    if which.cuisine is not None:
        conditions.append(f"lower(cuisine) = lower({bound(which.cuisine)})")
    if which.open_at is not None:
        moment = bound(which.open_at)
        conditions.append(f"opening @> {moment}::timestamptz")
        conditions.append(f"coalesce(paused_until <= {moment}, true)")
    if which.near is not None:
        here = f"cube({bound(on_earth(which.near))}::float8[])"
        within = bound(places.chord_m(which.within_m))
        conditions.append(f"on_earth <@ cube_enlarge({here}, {within}::float8, 3)")
        conditions.append(f"on_earth <-> {here} <= {within}")
        order = f"on_earth <-> {here}, id"
    statement = f"""
select {_COLUMNS} from restaurants
where {" and ".join(conditions)} order by {order} limit $3
"""  # noqa: S608  # constants, and numbers of arguments
    return statement, arguments


async def lock(tx: Transaction, restaurant_id: RestaurantId, *, at: datetime) -> Restaurant | None:
    """A restaurant of which nobody else changes anything until this transaction ends."""
    row = await tx.fetch_one(_LOCK, at, restaurant_id)
    return None if row is None else _restaurant(row, at)


async def next_version(tx: Transaction, restaurant_id: RestaurantId) -> None:
    """Count what a restaurant says of itself."""
    await tx.execute(_NEXT_VERSION, restaurant_id)


async def note_told(tx: Transaction, restaurant_id: RestaurantId, tariff: Tariff) -> None:
    """Keep that a restaurant has told its prices as they are, and at which tariff."""
    await tx.execute(_NOTE_TOLD, restaurant_id, encode(tariff).decode())


async def lock_told_otherwise(tx: Transaction, tariff: Tariff, *, limit: int) -> list[RestaurantId]:
    """Some that told other prices, or at another tariff, or never, and that nobody has locked."""
    rows = await tx.fetch(_LOCK_TOLD_OTHERWISE, encode(tariff).decode(), limit)
    return [RestaurantId(row["id"]) for row in rows]


async def hours(reader: Reader, restaurant_id: RestaurantId) -> Hours | None:
    """As the restaurant gave them, if it did."""
    row = await reader.fetch_one(_HOURS, restaurant_id)
    return None if row is None or row["hours"] is None else _hours(row)


async def set_hours(tx: Transaction, restaurant_id: RestaurantId, hours: Hours) -> None:
    """Keep what the restaurant gave."""
    await tx.execute(_SET_HOURS, restaurant_id, encode(hours).decode())


async def set_opening(
    tx: Transaction, restaurant_id: RestaurantId, openings: Sequence[Opening], *, for_s: float
) -> None:
    """Keep the hours of the coming days, unrolled, which are due again in so long."""
    opens, closes = [each.opens for each in openings], [each.closes for each in openings]
    await tx.execute(_SET_OPENING, restaurant_id, opens, closes, for_s)


async def openings(reader: Reader, restaurant_id: RestaurantId) -> list[Opening]:
    """The hours of the coming days, unrolled, in their order; none where none were given."""
    rows = await reader.fetch(_OPENINGS, restaurant_id)
    return [Opening(row["opens"], row["closes"]) for row in rows]


async def due(tx: Transaction, *, limit: int) -> list[tuple[RestaurantId, Hours]]:
    """Whose hours are to be unrolled anew; nobody else takes them until this transaction ends."""
    return [(RestaurantId(row["id"]), _hours(row)) for row in await tx.fetch(_DUE, limit)]


async def pause(tx: Transaction, restaurant_id: RestaurantId, until: datetime | None) -> None:
    """Take no orders until then; None: end a pause."""
    await tx.execute(_PAUSE, restaurant_id, until)


def _hours(row: Row) -> Hours:
    return decode(row["hours"].encode(), Hours)


def _restaurant(row: Row, at: datetime) -> Restaurant:
    # Unpacked, not by names: a list of a hundred is read very often.
    address, latitude, longitude, *own = row
    place = None
    if address is not None:
        place = Place(address, None if latitude is None else Location(latitude, longitude))
    return Restaurant(*[*own, place, at])
