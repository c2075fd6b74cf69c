"""Dead letters of the PostgreSQL queue: the rows of its table `bus_dead`."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from ordereats.chassis.messaging.lag import MOST_COUNTED
from ordereats.chassis.messaging.postgres import CHANNEL
from ordereats.topology.dead_letters.letter import Chooses, Letter, Opened, Refused, Waiting, an_id
from ordereats.topology.dead_letters.tables import connected, text

# Not before a service has run.
_IS_THERE = "select to_regclass('bus_dead') is not null"
_WAITING = """
select queue, messages from unnest($1::text[]) as asked (queue), lateral (
    select count(*) as messages from (
        select from bus_message
        where bus_message.queue = asked.queue and (holder is null or due_at <= now()) limit $2
    ) as waiting
) as counted
where messages > 0 order by queue
"""
_DEAD = "select * from bus_dead order by position"
# One statement: a letter is always in exactly one of the two tables.
_REDRIVE = """
with gone as (
    delete from bus_dead where position = any($1::bigint[]) returning *
), back as (
    insert into bus_message (
        queue, id, type, source, subject, version, time, correlation_id, traceparent, data
    )
    select queue, id, type, source, subject, version, time, correlation_id, traceparent, data
    from gone order by position returning queue
)
select position, pg_notify($2, queue) from gone
"""


class OnPostgres:
    """`Store` of a PostgreSQL queue."""

    name = "the PostgreSQL queue"

    def __init__(self, url: str) -> None:
        self._url = url

    async def waiting(self, queues: Sequence[str]) -> Waiting:
        """Count them in two statements."""
        async with connected(self._url) as connection:
            if not await connection.fetchval(_IS_THERE):
                return Waiting({}, 0)
            rows = await connection.fetch(_WAITING, list(queues), MOST_COUNTED)
            dead = await connection.fetchval("select count(*) from bus_dead")
        return Waiting({row["queue"]: row["messages"] for row in rows}, int(dead))

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[AsyncIterator[Opened]]:
        """Read them in one snapshot, a few at a time."""
        async with connected(self._url) as connection, connection.transaction(readonly=True):
            yield _each(connection)

    async def redrive(self, chooses: Chooses) -> tuple[Sequence[Letter], Sequence[Refused]]:
        """Move them into the queue that they came from, behind what is there."""
        chosen = {}
        async with self.opened() as letters:
            async for each in letters:
                if chooses(each.letter):
                    chosen[int(each.attributes["position"])] = each.letter
        if not chosen:
            return [], []
        async with connected(self._url) as connection:
            rows = await connection.fetch(_REDRIVE, list(chosen), CHANNEL)
        went = [chosen.pop(row["position"]) for row in rows]
        return went, [Refused(each, "it is not there any more") for each in chosen.values()]


async def _each(connection: "asyncpg.Connection[Any]") -> AsyncIterator[Opened]:
    if not await connection.fetchval(_IS_THERE):
        return
    async for row in connection.cursor(_DEAD):
        attributes = {name: str(value) for name, value in row.items() if value is not None}
        yield Opened(
            letter=Letter(
                id=an_id("bus_dead", row["position"], row["buried_at"]),
                where="broker",
                queue=row["queue"],
                type=row["type"] or None,
                subject=row["subject"] or None,
                reason=row["reason"],
                since=row["buried_at"],
                attempts=None,
            ),
            attributes={name: attributes[name] for name in attributes if name != "data"},
            body=text(row["data"]),
        )
