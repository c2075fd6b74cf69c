"""The relay: carries facts from the outbox to the bus. Any number may run on one database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import TypeAlias
from uuid import UUID

import msgspec
import structlog

from ordereats.chassis.background import Hint, Job
from ordereats.chassis.clock import Clock
from ordereats.chassis.db.pool import Database, Row
from ordereats.chassis.failpoints import Failpoint
from ordereats.chassis.messaging.bus import Bus, BusDownError, BusState, Message, order_of
from ordereats.chassis.telemetry.span import Span
from ordereats.chassis.telemetry.spans import Spans, off

log = structlog.get_logger(__name__)

BATCH = 200
WINDOW = 10 * BATCH
"""The oldest rows, among which it looks for what may go out."""
ROUND_S = 30.0
"""How seldom it goes through all that stands behind them while they are held back."""
LEASE_S = 15
"""Longer than a publish takes (RabbitMQ: 2 s for a channel, 8 s for its confirms); a relay that
dies holds its batch back no longer than this. What takes longer all the same is published twice."""
POLL_S = 1.0
BACKLOG_POLL_S = 60.0
"""Nothing depends on it: whoever finds a full batch gives the hint."""
BATCHES = 10
"""As many are published before a relay looks whether it should stop."""
CLAIMED = Failpoint("relay.claimed", "A batch has been claimed; none of it has been sent.")
CONFIRMED = Failpoint(
    "relay.confirmed", "The broker has all of a batch; it has not been removed from the outbox."
)
REMOVED = Failpoint("relay.removed", "A batch has been published, and removed from the outbox.")

# Rows are claimed by state, never by `position > last`: positions are given before the commit, so a
# later one can be seen before an earlier one. Only the first of each subject is claimed, and it
# stays until the broker has it: so whatever is refused, leased or dies, no relay overtakes another.
# The same statement removes the batch that the broker has (lease `$1`), whose rows it still sees.
# It looks at `$7` rows only, after `$6`: no look takes longer because more of them are held back.
_NEXT = """
with published as (
    delete from outbox where position = any($2::bigint[]) and lease = $1
), due as (
    select position from outbox this
    where position > $6 and position < coalesce((
        select position from outbox where position > $6 order by position offset $7 limit 1
    ), 9223372036854775807) and due_at <= now() and lease is distinct from $1 and not exists (
        select from outbox earlier
        where earlier.subject = this.subject and earlier.position < this.position
            and earlier.lease is distinct from $1
    )
    order by position limit $3 for update skip locked
)
update outbox set lease = $4, due_at = now() + make_interval(secs => $5)
from due where outbox.position = due.position
returning outbox.position, id, type, source, subject, version, time, correlation_id, traceparent,
    data
"""
# The last of as many as one look takes in; nothing if there are fewer.
_END = """
select max(position) as position from (
    select position from outbox where position > $1 order by position limit $2
) as looked_at having count(*) = $2
"""
_GIVE_BACK = """
update outbox set lease = null, due_at = now() where position = any($2::bigint[]) and lease = $1
"""
_REFUSED = """
update outbox set lease = null, last_error = reason, attempts = attempts + 1,
    due_at = now() + make_interval(secs => least(30, 2 ^ least(attempts, 10)))
