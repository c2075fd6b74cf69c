"""The SQL of notifications, one statement a function."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from ordereats.chassis.db.pool import Database, Reader, Row, Transaction, one
from ordereats.contracts import notifications as contract
from ordereats.contracts.ids import CourierId, NotificationId, OrderId, RestaurantId, UserId
from ordereats.contracts.notifications import Mail, Notification, Receiver
from ordereats.contracts.restaurants import RestaurantChanged
from ordereats.contracts.users import UserCreated
from ordereats.services.notifications.domain import Known, Letter, Told

_MEET = """
insert into notified_people (user_id, name, email) values ($1, $2, $3)
on conflict (user_id) do update set name = excluded.name, email = excluded.email
"""
_LEARN = """
insert into notified_about as known (restaurant_id, name, email, version) values ($1, $2, $3, $4)
on conflict (restaurant_id) do update
set name = excluded.name, email = excluded.email, version = excluded.version
where known.version < excluded.version
"""
_FOLLOW = """
insert into notified_orders as followed (order_id, user_id, courier_id, is_paid, is_cancelled)
values ($1, $2, $3, $4, $5)
on conflict (order_id) do update set
    courier_id = coalesce(excluded.courier_id, followed.courier_id),
    is_paid = followed.is_paid or excluded.is_paid,
    is_cancelled = followed.is_cancelled or excluded.is_cancelled
"""
_KNOWN = """
select followed.user_id, followed.courier_id, followed.is_paid, followed.is_cancelled,
    person.name as customer, place.name as restaurant, place.email is not null as has_email
from (select $1::bigint as order_id, $2::bigint as user_id, $3::bigint as restaurant_id) as asked
left join notified_orders as followed using (order_id)
left join notified_people as person on person.user_id = coalesce(asked.user_id, followed.user_id)
left join notified_about as place on place.restaurant_id = asked.restaurant_id
"""
_ADD = """
insert into notifications (
    receiver, receiver_id, order_id, fact, subject, text, created_at, mail, due_at
)
values ($1, $2, $3, $4, $5, $6, $7, $8, case $8 when 'waiting' then now() end)
on conflict on constraint notifications_once do nothing
"""
_PAGE = """
select id, receiver, receiver_id, order_id, subject, text, created_at, mail from notifications
where receiver = $1 and receiver_id = $2 and id > $3 order by id limit $4
"""
_ADDRESS = """
case receiver
    when 'customer' then (select email from notified_people where user_id = receiver_id)
    when 'restaurant' then (select email from notified_about where restaurant_id = receiver_id)
end
"""
_LETTERS = f"""
select id, {_ADDRESS} as address, subject, text, created_at, mail, attempts, last_error
from notifications where mail <> 'none' and id > $1 order by id limit $2
"""  # noqa: S608  # a constant
_LEASE_DUE = f"""
update notifications set lease = $1, attempts = attempts + 1,
    due_at = now() + make_interval(secs => $2)
where id in (
    select id from notifications where due_at <= now() and {_ADDRESS} is not null
    order by due_at limit $3 for update skip locked
)
returning id, {_ADDRESS} as address, subject, text, created_at, attempts,
    handed_at is not null as was_handed
"""  # noqa: S608  # a constant
_DUE_IN = """
select extract(epoch from min(due_at) - now())::float as due_in_s from notifications
where due_at > now() - make_interval(secs => $1)
"""
_WAITING = """
select count(*) as number,
    coalesce(extract(epoch from now() - min(created_at)), 0)::float as oldest_s
from (
    select created_at from notifications where due_at is not null order by due_at limit $1
) as waiting
"""
_HAND_OVER = "update notifications set handed_at = now() where id = $1 and lease = $2"
_END = """
update notifications set mail = $3, last_error = $4, due_at = null, lease = null
where id = $1 and lease = $2
"""
_POSTPONE = """
update notifications set due_at = now() + make_interval(secs => $3), last_error = $4,
    lease = null, handed_at = null
where id = $1 and lease = $2
"""
_POSTPONE_UNASKED = """
update notifications set due_at = now() + make_interval(secs => $3), attempts = attempts - 1,
    lease = null
where id = $1 and lease = $2
"""

# Not what a mail server said: it quotes addresses.
_STORY = """
select created_at as at, 'order/' || order_id as subject,
    receiver || ' told of ' || fact || case mail when 'none' then '' else ', mail ' || mail end
        as what,
    attempts, case when last_error is not null then 'not taken' end as error
