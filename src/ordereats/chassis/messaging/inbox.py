"""The inbox: each message has its effect once, in the transaction that notes it was received.

A retry waits here, in the consumer's own database, visible and redrivable; never in the broker.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import UUID

import msgspec
import structlog

from ordereats.chassis.background import Job
from ordereats.chassis.backoff import equal_jitter_s
from ordereats.chassis.db.pool import Database, Row, columns, one
from ordereats.chassis.errors import DatabaseError, TakesNoChanges, TooEarly
from ordereats.chassis.failpoints import FAILPOINTS, Failpoint
from ordereats.chassis.messaging.bus import Handler, Message, UnreadableError
from ordereats.chassis.messaging.subscriptions import Effect, Subscription
from ordereats.chassis.messaging.traced import received, tells_of
from ordereats.chassis.telemetry import tracing
from ordereats.chassis.telemetry.spans import Spans, off
from ordereats.contracts.events import Event
from ordereats.contracts.wire import decode, encode

log = structlog.get_logger(__name__)

MAX_ATTEMPTS = 8
"""Then it is parked, until a person has a look. With the pauses below: after about two minutes."""
MOST_HANDED_OUT = 5
"""One that the bus has handed out more often is not run as it comes, for it may be what kills
whoever handles it: it is stored, and tried from there, where its attempts are counted."""
PATIENCE_S = 24 * 3600.0
"""How long a fact may wait for the one it depends on, however often that takes; then it is parked.
The service that has to say it may be down for longer than others' attempts last."""
QUIET_S = 300.0
"""For so long nobody has to know that a fact waits for an earlier one."""
FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 60.0
NEWER_FIRST_PAUSE_S = 60.0
NEWER_LONGEST_PAUSE_S = 900.0
"""For a type that only a newer version knows: another try here can't mend that."""
LEASE_S = 20
"""After so long one whose process died in the attempt is tried again."""
POLL_S = 0.5
RETRYING = Failpoint(
    "inbox.retrying", "A message that waits is due; its next attempt is counted, and not begun."
)
AT_MOST = 20
"""Attempts of one run of the job."""

