"""The outbox: facts that are stored in the transaction that made them true, to be published after.

Nothing is published from memory after a commit, and nothing is saved after a publish.
"""

from collections.abc import Callable, Sequence

from ordereats.chassis import context
from ordereats.chassis.clock import Clock
from ordereats.chassis.db.pool import Transaction, columns
from ordereats.chassis.messaging.bus import Message
from ordereats.contracts.events import Event, type_of
from ordereats.contracts.wire import encode

_INSERT = """
insert into outbox (
    id, type, source, subject, version, time, correlation_id, traceparent, data
)
select * from unnest(
    $1::uuid[], $2::text[], $3::text[], $4::text[], $5::int[], $6::timestamptz[],
    $7::text[], $8::text[], $9::json[]
)
"""


class Outbox:
    """Where a service puts its facts."""

    def __init__(self, source: str, clock: Clock, wake_relay: Callable[[], None]) -> None:
        self._source = source
        self._clock = clock
        self._wake_relay = wake_relay

    async def add(self, tx: Transaction, event: Event, *, subject: str, version: int) -> None:
        """Store a fact with the state that it is about.

        Args:
            tx: the transaction that makes it true.
            event: the fact.
            subject: the entity, such as `order/17`.
            version: the entity's version after it.
        """
        await self.add_all(tx, [self.message(event, subject=subject, version=version)])

    def message(self, event: Event, *, subject: str, version: int) -> Message:
        """Make the message of a fact, with the correlation id of the code that is running.

        What it follows from is now known to be about the order that it is about.
        """
        at = context.current()
        if at.span is not None and at.span.order_id is None:
            at.span.order_id = getattr(event, "order_id", None)
        return Message(
            id=self._clock.new_id(),
            type=type_of(event),
            source=self._source,
            subject=subject,
            version=version,
            time=self._clock.now(),
            correlation_id=at.correlation_id,
            traceparent=at.traceparent,
            data=encode(event),
        )

    async def add_all(self, tx: Transaction, messages: Sequence[Message]) -> None:
        """Store several facts of one transaction, in their order."""
        rows = [
            (
                each.id,
                each.type,
                each.source,
                each.subject,
                each.version,
                each.time,
                each.correlation_id,
                each.traceparent,
                each.data.decode(),
            )
            for each in messages
        ]
        await tx.execute(_INSERT, *columns(rows, 9))
        tx.after_commit(self._wake_relay)