from notifications where order_id = $1 order by id
"""


class Waiting(NamedTuple):
    """Mail that has not been sent yet.

    Attributes:
        number: how many.
        oldest_s: how long ago the first of them was made.
    """

    number: int
    oldest_s: float


async def meet(tx: Transaction, user: UserCreated) -> None:
    """Remember who someone is."""
    await tx.execute(_MEET, user.user_id, user.name, user.email)


async def learn(tx: Transaction, restaurant: RestaurantChanged, version: int) -> None:
    """Remember what a restaurant says of itself, unless it has said something newer."""
    said = (restaurant.restaurant_id, restaurant.name, restaurant.email)
    await tx.execute(_LEARN, *said, version)


async def follow(
    tx: Transaction,
    order_id: OrderId,
    user_id: UserId,
    *,
    courier_id: CourierId | None = None,
    is_paid: bool = False,
    is_cancelled: bool = False,
) -> None:
    """Remember of an order what later facts don't say. Holds its row until the commit."""
    await tx.execute(_FOLLOW, order_id, user_id, courier_id, is_paid, is_cancelled)


async def known(
    reader: Reader, order_id: OrderId, user_id: UserId | None, restaurant_id: RestaurantId | None
) -> Known:
    """What has been heard of an order and of those who have to do with it."""
    row = one(await reader.fetch_one(_KNOWN, order_id, user_id, restaurant_id))
    return Known(
        user_id=row["user_id"],
        courier_id=row["courier_id"],
        is_paid=bool(row["is_paid"]),
        is_cancelled=bool(row["is_cancelled"]),
        customer=row["customer"],
        restaurant=row["restaurant"],
        has_restaurant_email=row["has_email"],
    )


async def add(tx: Transaction, told: Told, mail: Mail, *, at: datetime) -> bool:
    """Note that someone is told something; false when the fact has been told them before."""
    added = await tx.execute(
        _ADD,
        told.receiver.value,
        told.receiver_id,
        told.order_id,
        told.fact,
        told.subject,
        told.text,
        at,
        mail.value,
    )
    return added == 1


async def page(
    reader: Reader, receiver: Receiver, receiver_id: int, *, after: int, limit: int
) -> list[Notification]:
    """What someone was told, in order."""
    rows = await reader.fetch(_PAGE, receiver.value, receiver_id, after, limit)
    return [_notification(row) for row in rows]


async def letters(reader: Reader, *, after: int, limit: int) -> list[contract.Letter]:
    """What was, is or would be mailed, in order."""
    rows = await reader.fetch(_LETTERS, after, limit)
    return [
        contract.Letter(
            id=row["id"],
            to=row["address"],
            subject=row["subject"],
            text=row["text"],
            at=row["created_at"],
            state=Mail(row["mail"]),
            attempts=row["attempts"],
            error=row["last_error"],
        )
        for row in rows
    ]


async def lease_due(database: Database, *, lease: UUID, for_s: float, limit: int) -> list[Letter]:
    """Take some mail that is due, for so long; nobody else gets it meanwhile.

    Mail to someone whose address has not been heard yet is not due.
    """
    return [
        Letter(
            id=row["id"],
            to=row["address"],
            subject=row["subject"],
            text=row["text"],
            created_at=row["created_at"],
            attempts=row["attempts"],
            was_handed=row["was_handed"],
        )
        for row in await database.fetch(_LEASE_DUE, lease, for_s, limit)
    ]


async def due_in_s(database: Database, since_s: float) -> float | None:
    """When the next mail is due, of what came due since then or will; below 0: it is."""
    due_s: float | None = one(await database.fetch_one(_DUE_IN, since_s))["due_in_s"]
    return due_s


async def waiting(reader: Reader, *, limit: int) -> Waiting:
    """The mail that is to be sent, or sent again; counted up to a limit."""
    return Waiting(**one(await reader.fetch_one(_WAITING, limit)))


async def hand_over(database: Database, letter_id: NotificationId, *, lease: UUID) -> bool:
    """Note that its text is about to go out; false when the lease has passed to someone else."""
    return await database.execute(_HAND_OVER, letter_id, lease) == 1


async def end(
    database: Database,
    letter_id: NotificationId,
    mail: Mail,
    *,
    lease: UUID,
    error: str | None = None,
) -> None:
    """It was sent, or is not tried any more."""
    await database.execute(_END, letter_id, lease, mail.value, error)


async def postpone(
    database: Database, letter_id: NotificationId, *, lease: UUID, by_s: float, error: str
) -> None:
    """Try it again after a pause: it is known not to have been taken."""
    await database.execute(_POSTPONE, letter_id, lease, by_s, error)


async def postpone_unasked(
    database: Database, letter_id: NotificationId, *, lease: UUID, by_s: float
) -> None:
    """Try it after a pause, as if the lease had never been."""
    await database.execute(_POSTPONE_UNASKED, letter_id, lease, by_s)


async def story(reader: Reader, order_id: OrderId) -> list[Row]:
    """See `chassis.story.facts_of`."""
    return await reader.fetch(_STORY, order_id)


def _notification(row: Row) -> Notification:
    return Notification(
        id=row["id"],
        receiver=Receiver(row["receiver"]),
        receiver_id=row["receiver_id"],
        order_id=row["order_id"],
        subject=row["subject"],
        text=row["text"],
        created_at=row["created_at"],
        mail=Mail(row["mail"]),
    )
