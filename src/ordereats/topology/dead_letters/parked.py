"""Messages that are parked in the inboxes of a database."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from ordereats.chassis.messaging.bus import Message
from ordereats.contracts.wire import decode
from ordereats.topology.dead_letters.letter import Chooses, Letter, Opened, Refused, an_id
from ordereats.topology.dead_letters.tables import connected, text

_PARKED = """
select consumer, message_id, type, subject, attempts, last_error, received_at, message
from inbox where state = 'parked' order by received_at
"""
_REDRIVE = """
update inbox set state = 'waiting', attempts = 0, received_at = now(), due_at = now()
from unnest($1::text[], $2::uuid[]) as chosen (consumer, message_id)
where inbox.consumer = chosen.consumer and inbox.message_id = chosen.message_id
    and state = 'parked'
returning inbox.consumer, inbox.message_id
"""


class Parked:
    """`Store` of the inboxes in one database."""

    def __init__(self, url: str, services: Sequence[str]) -> None:
        self._url = url
        self.name = f"the inbox of {', '.join(services)}"

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[AsyncIterator[Opened]]:
        """Read them in one snapshot, a few at a time."""
        async with connected(self._url) as connection, connection.transaction(readonly=True):
            yield _each(connection)

    async def redrive(self, chooses: Chooses) -> tuple[Sequence[Letter], Sequence[Refused]]:
        """Let them be tried again, as if they had just come."""
        chosen = {}
        async with self.opened() as letters:
            async for each in letters:
                if chooses(each.letter):
                    key = (each.attributes["consumer"], each.attributes["message_id"])
                    chosen[key] = each.letter
        async with connected(self._url) as connection:
            consumers, messages = [key[0] for key in chosen], [key[1] for key in chosen]
            rows = await connection.fetch(_REDRIVE, consumers, messages)
        went = [chosen.pop((row["consumer"], str(row["message_id"]))) for row in rows]
        return went, [Refused(each, "it is not parked any more") for each in chosen.values()]


async def _each(connection: "asyncpg.Connection[Any]") -> AsyncIterator[Opened]:
    async for row in connection.cursor(_PARKED):
        message = decode(row["message"].encode(), Message)
        yield Opened(
            letter=Letter(
                id=an_id("inbox", row["consumer"], row["message_id"]),
                where="inbox",
                queue=row["consumer"],
                type=row["type"],
                subject=row["subject"],
                reason=row["last_error"] or "",
                since=row["received_at"],
                attempts=row["attempts"],
            ),
            attributes={
                "consumer": row["consumer"],
                "message_id": str(row["message_id"]),
                "type": message.type,
                "source": message.source,
                "subject": message.subject,
                "version": str(message.version),
                "time": message.time.isoformat(),
                "correlation_id": message.correlation_id,
                "traceparent": message.traceparent or "",
            },
            body=text(message.data),
        )
