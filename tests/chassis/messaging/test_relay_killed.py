"""Relays that are killed at any moment lose nothing, and keep the order of each subject."""

import asyncio
import signal
import sys
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from random import Random

from ordereats.chassis.background import Background
from ordereats.chassis.clock import SystemClock
from ordereats.chassis.db.pool import Database
from ordereats.chassis.messaging.bus import BusState, Queue
from ordereats.chassis.messaging.outbox import Outbox
from ordereats.chassis.messaging.postgres import PostgresBus
from ordereats.contracts.events import type_of
from support.builders import a_fact, environment, nothing

Until = Callable[..., Awaitable[None]]

RELAYS = 4
SUBJECTS = 20
VERSIONS = 10
"""Of each subject, between two kills."""
QUEUE = Queue("testing.order", (type_of(a_fact()),))

LAPSE = "update outbox set due_at = now()"
RELAY = """
import asyncio, sys
from ordereats.chassis.background import Background, Hint, Jobs
from ordereats.chassis.clock import SystemClock
from ordereats.chassis.db.pool import Database
from ordereats.chassis.messaging.postgres import PostgresBus
from ordereats.chassis.messaging.relay import Relay

class SlowBus(PostgresBus):
    async def publish(self, messages):
        refused = await super().publish(messages)
        await asyncio.sleep(0.005)  # the moment between the broker's word and the outbox
        return refused

async def main():
    url, hint = sys.argv[1], Hint()
    async with Background.open() as background, Database.open(url, name="relay") as database:
        bus = SlowBus(url, name="relay", background=background)
        await bus.start()
        relay, jobs = Relay(database, bus, SystemClock(), hint=hint), Jobs(background)
        for job in relay.jobs():
            jobs.start(job)
        print("ready", flush=True)
        while True:
            hint.give()
            await asyncio.sleep(0.01)

asyncio.run(main())
"""


@asynccontextmanager
async def a_relay(url: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a relay in a process of its own; it is killed at the end."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", RELAY, url), env=environment(), stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(20):
            assert await process.stdout.readline() == b"ready\n"
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGKILL)
        await process.wait()


async def put(database: Database, versions: range) -> None:
    """Commit these versions of every subject, each in a transaction of its own."""
    outbox = Outbox("orders", SystemClock(), nothing)
    for version in versions:
        async with database.transaction() as tx:
            await outbox.add_all(
                tx,
                [
                    outbox.message(a_fact(), subject=f"order/{subject}", version=version)
                    for subject in range(SUBJECTS)
                ],
            )


async def test_relays_that_are_killed_lose_nothing_and_keep_each_subjects_order(
    database: Database, chassis_url: str, until: Until
) -> None:
    random = Random(20261123)  # noqa: S311  # a schedule, no secret
    versions = defaultdict[str, list[int]](list)
    async with AsyncExitStack() as stack:
        background = await stack.enter_async_context(Background.open())
        bus = PostgresBus(chassis_url, name="declaring", background=background)
        stack.push_async_callback(bus.close)
        await bus.start()
        await until(lambda: bus.state is BusState.UP)
        await bus.declare([QUEUE])
        relays = [await stack.enter_async_context(a_relay(chassis_url)) for _ in range(RELAYS)]
        stated = 0
        while len(relays) > 1:
            await put(database, range(stated + 1, stated + VERSIONS + 1))
            stated += VERSIONS
            await asyncio.sleep(random.uniform(0, 0.03))  # some are amid a batch, some are not
            relays.pop().kill()
        async with asyncio.timeout(30):
            # Leases lapse, also those taken by a statement that the dead had sent.
            while await database.execute(LAPSE):  # noqa: ASYNC110  # it ends in another process
                await asyncio.sleep(0.1)

    for row in await database.fetch("select subject, version from bus_message order by position"):
        if row["version"] not in versions[row["subject"]]:  # a repeat is none of the order's
            versions[row["subject"]].append(row["version"])
    assert dict(versions) == {f"order/{each}": [*range(1, stated + 1)] for each in range(SUBJECTS)}
