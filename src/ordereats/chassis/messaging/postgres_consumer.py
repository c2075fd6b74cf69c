"""Consuming one queue of the PostgreSQL bus. A message that is taken is leased, and never moved."""

import asyncio
from collections.abc import Sequence
from time import monotonic

import structlog
from uuid_utils.compat import uuid7

from ordereats.chassis.background import Hint
from ordereats.chassis.backoff import equal_jitter_s
from ordereats.chassis.db.pool import Database, Row, columns
from ordereats.chassis.messaging.bus import Handler, Message, Queue
from ordereats.chassis.messaging.cloudevents import checked
from ordereats.chassis.messaging.lanes import LONGEST_REASON, Delivery, Lanes
from ordereats.chassis.messaging.sessions import FIRST_PAUSE_S, LONGEST_PAUSE_S

log = structlog.get_logger(__name__)

POLL_S = 1.0
"""How soon a message is found whose notification was lost."""

# `$3` is what this consumer holds: of a subject that it holds it may take more, for its lane keeps
# the order. Of a subject that another holds it takes none: the first `not exists` passes those by,
# so that they hold nothing up; the second sees those that another takes at this very moment, whose
# rows `skip locked` has left out.
_CLAIM = """
with candidate as materialized (
    select position, subject from bus_message as this
    where queue = $1 and due_at <= now() and position <> all($3::bigint[])
        and not exists (
            select from bus_message as earlier
            where earlier.queue = $1 and earlier.subject = this.subject
                and earlier.position < this.position and earlier.holder is not null
                and earlier.due_at > now() and earlier.position <> all($3::bigint[])
        )
    order by position limit $2 for update skip locked
), chosen as (
    select position from candidate
    where not exists (
        select from bus_message as earlier
        where earlier.queue = $1 and earlier.subject = candidate.subject
            and earlier.position < candidate.position
            and earlier.position <> all($3::bigint[])
            and earlier.position not in (select position from candidate)
    )
)
update bus_message
set holder = $4, handed_out = handed_out + 1, due_at = now() + make_interval(secs => $5)
from chosen where queue = $1 and bus_message.position = chosen.position
returning bus_message.*
"""
_DONE = "delete from bus_message where queue = $1 and holder = $2 and position = any($3)"
_BACK = """
update bus_message set holder = null, due_at = now()
where queue = $1 and holder = $2 and position = any($3)
"""
_BACK_BUT = """
update bus_message set holder = null, due_at = now()
where queue = $1 and holder = $2 and position <> all($3)
"""
_RENEW = """
update bus_message set due_at = now() + make_interval(secs => $4)
where queue = $1 and holder = $2 and position = any($3) returning position
"""
_DECLARE = """
insert into bus_route (queue, type) select * from unnest($1::text[], $2::text[])
on conflict do nothing
"""
_BURY = """
with gone as (
    delete from bus_message where queue = $1 and holder = $2 and position = $3 returning *
)
insert into bus_dead (
    reason, queue, id, type, source, subject, version, time, correlation_id, traceparent, data
)
select $4, queue, id, type, source, subject, version, time, correlation_id, traceparent, data
from gone
"""


