"""The inbox: each message has its effect once, in the transaction that notes it was received.

A retry waits here, in the consumer's own database, visible and redrivable; never in the broker.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec
import structlog

from ordereats.chassis import context
from ordereats.chassis.background import Job
from ordereats.chassis.backoff import equal_jitter_s
from ordereats.chassis.db.pool import Database, Row, Transaction, one
from ordereats.chassis.errors import DatabaseError, TooEarly
from ordereats.chassis.messaging.bus import Message, Queue, UnreadableError
from ordereats.contracts.events import Event, type_of
from ordereats.contracts.wire import decode, encode

log = structlog.get_logger(__name__)

E = TypeVar("E", bound=Event)

MAX_ATTEMPTS = 8
"""Then it is parked, until a person has a look. With the pauses below: after about two minutes."""
PATIENCE_S = 24 * 3600.0
"""How long a fact may wait for the one it depends on, however often that takes; then it is parked.
The service that has to say it may be down for longer than others' attempts last."""
QUIET_S = 300.0
"""For so long nobody has to know that a fact waits for an earlier one."""
FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 60.0
LEASE_S = 20
POLL_S = 0.5

_FIRST = """
insert into inbox (consumer, message_id, type, subject, state, attempts, handled_at)
values ($1, $2, $3, $4, 'done', 1, now()) on conflict do nothing returning true as is_new
"""
_POSTPONE = """
insert into inbox (
    consumer, message_id, type, subject, state, attempts, due_at, last_error, message
)
values ($1, $2, $3, $4, 'waiting', 1, now() + make_interval(secs => $5), $6, $7)
on conflict do nothing
"""
_LEASE_DUE = """
update inbox set due_at = now() + make_interval(secs => $3)
where (consumer, message_id) in (
    select consumer, message_id from inbox
    where state = 'waiting' and due_at <= now() and consumer = any($1::text[])
    order by due_at limit $2 for update skip locked
)
returning consumer, message_id, attempts, message,
    extract(epoch from now() - received_at)::float as age_s
"""
_DUE_IN = """
select extract(epoch from min(due_at) - now())::float as due_in_s from inbox
where state = 'waiting' and due_at > now() - make_interval(secs => $2)
    and consumer = any($1::text[])
"""
_DONE = """
update inbox set state = 'done', attempts = attempts + 1, handled_at = now(), message = null
where consumer = $1 and message_id = $2 and state = 'waiting' returning true as is_first
"""
_AGAIN = """
update inbox set last_error = $3, due_at = now() + make_interval(secs => $4), attempts = $5,
    state = $6
where consumer = $1 and message_id = $2 and state = 'waiting'
"""
_FORGET = """
delete from inbox where (consumer, message_id) in (
    select consumer, message_id from inbox
    where state = 'done' and handled_at < now() - interval '7 days' limit 1000
)
"""


@dataclass(frozen=True, slots=True)
class Subscription:
    """One queue of a service, and what it does about each event in it. Made by `subscribe`.

    Attributes:
        queue: where the events gather; its name is also the consumer's in the inbox.
        effects: by the event's wire name; run in the transaction that notes the message.
    """

    queue: Queue
    effects: Mapping[str, "Effect"]


@dataclass(frozen=True, slots=True)
class Effect:
    """What one event does."""

    event: type[Event]
    run: Callable[[Transaction, Any], Awaitable[None]]


def effect(event: type[E], run: Callable[[Transaction, E], Awaitable[None]]) -> Effect:
    """Pair an event with its handler. The handler is idempotent through the inbox alone.

    If the business answer is "no", the handler publishes that; it raises only what a retry or a
    person can mend.
    """
    return Effect(event, run)


def subscribe(service: str, family: str, effects: Sequence[Effect]) -> Subscription:
    """Say what a service does about one family of events: `subscribe("payments", "order", …)`."""
    by_type = {type_of(each.event): each for each in effects}
    return Subscription(Queue(f"{service}.{family}", tuple(by_type)), by_type)