# A fact waits behind an earlier one of its subject that waits, so that what comes from here keeps
# the order. In the insert, so that who is not held up pays no round trip for the question.
_FIRST = """
insert into inbox (consumer, message_id, type, subject, version, state, attempts, handled_at)
select $1, $2::uuid, $3, $4, $5::int, 'done', 1, now()
where not exists (
    select from inbox as earlier
    where earlier.consumer = $1 and earlier.subject = $4 and earlier.state = 'waiting'
        and earlier.version < $5
)
on conflict do nothing returning true as is_new
"""
_POSTPONE = """
insert into inbox (
    consumer, message_id, type, subject, version, state, attempts, due_at, last_error, message
)
values ($1, $2, $3, $4, $5, 'waiting', $6, greatest(now() + make_interval(secs => $7), (
    select max(due_at) from inbox as earlier
    where earlier.consumer = $1 and earlier.subject = $4 and earlier.state = 'waiting'
        and earlier.version < $5
)), $8, $9)
on conflict do nothing returning due_at > now() + make_interval(secs => $7) as is_behind
"""
# The earlier one may have ended before others could see this row, and so could not wake it.
_NOT_BEHIND = """
update inbox as this set due_at = now() + make_interval(secs => $3)
where consumer = $1 and message_id = $2 and state = 'waiting' and attempts = $4
    and not exists (
        select from inbox as earlier
        where earlier.consumer = this.consumer and earlier.subject = this.subject
            and earlier.state = 'waiting' and earlier.version < this.version
    )
"""
# One at a time, and committed by itself: should the attempt kill this process, it has counted, and
# none that was not begun has. The consumer is asked for so that no index can answer: by time alone
# the next is found at once, and a planner that knows of no rows would rather sort them all.
_BEGIN = """
with next as materialized (
    select consumer, message_id from inbox as this
    where state = 'waiting' and due_at <= now() and array_position($1::text[], consumer) > 0
        and not exists (
            select from inbox as earlier
            where earlier.consumer = this.consumer and earlier.subject = this.subject
                and earlier.state = 'waiting' and earlier.version < this.version
        )
    order by due_at limit 1 for update skip locked
)
update inbox set attempts = attempts + 1, due_at = now() + make_interval(secs => $2)
from next where inbox.consumer = next.consumer and inbox.message_id = next.message_id
returning inbox.consumer, inbox.message_id, attempts, message, last_error,
    extract(epoch from now() - received_at)::float as age_s
"""
_DUE_IN = """
select extract(epoch from min(due_at) - now())::float as due_in_s from inbox
where state = 'waiting' and due_at > now() - make_interval(secs => $2)
    and array_position($1::text[], consumer) > 0
"""
_DONE = """
update inbox set state = 'done', handled_at = now(), message = null
where consumer = $1 and message_id = $2 and state = 'waiting' returning true as is_first
"""
# Whoever waits behind is due when this one is, and at once when it has ended: after the commit, so
# that none that comes before it is left out. That is when to look; `_BEGIN` keeps the order.
_WAKE = """
update inbox set due_at = now()
where consumer = $1 and subject = $2 and state = 'waiting' and version > $3 and due_at > now()
"""
_AGAIN = """
with this as (
    update inbox set last_error = $3, due_at = now() + make_interval(secs => $4),
        attempts = attempts - $5, state = $6
    where consumer = $1 and message_id = $2 and state = 'waiting'
    returning consumer, subject, version, due_at, state
)
update inbox as later set due_at = this.due_at from this
where this.state = 'waiting' and later.consumer = this.consumer and later.subject = this.subject
    and later.state = 'waiting' and later.version > this.version and later.due_at < this.due_at
"""
# By its number, for the answer to this may be lost, too, and then it is said again.
_NOT_BEGUN = """
update inbox set attempts = attempts - 1, due_at = now()
where consumer = $1 and message_id = $2 and attempts = $3 and state = 'waiting'
"""
# What an older version has stored, for it did not know the type; and not what somebody has in hand.
_TAKE_OVER = """
update inbox set due_at = now()
where state = 'waiting' and version is null and due_at > now() + make_interval(secs => $3)
    and (consumer, type) in (select * from unnest($1::text[], $2::text[]))
"""
_FORGET = """
delete from inbox where (consumer, message_id) in (
    select consumer, message_id from inbox
    where state = 'done' and handled_at < now() - interval '7 days' limit 1000
)
"""


def _unwatched(_consumer: str, _happened_at: datetime) -> None:
    """Nobody measures."""


class SuspectError(Exception):
    """It may be what kills whoever handles it."""


class TypeUnknown(TooEarly, code="type_unknown"):
    """A newer version of the service has asked for this type: it waits for that version."""


