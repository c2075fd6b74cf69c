"""The SQL of restaurants, one statement a function."""

from collections.abc import Sequence
from datetime import datetime

from ordereats.chassis.db.pool import Reader, Row, one
from ordereats.contracts.ids import RestaurantId
from ordereats.contracts.restaurants import Restaurant

_INSERT = """
insert into restaurants (name, cuisine, created_at) values ($1, $2, $3)
returning id, name, cuisine, created_at
"""
_SOME = "select id, name, cuisine, created_at from restaurants where id = any($1::bigint[])"
_PAGE = "select id, name, cuisine, created_at from restaurants where id > $1 order by id limit $2"


async def insert(tx: Reader, *, name: str, cuisine: str | None, created_at: datetime) -> Restaurant:
    """A new restaurant."""
    return _restaurant(one(await tx.fetch_one(_INSERT, name, cuisine, created_at)))


async def some(reader: Reader, ids: Sequence[RestaurantId]) -> dict[RestaurantId, Restaurant]:
    """Those of these that exist, by id."""
    return {row["id"]: _restaurant(row) for row in await reader.fetch(_SOME, ids)}


async def page(reader: Reader, *, after: int, limit: int) -> list[Restaurant]:
    """The next ones in the order of their ids."""
    return [_restaurant(row) for row in await reader.fetch(_PAGE, after, limit)]


def _restaurant(row: Row) -> Restaurant:
    return Restaurant(row["id"], row["name"], row["cuisine"], row["created_at"])