class Inbox:
    """Receives for the consumers of one database."""

    def __init__(self, database: Database, subscriptions: Sequence[Subscription]) -> None:
        self._database = database
        self._consumers = {each.queue.name: each for each in subscriptions}

    def retries(self) -> Job:
        """The job that tries again what waits."""
        return Job("inbox_retries", self.retry_once, every_s=POLL_S, due_in_s=self._due_in_s)

    def cleanup(self) -> Job:
        """The job that forgets, after a week, messages that can't come again."""
        return Job("inbox_cleanup", self._forget, every_s=600)

    def handler(self, consumer: str) -> Callable[[Message], Awaitable[None]]:
        """What the bus calls with each message of a queue."""

        async def receive(message: Message) -> None:
            with _context_of(message):
                await self._receive(consumer, message)

        return receive

    async def _receive(self, consumer: str, message: Message) -> None:
        run, event = self._read(consumer, message)
        while True:
            try:
                await self._first_attempt(consumer, message, run, event)
            except DatabaseError as error:
                if await self._is_database_down():
                    # Keep the message, unacknowledged, and so take no more than the prefetch:
                    # attempts are for messages that fail, not for a database that is away.
                    log.warning("consumer_waits_for_database", consumer=consumer, error=str(error))
                    await asyncio.sleep(_pause_s(1))
                    continue
                await self._postpone(consumer, message, error)
            except Exception as error:  # noqa: BLE001  # the edge: it is stored and tried again
                await self._postpone(consumer, message, error)
            return

    async def _first_attempt(
        self, consumer: str, message: Message, run: Effect, event: Event
    ) -> None:
        async with self._database.transaction() as tx:
            key = (consumer, message.id, message.type, message.subject)
            if await tx.fetch_one(_FIRST, *key) is None:
                log.info("message_again", consumer=consumer, message_id=str(message.id))
                return
            await run.run(tx, event)

    async def _postpone(self, consumer: str, message: Message, error: Exception) -> None:
        _tell_of(error, consumer, message, attempt=1, age_s=0)
        await self._database.execute(
            _POSTPONE,
            consumer,
            message.id,
            message.type,
            message.subject,
            _pause_s(1),
            _said(error),
            encode(message).decode(),
        )

    async def retry_once(self) -> bool:
        """Try again what is due. Returns whether there may be more at once."""
        rows = await self._database.fetch(_LEASE_DUE, list(self._consumers), 20, LEASE_S)
        for row in rows:
            message = decode(row["message"].encode(), Message)
            with _context_of(message):
                await self._retry(row, message)
        return len(rows) == 20

    async def _due_in_s(self, since_s: float) -> float | None:
        row = one(await self._database.fetch_one(_DUE_IN, list(self._consumers), since_s))
        due_s: float | None = row["due_in_s"]
        return due_s

    async def _retry(self, row: Row, message: Message) -> None:
        consumer, key = row["consumer"], (row["consumer"], message.id)
        try:
            run, event = self._read(consumer, message)
            async with self._database.transaction() as tx:
                if await tx.fetch_one(_DONE, *key) is not None:
                    await run.run(tx, event)
        except Exception as error:
            if isinstance(error, DatabaseError) and await self._is_database_down():
                raise  # the job waits; the attempt does not count, the lease lapses
            await self._put_off(row, message, error)

    async def _put_off(self, row: Row, message: Message, error: Exception) -> None:
        """Let it wait for its next attempt, or park it. To have come too early is no attempt."""
        consumer, attempt, age_s = row["consumer"], row["attempts"], row["age_s"]
        if isinstance(error, TooEarly):
            # About as long again as it has waited already.
            pause_s, is_over = _pause_s(1, first_s=max(FIRST_PAUSE_S, age_s)), age_s >= PATIENCE_S
        else:
            attempt += 1
            pause_s, is_over = _pause_s(attempt), attempt >= MAX_ATTEMPTS
        state = "parked" if is_over else "waiting"
        key = (consumer, message.id)
        await self._database.execute(_AGAIN, *key, _said(error), pause_s, attempt, state)
        _tell_of(error, consumer, message, attempt=attempt, age_s=age_s, is_over=is_over)

    def _read(self, consumer: str, message: Message) -> tuple[Effect, Event]:
        run = self._consumers[consumer].effects.get(message.type)
        if run is None:
            raise UnreadableError(f"{consumer} does not know {message.type}")
        try:
            return run, decode(message.data, run.event)
        except (msgspec.MsgspecError, RecursionError) as error:
            raise UnreadableError(f"not a {message.type}: {error}") from error

    async def _is_database_down(self) -> bool:
        try:
            await self._database.fetch_one("select 1")
        except DatabaseError:
            return True
        return False

    async def _forget(self) -> bool:
        return await self._database.execute(_FORGET) == 1000


def _context_of(message: Message) -> Any:
    return context.entered(context.Context(message.correlation_id, traceparent=message.traceparent))


def _pause_s(attempt: int, *, first_s: float = FIRST_PAUSE_S) -> float:
    return equal_jitter_s(attempt, first_s=first_s, longest_s=LONGEST_PAUSE_S)


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
        tell("waits_for_earlier_fact", **about, waited_s=round(age_s), error=str(error))
        return
    event = "message_parked" if is_over else "handler_failed"
    log.warning(event, **about, attempt=attempt, exc_info=error)


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:500]