class Inbox:
    """Receives for the consumers of one database."""

    def __init__(
        self,
        database: Database,
        subscriptions: Sequence[Subscription],
        *,
        note: Callable[[str, datetime], None] = _unwatched,
        spans: Spans | None = None,
    ) -> None:
        """Prepare.

        Args:
            database: theirs.
            subscriptions: of its services.
            note: is told of each effect that is committed: whose, and when the event happened.
            spans: where it is kept what became of each message, and when.
        """
        self._spans = spans or off()
        self._database = database
        self._note = note
        self._consumers = {each.queue.name: each for each in subscriptions}
        self._cut_off: list[tuple[str, UUID, int]] = []
        self._has_taken_over = False

    def retries(self) -> Job:
        """The job that tries again what waits."""
        return Job("inbox_retries", self.retry_once, every_s=POLL_S, due_in_s=self._due_in_s)

    def cleanup(self) -> Job:
        """The job that forgets, after a week, messages that can't come again."""
        return Job("inbox_cleanup", self._forget, every_s=600)

    def handler(self, consumer: str) -> Handler:
        """What the bus calls with each message of a queue."""

        async def receive(message: Message, handed_out: int) -> None:
            FAILPOINTS.begin(lambda: f"{consumer} {message.type}")
            with received(self._spans, consumer, message, attempt=1):
                await self._receive(consumer, message, handed_out)

        return receive

    async def _receive(self, consumer: str, message: Message, handed_out: int) -> None:
        while True:
            try:
                if handed_out > MOST_HANDED_OUT:
                    error = SuspectError(f"handed out {handed_out} times without an answer")
                    await self._store(consumer, message, error, attempts=0)
                else:
                    await self._first_attempt(consumer, message)
            except UnreadableError:
                raise
            except DatabaseError as error:
                if await self._is_database_down(error):
                    # Keep the message, unacknowledged, and so take no more than the prefetch:
                    # attempts are for messages that fail, not for a database that is away.
                    log.warning("consumer_waits_for_database", consumer=consumer, error=str(error))
                    await asyncio.sleep(_pause_s(1, error))
                    continue
                await self._store(consumer, message, error)
            except Exception as error:  # noqa: BLE001  # the edge: it is stored and tried again
                await self._store(consumer, message, error)
            return

    async def _first_attempt(self, consumer: str, message: Message) -> None:
        run, event = self._read(consumer, message)
        tells_of(event)
        async with self._database.transaction() as tx:
            key = (consumer, message.id, message.type, message.subject, message.version)
            is_first = await tx.fetch_one(_FIRST, *key) is not None
            if is_first:
                await run.run(tx, event, message.version)
        if is_first:
            self._note(consumer, message.time)
            return
        # It has come before, or there is an earlier one that waits.
        await self._store(consumer, message, None, attempts=0)

    async def _store(
        self, consumer: str, message: Message, error: Exception | None, *, attempts: int = 1
    ) -> None:
        """Let it wait: after an attempt that failed, or before the first."""
        if error is not None:
            tracing.failed(error)
        # What this version does not know is nothing that what it knows could depend on.
        version = None if isinstance(error, TypeUnknown) else message.version
        pause_s = _pause_s(attempts, error) if attempts else 0.0
        row = await self._database.fetch_one(
            _POSTPONE,
            *(consumer, message.id, message.type, message.subject, version, attempts),
            pause_s,
            "" if error is None else _said(error),
            encode(message).decode(),
        )
        if row is None:
            log.info("message_again", consumer=consumer, message_id=str(message.id))
            return
        if row["is_behind"]:
            await self._database.execute(_NOT_BEHIND, consumer, message.id, pause_s, attempts)
        if error is not None:
            _tell_of(error, consumer, message, attempt=attempts, age_s=0)

    async def retry_once(self) -> bool:
        """Try again what is due. Returns whether there may be more at once."""
        if not self._has_taken_over:
            await self._take_over()
        while self._cut_off:
            await self._database.execute(_NOT_BEGUN, *self._cut_off[-1])
            self._cut_off.pop()
        for _ in range(AT_MOST):
            row = await self._database.fetch_one(_BEGIN, list(self._consumers), LEASE_S)
            if row is None:
                return False
            message = decode(row["message"].encode(), Message)
            with received(self._spans, row["consumer"], message, attempt=row["attempts"]):
                await self._retry(row, message)
        return True

    async def _take_over(self) -> None:
        known = [(name, type_) for name, each in self._consumers.items() for type_ in each.effects]
        await self._database.execute(_TAKE_OVER, *columns(known, 2), LEASE_S)
        self._has_taken_over = True

    async def _due_in_s(self, since_s: float) -> float | None:
        row = one(await self._database.fetch_one(_DUE_IN, list(self._consumers), since_s))
        due_s: float | None = row["due_in_s"]
        return due_s

    async def _retry(self, row: Row, message: Message) -> None:
        consumer, key = row["consumer"], (row["consumer"], message.id)
        FAILPOINTS.begin(lambda: f"{consumer} {message.type}")
        await RETRYING.reached()
        if row["attempts"] > MAX_ATTEMPTS:
            said = f"its last attempt did not come to an end; before: {row['last_error']}"
            await self._put_off(row, message, SuspectError(said))
            return
        try:
            run, event = self._read(consumer, message)
            tells_of(event)
            async with self._database.transaction() as tx:
                is_first = await tx.fetch_one(_DONE, *key) is not None
                if is_first:
                    await run.run(tx, event, message.version)
            if is_first:
                self._note(consumer, message.time)
        except Exception as error:
            if isinstance(error, DatabaseError) and await self._is_database_down(error):
                # This attempt is to count for nothing.
                self._cut_off.append((*key, row["attempts"]))
                raise
            await self._put_off(row, message, error)
            return
        await self._wake(consumer, message)

    async def _wake(self, consumer: str, message: Message) -> None:
        """Let those behind it be due: it has ended."""
        await self._database.execute(_WAKE, consumer, message.subject, message.version)

    async def _put_off(self, row: Row, message: Message, error: Exception) -> None:
        """Let it wait for its next attempt, or park it. To have come too early is no attempt."""
        tracing.failed(error)
        consumer, attempt, age_s = row["consumer"], row["attempts"], row["age_s"]
        if isinstance(error, TooEarly):
            is_over, uncounted = age_s >= PATIENCE_S, 1
        else:
            is_over = attempt >= MAX_ATTEMPTS or isinstance(error, UnreadableError)
            uncounted = max(0, attempt - MAX_ATTEMPTS)
        state, pause_s = "parked" if is_over else "waiting", _pause_s(attempt, error, age_s=age_s)
        key = (consumer, message.id)
        await self._database.execute(_AGAIN, *key, _said(error), pause_s, uncounted, state)
        _tell_of(
            error, consumer, message, attempt=attempt - uncounted, age_s=age_s, is_over=is_over
        )
        if is_over:
            await self._wake(consumer, message)

    def _read(self, consumer: str, message: Message) -> tuple[Effect, Event]:
        run = self._consumers[consumer].effects.get(message.type)
        if run is None:
            raise TypeUnknown(f"{consumer} does not know {message.type}")
        try:
            return run, decode(message.data, run.event)
        except (msgspec.MsgspecError, RecursionError) as error:
            raise UnreadableError(f"not a {message.type}: {error}") from error

    async def _is_database_down(self, error: DatabaseError) -> bool:
        """Whether no message could be handled now, for no fault of its own."""
        if isinstance(error, TakesNoChanges):
            return True
        try:
            await self._database.fetch_one("select 1")
        except DatabaseError:
            return True
        return False

    async def _forget(self) -> bool:
        return await self._database.execute(_FORGET) == 1000


