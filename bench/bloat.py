"""What a million events leave behind in outbox and inbox: `python -m bench.bloat`.

The statements are the relay's and the inbox's own. Two things stand in for what would take hours:
a bus that notes each batch in the inbox with one statement, and a week that is over in seconds.
"""

import argparse
import asyncio
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from time import perf_counter
from uuid import UUID

import asyncpg
import msgspec

from bench import report
from bench.events import CLOCK, a_fact
from bench.load import Failed
from bench.servers import database, postgres
from ordereats.chassis.background import Background, Hint, Jobs
from ordereats.chassis.db.migrations import migrate
from ordereats.chassis.db.pool import Database, columns
from ordereats.chassis.messaging.bus import BusState, ConsumerState, Handler, Message, Queue
from ordereats.chassis.messaging.inbox import Inbox
from ordereats.chassis.messaging.outbox import Outbox
from ordereats.chassis.messaging.relay import Relay
from ordereats.chassis.telemetry import logs
from ordereats.topology import loading
from ordereats.topology.local.part import CannotStart

EVENTS = 1_000_000
SAMPLES = 20
COMMITTED_AT_ONCE = 100
WAITING = 5_000
"""Facts in the outbox at most, so that those who commit are no faster than the relay."""
WEEK_S = 30
"""After so long the inbox may forget; it keeps a message for a week."""
FORGET_EVERY_S = 2

_NOTE = """
insert into inbox (consumer, message_id, type, subject, state, attempts, handled_at)
select 'bench.order', id, type, subject, 'done', 1,
    now() - interval '7 days' + make_interval(secs => $4)
from unnest($1::uuid[], $2::text[], $3::text[]) as given (id, type, subject)
"""
_SIZES = """
select pg_table_size('outbox') as outbox, pg_indexes_size('outbox') as outbox_indexes,
    pg_table_size('inbox') as inbox, pg_indexes_size('inbox') as inbox_indexes
"""


class Sizes(msgspec.Struct, frozen=True):
    """Bytes on disk, after so many events."""

    events: int
    outbox: int
    outbox_indexes: int
    inbox: int
    inbox_indexes: int


class Bloat(msgspec.Struct, frozen=True):
    """A run.

    Attributes:
        seconds: that all the events took.
        sizes: along the way, and at the end, when nothing waits any more.
    """

    began_at: datetime
    seconds: float
    sizes: Sequence[Sizes]


class _Taker:
    """A bus that takes everything at once, and notes it as received."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.state = BusState.UP
        self.taken = 0

    async def publish(self, messages: Sequence[Message]) -> Mapping[UUID, str]:
        """Note that all of it was received and handled."""
        rows = [(each.id, each.type, each.subject) for each in messages]
        await self._database.execute(_NOTE, *columns(rows, 3), WEEK_S)
        self.taken += len(messages)
        return {}

    def consumers(self) -> Sequence[ConsumerState]:
        """Nobody consumes."""
        return []

    async def start(self) -> None:
        """There is nothing to connect to."""

    async def declare(self, queues: Sequence[Queue]) -> None:
        """Every queue exists."""

    async def consume(self, queue: Queue, handler: Handler) -> None:
        """Nobody does."""

    async def stop_consuming(self) -> None:
        """Nobody did."""

    async def close(self) -> None:
        """Nothing is open."""


def main() -> int:
    """Measure, print, and keep what is no mere trial."""
    parser = argparse.ArgumentParser(prog="python -m bench.bloat", description=__doc__)
    parser.add_argument("--events", type=int, default=EVENTS, help="(%(default)s)")
    events: int = parser.parse_args().events
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # stop what was started
    logs.configure(level="warning", form="console", service="bench")
    try:
        bloat = asyncio.run(_measure(events))
    except (CannotStart, Failed) as reason:
        sys.stderr.write(f"{reason}\n")
        return 2 if isinstance(reason, CannotStart) else 1
    except KeyboardInterrupt:
        return 130
    print(table(bloat))
    if events >= EVENTS:
        report.keep(bloat.began_at, bloat, name="bloat", text=table(bloat))
    else:
        print("\nFewer events than usual, so it is not written to docs/performance.md.")
    return 0


def table(bloat: Bloat) -> str:
    """The sizes along the way, as Markdown."""
    said = f"Measured on {bloat.began_at:%Y-%m-%d %H:%M} UTC, in {bloat.seconds:,.0f} s."
    heads = ("events", "outbox, MB", "its indexes", "inbox, MB", "its indexes")
    lines = [
        (f"{each.events:,}", *(f"{size / 1e6:,.1f}" for size in msgspec.structs.astuple(each)[1:]))
        for each in bloat.sizes
    ]
    return f"{said}\n\n{report.table(heads, lines)}"


async def _measure(events: int) -> Bloat:
    began_at, began = CLOCK.now(), perf_counter()
    async with (
        postgres() as (server, _),
        database(server, "bloat") as (url, connection),
        Database.open(url, name="bench", size=10) as opened,
        Background.open() as background,
    ):
        await migrate(url, loading.migrations(()))
        bus, hint, jobs = _Taker(opened), Hint(), Jobs(background)
        for job in Relay(opened, bus, CLOCK, hint=hint).jobs():
            jobs.start(job)
        cleanup = Inbox(opened, []).cleanup()
        jobs.start(replace(cleanup, name="forget", every_s=FORGET_EVERY_S))
        outbox = Outbox("bench", CLOCK, hint.give)
        sizes = [await _sizes(connection, bus)]
        for sample in range(1, SAMPLES + 1):
            await _carry(opened, outbox, bus, up_to=events * sample // SAMPLES)
            sizes.append(await _sizes(connection, bus))
            print(f"{sizes[-1].events:,} events", flush=True)
        await jobs.stop(within_s=30)
    return Bloat(began_at, perf_counter() - began, sizes)


async def _carry(database: Database, outbox: Outbox, bus: _Taker, *, up_to: int) -> None:
    """Commit facts, and wait until the relay has published them."""
    committed = bus.taken
    while bus.taken < up_to:
        if committed >= up_to or committed - bus.taken >= WAITING:
            await asyncio.sleep(0.01)
            continue
        numbers = range(committed, min(up_to, committed + COMMITTED_AT_ONCE))
        async with database.transaction() as tx:
            await outbox.add_all(
                tx,
                [
                    outbox.message(a_fact(each), subject=f"order/{each}", version=1)
                    for each in numbers
                ],
            )
        committed += len(numbers)


async def _sizes(connection: "asyncpg.Connection[asyncpg.Record]", bus: _Taker) -> Sizes:
    return Sizes(bus.taken, *(await connection.fetchrow(_SIZES)).values())


if __name__ == "__main__":
    sys.exit(main())
