"""The SQL of users, one statement a function."""

from collections.abc import Sequence

from ordereats.chassis.db.pool import Reader, Row, one
from ordereats.contracts.ids import UserId
from ordereats.contracts.users import User

_NEXT_ID = "select nextval('users_id_seq') as id"
_INSERT = """
insert into users (id, name, email, created_at) values ($1, $2, $3, $4)
on conflict (lower(email)) do nothing returning true as is_new
"""
_SOME = "select id, name, email, created_at from users where id = any($1::bigint[])"


async def next_id(tx: Reader) -> UserId:
    """An id that nobody has had."""
    return UserId(one(await tx.fetch_one(_NEXT_ID))["id"])


async def insert(tx: Reader, user: User) -> bool:
    """Add a user; false when the e-mail is taken."""
    row = await tx.fetch_one(_INSERT, user.id, user.name, user.email, user.created_at)
    return row is not None


async def some(reader: Reader, ids: Sequence[UserId]) -> dict[UserId, User]:
    """Those of these that exist, by id."""
    return {row["id"]: _user(row) for row in await reader.fetch(_SOME, ids)}


def _user(row: Row) -> User:
    return User(row["id"], row["name"], row["email"], row["created_at"])