def _pause_s(attempt: int, error: Exception | None, *, age_s: float = 0) -> float:
    if not isinstance(error, TooEarly):
        return equal_jitter_s(attempt, first_s=FIRST_PAUSE_S, longest_s=LONGEST_PAUSE_S)
    first_s, longest_s = FIRST_PAUSE_S, LONGEST_PAUSE_S
    if isinstance(error, TypeUnknown):
        first_s, longest_s = NEWER_FIRST_PAUSE_S, NEWER_LONGEST_PAUSE_S
    # About as long again as it has waited already.
    return equal_jitter_s(1, first_s=max(first_s, age_s), longest_s=longest_s)


def _tell_of(
    error: Exception,
    consumer: str,
    message: Message,
    *,
    attempt: int,
    age_s: float,
    is_over: bool = False,
) -> None:
    about = {"consumer": consumer, "message_id": str(message.id), "type": message.type}
    if isinstance(error, TooEarly) and not is_over:
        tell = log.info if age_s < QUIET_S else log.warning
        is_newer = isinstance(error, TypeUnknown)
        event = "waits_for_newer_version" if is_newer else "waits_for_earlier_fact"
        tell(event, **about, waited_s=round(age_s), error=str(error))
        return
    if isinstance(error, SuspectError) and not is_over:
        log.warning("message_suspected", **about, error=str(error))
        return
    event = "message_parked" if is_over else "handler_failed"
    log.warning(event, **about, attempt=attempt, exc_info=error)


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:500]