from unnest($2::uuid[], $3::text[]) as refused (id, reason)
where lease = $1 and outbox.id = refused.id
"""

_Spans: TypeAlias = Mapping[UUID, Span]
_NONE: Mapping[UUID, str] = {}


@dataclass(frozen=True, slots=True)
class _Batch:
    """What was claimed together.

    Attributes:
        lease: that it is held by.
        positions: in the outbox.
        messages: in their order.
    """

    lease: UUID
    positions: Sequence[int] = ()
    messages: Sequence[Message] = ()


class Relay:
    """Publishes, and removes what the broker has confirmed.

    A crash between the two publishes again: at least once. A message that the broker does not take,
    because no queue wants it yet, waits in the outbox, for longer each time.
    """

    def __init__(
        self,
        database: Database,
        bus: Bus,
        clock: Clock,
        *,
        hint: Hint,
        spans: Spans | None = None,
    ) -> None:
        self._spans = spans or off()
        self._database = database
        self._bus = bus
        self._clock = clock
        self._hint = hint
        self._backlog = Hint()
        self._behind = 0
        self._next_round = 0.0

    def jobs(self) -> list[Job]:
        """Woken by commits of this process; polls for what others left.

        A second one takes part whenever a batch is full: it claims while the first awaits confirms.
        """
        return [
            Job("relay", self.run_once, every_s=POLL_S, hint=self._hint),
            Job("relay_backlog", self.run_once, every_s=BACKLOG_POLL_S, hint=self._backlog),
        ]

    async def run_once(self) -> bool:
        """Publish what may be published now. Returns whether there may be more at once.

        It returns after `BATCHES` at the latest, so that whoever wants to stop does not wait long.
        """
        if self._bus.state is not BusState.UP:
            return False
        after = 0
        batch = await self._next(_Batch(self._clock.new_id()), BATCH)
        if not batch.messages and (after := await self._held_back()):
            batch = await self._next(batch, BATCH, after=after)
        for left in reversed(range(BATCHES)):
            if not batch.messages:
                return bool(after) and await self._pass_by(after)
            if len(batch.messages) == BATCH:
                self._backlog.give()
            if not await self._publish(batch):
                return False
            batch = await self._next(batch, BATCH if left else 0, after=after)
            await REMOVED.reached()
        return True

    async def _next(self, published: _Batch, limit: int, *, after: int = 0) -> _Batch:
        """Remove a batch that is published, and claim another, from what is after a position."""
        lease = self._clock.new_id()
        rows = await self._database.fetch(
            _NEXT, published.lease, published.positions, limit, lease, LEASE_S, after, WINDOW
        )
        rows.sort(key=lambda row: int(row["position"]))
        return _Batch(lease, [row["position"] for row in rows], [_message(row) for row in rows])

    async def _held_back(self) -> int:
        """After which position to look when the oldest are all held back; 0 if that is not so."""
        end = await self._end_of_window(0)
        if end and monotonic() >= self._next_round:
            self._behind, self._next_round = end, monotonic() + ROUND_S
        return end and max(end, self._behind)

    async def _pass_by(self, after: int) -> bool:
        """Leave a window behind that has nothing to publish. Returns whether it was a full one."""
        end = await self._end_of_window(after)
        self._behind = max(self._behind, end)
        return bool(end)

    async def _end_of_window(self, after: int) -> int:
        row = await self._database.fetch_one(_END, after, WINDOW)
        return int(row["position"]) if row else 0

    async def _publish(self, batch: _Batch) -> bool:
        """Hand it over; those that are refused wait. Returns whether the broker is there."""
        await CLAIMED.reached()
        messages, spans = self._traced(batch.messages)
        try:
            refused = await self._bus.publish(messages)
        except BusDownError as error:
            _end(spans, error)
            await self._database.execute(_GIVE_BACK, batch.lease, batch.positions)
            log.warning("outbox_waits_for_bus", messages=len(batch.messages), error=str(error))
            return False
        _end(spans, refused=refused)
        await CONFIRMED.reached()
        if refused:
            await self._database.execute(
                _REFUSED, batch.lease, list(refused), list(refused.values())
            )
            self._tell_of(batch, refused)
        return True

    def _traced(self, messages: Sequence[Message]) -> tuple[Sequence[Message], _Spans]:
        """Messages that name their publishing as what they come from."""
        if not self._spans.is_on:
            return messages, {}
        now, spans, traced = self._clock.now(), {}, []
        for each in messages:
            span = self._spans.begin(
                "publish",
                each.type,
                correlation_id=each.correlation_id,
                traceparent=each.traceparent,
                service=each.source,
            )
            if span is not None:
                span.order_id = order_of(each.subject)
                span.waited_s = max(0.0, (now - each.time).total_seconds())
                spans[each.id] = span
                traced.append(msgspec.structs.replace(each, traceparent=span.traceparent))
        return traced, spans

    @staticmethod
    def _tell_of(batch: _Batch, refused: Mapping[UUID, str]) -> None:
        subjects = sorted({each.subject for each in batch.messages if each.id in refused})
        log.error(
            "messages_refused",
            count=len(refused),
            reasons=sorted(set(refused.values()))[:5],
            held_back=subjects[:5],
        )


def _end(
    spans: _Spans, error: Exception | None = None, refused: Mapping[UUID, str] = _NONE
) -> None:
    for id_, span in spans.items():
        if id_ in refused:
            span.error = "refused"
        span.end(error)


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
