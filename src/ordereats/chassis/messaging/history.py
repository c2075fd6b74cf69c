"""What a database still knows of the messages about something. It changes nothing."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the sandbox has no database, and must not load a driver
    from ordereats.chassis.db.pool import Database, Row


MOST = 200

# Of an inbox only what did not go well at once: `inbox_troubled` holds no more than that, so that
# receiving pays nothing for it. Of an error only its kind: a text might quote what was sent.
_ABOUT = """
(
    select source as owner, type, subject, time as at, attempts,
        split_part(last_error, ':', 1) as error, 'waits to be published' as state
    from outbox where subject = any($1::text[]) order by position limit $2
)
union all
(
    select consumer as owner, type, subject, received_at as at, attempts,
        split_part(last_error, ':', 1) as error,
        case state
            when 'done' then 'received'
            when 'waiting' then 'waits to be tried again'
            else 'parked'
        end as state
    from inbox
    where subject = any($1::text[]) and (attempts > 1 or state <> 'done')
    order by received_at limit $2
)
"""


async def about(database: "Database", subjects: Sequence[str]) -> "list[Row]":
    """Messages about these that wait here, or were tried more than once.

    Rows of `owner` (who publishes it, or the consumer), `type`, `subject`, `at`, `attempts`,
    `error` (a kind, perhaps empty or null) and `state` (in words).
    """
    return await database.fetch(_ABOUT, list(subjects), MOST)