class Consumer:
    """One queue and its handler.

    Attributes:
        queue: which.
        is_declared: the queue exists, and so misses nothing from now on.
        is_consuming: its last look at the queue was answered.
    """

    def __init__(
        self, queue: Queue, handler: Handler, database: Database, *, prefetch: int, lease_s: float
    ) -> None:
        self.queue = queue
        self._database = database
        self._prefetch = prefetch
        self._lease_s = lease_s
        self._lanes = Lanes(queue.name, handler)
        self._held: dict[int, _PostgresDelivery] = {}
        self._done: list[_PostgresDelivery] = []
        self._back: list[_PostgresDelivery] = []
        self._id = uuid7()
        self._is_in_doubt = False
        self._hint = Hint()
        self.is_declared = False
        self.is_consuming = False
        self._has_to_look = False
        self._is_stopping = False
        self._is_ending = False
        self._looked_at = self._renewed_at = monotonic()

    @property
    def in_hand(self) -> int:
        """Messages that it holds."""
        return len(self._held)

    def wake(self) -> None:
        """There may be a message."""
        self._has_to_look = True
        self._hint.give()

    async def run(self) -> None:
        """Consume until `stop`; returns when the last handler has, and is answered for."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._pump())
            await self._lanes.run()
            self._is_ending = True
            self._hint.give()

    async def stop(self) -> None:
        """Take no more, and hand back what was not begun; `run` returns when the handlers have."""
        self._is_stopping = True
        self._lanes.hold()
        await self._lanes.finish()

    async def done(self, delivery: "_PostgresDelivery") -> None:
        """Note the answer; it goes out with those that come meanwhile, in one statement."""
        self._done.append(delivery)
        self._hint.give()

    async def back(self, delivery: "_PostgresDelivery") -> None:
        """Note the answer, as above."""
        self._back.append(delivery)
        self._hint.give()

    async def bury(self, delivery: "_PostgresDelivery", reason: str) -> None:
        """Move it, in one statement."""
        await self._database.execute(
            _BURY, self.queue.name, self._id, delivery.position, reason[:LONGEST_REASON]
        )
        self._held.pop(delivery.position, None)

    async def _pump(self) -> None:
        failures = 0
        while True:
            if failures:
                pause_s = equal_jitter_s(failures, first_s=FIRST_PAUSE_S, longest_s=LONGEST_PAUSE_S)
                await asyncio.sleep(pause_s)
            elif not (self._has_to_look and self._room):
                await self._hint.wait(min(POLL_S, self._lease_s / 3))
            is_last = self._is_ending
            try:
                await self._turn()
                failures, self.is_consuming = 0, True
            except Exception as error:  # noqa: BLE001  # the edge: a consumer must not end by itself
                failures, self.is_consuming = failures + 1, False
                if failures == 1:
                    log.warning("queue_lost", queue=self.queue.name, error=repr(error))
            if is_last:
                return

    async def _turn(self) -> None:
        if not self.is_declared:
            await declare(self._database, [self.queue])
            self.is_declared = True
        if self._is_in_doubt:
            await self._give_up_unknown()
        await self._settle(_DONE, self._done)
        await self._settle(_BACK, self._back)
        now = monotonic()
        if now - self._renewed_at > self._lease_s / 3:
            await self._renew()
            self._renewed_at = now
        if self._room and (self._has_to_look or now - self._looked_at > POLL_S):
            await self._claim(self._room)
            self._looked_at = now

    async def _give_up_unknown(self) -> None:
        """Give back what a claim took whose answer was lost with the connection."""
        await self._database.execute(_BACK_BUT, self.queue.name, self._id, list(self._held))
        self._is_in_doubt, self._has_to_look = False, True

    @property
    def _room(self) -> int:
        return 0 if self._is_stopping else max(0, self._prefetch - len(self._held))

    async def _settle(self, statement: str, answered: "list[_PostgresDelivery]") -> None:
        batch = answered[:]
        if not batch:
            return
        positions = [delivery.position for delivery in batch]
        await self._database.execute(statement, self.queue.name, self._id, positions)
        del answered[: len(batch)]
        for delivery in batch:
            self._held.pop(delivery.position, None)

    async def _renew(self) -> None:
        held = list(self._held)
        if not held:
            return
        rows = await self._database.fetch(_RENEW, self.queue.name, self._id, held, self._lease_s)
        for position in set(held) - {row["position"] for row in rows}:
            lost = self._held.pop(position, None)
            if lost is not None:
                lost.lose()

    async def _claim(self, room: int) -> None:
        self._has_to_look, self._is_in_doubt = False, True
        rows = await self._database.fetch(
            _CLAIM, self.queue.name, room, list(self._held), self._id, self._lease_s
        )
        self._is_in_doubt = False
        self._has_to_look = self._has_to_look or len(rows) == room
        for row in sorted(rows, key=lambda row: int(row["position"])):
            delivery = _PostgresDelivery(row, self)
            self._held[delivery.position] = delivery
            if self._is_stopping:
                self._back.append(delivery)
            else:
                self._lanes.put(delivery)


async def declare(database: Database, queues: Sequence[Queue]) -> None:
    """Make the routes exist; a queue is nothing more. Routes are only added: see `Bus.declare`."""
    pairs = [(queue.name, type_) for queue in queues for type_ in queue.types]
    await database.execute(_DECLARE, *columns(pairs, 2))


class _PostgresDelivery(Delivery):
    __slots__ = ("_consumer", "_is_lost", "_row", "position")

    def __init__(self, row: Row, consumer: Consumer) -> None:
        super().__init__(
            lane=row["subject"],
            message_id=str(row["id"]),
            type_=row["type"],
            handed_out=row["handed_out"],
        )
        self.position: int = row["position"]
        self._row = row
        self._consumer = consumer
        self._is_lost = False

    @property
    def is_gone(self) -> bool:
        return self._is_lost

    def lose(self) -> None:
        """The lease lapsed, and another consumer has it."""
        self._is_lost = True

    def read(self) -> Message:
        row = self._row
        return checked(
            Message(
                id=row["id"],
                type=row["type"],
                source=row["source"],
                subject=row["subject"],
                version=row["version"],
                time=row["time"],
                correlation_id=row["correlation_id"],
                traceparent=row["traceparent"],
                data=row["data"],
            )
        )

    async def done(self) -> None:
        await self._consumer.done(self)

    async def back(self) -> None:
        await self._consumer.back(self)

    async def bury(self, reason: str) -> None:
        await self._consumer.bury(self, reason)
