"""The relay: carries facts from the outbox to the bus. Any number may run on one database."""

from collections.abc import Mapping, Sequence
from uuid import UUID

import structlog

from ordereats.chassis.background import Hint, Job
from ordereats.chassis.clock import Clock
from ordereats.chassis.db.pool import Database, Row, one
from ordereats.chassis.messaging.bus import Bus, BusDownError, BusState, Message

log = structlog.get_logger(__name__)

BATCH = 200
LEASE_S = 30
"""Longer than any publish takes; a relay that dies holds its batch back no longer than this."""
POLL_S = 1.0

# Rows are claimed by state, never by `position > last`: positions are given before the commit, so a
# later one can be seen before an earlier one. Only the first of each subject is claimed, and it
# stays until the broker has it: so whatever is refused, leased or dies, no relay overtakes another.
_CLAIM = """
with due as (
    select position from outbox this
    where due_at <= now() and not exists (
        select from outbox earlier
        where earlier.subject = this.subject and earlier.position < this.position
    )
    order by position limit $1 for update skip locked
)
update outbox set lease = $2, due_at = now() + make_interval(secs => $3)
from due where outbox.position = due.position
returning outbox.position, id, type, source, subject, version, time, correlation_id, traceparent,
    data
"""
_PUBLISHED = """
with gone as (
    delete from outbox where lease = $1 and id = any($2::uuid[]) returning subject, position
)
select exists (
    select from outbox join gone using (subject) where outbox.position > gone.position
) as has_more
"""
_GIVE_BACK = "update outbox set lease = null, due_at = now() where lease = $1"
_REFUSED = """
update outbox set lease = null, last_error = reason, attempts = attempts + 1,
    due_at = now() + make_interval(secs => least(30, 2 ^ least(attempts, 10)))
from unnest($2::uuid[], $3::text[]) as refused (id, reason)
where lease = $1 and outbox.id = refused.id
"""


class Relay:
    """Publishes, and removes what the broker has confirmed.

    A crash between the two publishes again: at least once. A message that the broker does not take,
    because no queue wants it yet, waits in the outbox, for longer each time.
    """

    def __init__(self, database: Database, bus: Bus, clock: Clock, *, hint: Hint) -> None:
        self._database = database
        self._bus = bus
        self._clock = clock
        self._hint = hint

    def job(self) -> Job:
        """Woken by commits of this process; polls for what others left."""
        return Job("relay", self.run_once, every_s=POLL_S, hint=self._hint)

    async def run_once(self) -> bool:
        """Publish one batch. Returns whether there may be more at once."""
        if self._bus.state is not BusState.UP:
            return False
        lease = self._clock.new_id()
        rows = await self._database.fetch(_CLAIM, BATCH, lease, LEASE_S)
        if not rows:
            return False
        messages = [_message(row) for row in sorted(rows, key=lambda row: int(row["position"]))]
        try:
            refused = await self._bus.publish(messages)
        except BusDownError as error:
            await self._database.execute(_GIVE_BACK, lease)
            log.warning("outbox_waits_for_bus", messages=len(messages), error=str(error))
            return False
        has_more = await self._settle(lease, messages, refused)
        return has_more or len(messages) == BATCH

    async def _settle(
        self, lease: UUID, messages: Sequence[Message], refused: Mapping[UUID, str]
    ) -> bool:
        if refused:
            await self._database.execute(_REFUSED, lease, list(refused), list(refused.values()))
            log.warning(
                "messages_refused", count=len(refused), reasons=sorted(set(refused.values()))[:5]
            )
        published = [each.id for each in messages if each.id not in refused]
        if not published:
            return False
        row = await self._database.fetch_one(_PUBLISHED, lease, published)
        return bool(one(row)["has_more"])


def _message(row: Row) -> Message:
    return Message(
        id=row["id"],
        type=row["type"],
        source=row["source"],
        subject=row["subject"],
        version=row["version"],
        time=row["time"],
        correlation_id=row["correlation_id"],
        traceparent=row["traceparent"],
        data=row["data"].encode(),
    )
