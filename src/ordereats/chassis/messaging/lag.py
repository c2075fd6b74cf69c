"""How far events are behind: what waits in a database to be published, and to be handled."""

from collections.abc import Sequence

from msgspec import Struct

from ordereats.chassis.db.pool import Reader, one

MOST_COUNTED = 10_000
"""Counting on would cost a database the more, the worse it is already."""

# Each by an index, and so for the same price however many were handled before.
_OUTBOX = """
select count(*) as unpublished, count(last_error) as refused,
    coalesce(extract(epoch from now() - min(time)), 0)::float as oldest_s
from (select time, last_error from outbox order by position limit $1) as waiting
"""
_INBOX = """
select consumer, count(*) filter (where state = 'waiting') as waiting,
    count(*) filter (where state = 'parked') as parked,
    coalesce(
        extract(epoch from now() - min(received_at) filter (where state = 'waiting')), 0
    )::float as oldest_s
from (
    (select consumer, state, received_at from inbox where state = 'waiting' limit $1)
    union all
    (select consumer, state, received_at from inbox where state = 'parked' limit $1)
) as unhandled
group by consumer order by consumer
"""


class InboxLag(Struct, frozen=True, rename="camel"):
    """What a consumer has received and not handled.

    Attributes:
        waiting: to be tried again.
        parked: until a person has a look.
        oldest_s: how long ago the first of those that wait came; of more than are counted, the
        first of those that were.
    """

    consumer: str
    waiting: int
    parked: int
    oldest_s: float


class Lag(Struct, frozen=True, rename="camel"):
    """What waits in one database, counted up to `MOST_COUNTED`.

    Attributes:
        unpublished: facts that the broker does not have yet.
        refused: of these, those that it did not take: no queue is there for them, or it is full.
        oldest_s: how long ago the first of the unpublished became true.
        inboxes: the consumers that have something unhandled.
    """

    unpublished: int
    refused: int
    oldest_s: float
    inboxes: Sequence[InboxLag]


async def read(database: Reader) -> Lag:
    """Ask a database."""
    outbox = one(await database.fetch_one(_OUTBOX, MOST_COUNTED))
    inboxes = [InboxLag(**row) for row in await database.fetch(_INBOX, MOST_COUNTED)]
    return Lag(**outbox, inboxes=inboxes)
