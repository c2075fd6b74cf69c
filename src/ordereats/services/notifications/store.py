"""The SQL of notifications, one statement a function."""

from datetime import datetime

from ordereats.chassis.db.pool import Reader, Row, Transaction
from ordereats.contracts.ids import RestaurantId, UserId
from ordereats.contracts.notifications import Notification
from ordereats.contracts.restaurants import RestaurantChanged
from ordereats.contracts.users import UserCreated
from ordereats.services.notifications.domain import Told

_MEET = """
insert into notified_people (user_id, name, email) values ($1, $2, $3)
on conflict (user_id) do update set name = excluded.name, email = excluded.email
"""
_LEARN = """
insert into notified_about (restaurant_id, name) values ($1, $2)
on conflict (restaurant_id) do update set name = excluded.name
"""
_NAMES = """
select (select name from notified_people where user_id = $1) as person,
    (select name from notified_about where restaurant_id = $2) as restaurant
"""
_ADD = """
insert into notifications (user_id, order_id, fact, subject, text, created_at)
values ($1, $2, $3, $4, $5, $6) on conflict (order_id, fact, user_id) do nothing
"""
_PAGE = """
select id, user_id, order_id, subject, text, created_at from notifications
where user_id = $1 and id > $2 order by id limit $3
"""


async def meet(tx: Transaction, user: UserCreated) -> None:
    """Remember who someone is."""
    await tx.execute(_MEET, user.user_id, user.name, user.email)


async def learn(tx: Transaction, restaurant: RestaurantChanged) -> None:
    """Remember what a restaurant is called."""
    await tx.execute(_LEARN, restaurant.restaurant_id, restaurant.name)


async def names(
    reader: Reader, user_id: UserId, restaurant_id: RestaurantId
) -> tuple[str | None, str | None]:
    """What to call the person and the restaurant, as far as we have heard."""
    row = await reader.fetch_one(_NAMES, user_id, restaurant_id)
    return (None, None) if row is None else (row["person"], row["restaurant"])


async def add(tx: Transaction, told: Told, *, at: datetime) -> None:
    """Note that someone is told something; once for each fact."""
    await tx.execute(_ADD, told.user_id, told.order_id, told.fact, told.subject, told.text, at)


async def page(reader: Reader, user_id: UserId, *, after: int, limit: int) -> list[Notification]:
    """What someone was told, in order."""
    return [_notification(row) for row in await reader.fetch(_PAGE, user_id, after, limit)]


def _notification(row: Row) -> Notification:
    return Notification(
        id=row["id"],
        user_id=row["user_id"],
        order_id=row["order_id"],
        subject=row["subject"],
        text=row["text"],
        created_at=row["created_at"],
    )
