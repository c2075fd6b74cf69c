"""A consumer is killed again and again with its hands full: only what kills it is set aside."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial

import pytest

from chassis.messaging.brokers import Asked, Broker, Buses, a_queue, publish
from chassis.messaging.dying import POISON
from ordereats.chassis.db.pool import Database
from ordereats.chassis.messaging.bus import Queue
from ordereats.contracts.events import type_of
from ordereats.contracts.orders import OrderPlaced
from support.builders import a_fact, a_message, environment, until_true
from support.consumer import Consumer

KILLS = 25
INNOCENT = [number for number in range(1, 201) if number != POISON]


class Lives:
    """One consumer after the other, each in a process of its own; see `dying`."""

    def __init__(self, parent: asyncio.subprocess.Process, database: Database) -> None:
        self._parent = parent
        self._database = database

    @classmethod
    @asynccontextmanager
    async def open(
        cls, broker: Broker, database: Database, database_url: str, queue: Queue
    ) -> AsyncIterator["Lives"]:
        family = queue.name.split(".")[1]
        parent = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "chassis.messaging.dying", broker.url, database_url, family),
            env=environment(),
            stdin=PIPE,
            stdout=PIPE,
            start_new_session=True,
        )
        try:
            yield cls(parent, database)
        finally:
            os.killpg(parent.pid, signal.SIGKILL)  # with the life that it may have begun
            await parent.wait()

    async def live_until(self, asked: Asked) -> None:
        """Consume until the answer is yes, and be killed; or die of the poison before."""
        # What a dead process held in the inbox is due when its lease lapses: here, now.
        await self._database.execute("update inbox set due_at = now() where state = 'waiting'")
        life = int(await self._said(b"\n"))
        async with asyncio.TaskGroup() as group:
            ended = group.create_task(self._said())

            async def is_over() -> bool:
                return ended.done() or await asked()

            try:
                await until_true(is_over, within_s=60)
            finally:
                with suppress(ProcessLookupError):
                    os.kill(life, signal.SIGKILL)

    async def _said(self, line: bytes = b"") -> bytes:
        stdin, stdout = self._parent.stdin, self._parent.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(line)
        return await stdout.readline()


@pytest.mark.timeout(300)  # some 35 lives, a second each where the machine is busy
async def test_after_25_kills_no_innocent_message_is_set_aside_and_each_has_one_effect(
    broker: Broker, buses: Buses, consumer: Consumer, chassis_url: str
) -> None:
    queue = Queue(a_queue().name, (type_of(OrderPlaced),))
    bus, database = await buses.open(broker), consumer.database
    await bus.declare([queue])
    await publish(
        bus, [a_message(a_fact(n), subject=f"order/{n}") for n in [POISON, *INNOCENT[:100]]]
    )

    async with asyncio.timeout(240), Lives.open(broker, database, chassis_url, queue) as lives:
        for kill in range(KILLS):
            await lives.live_until(partial(_has, database, effects=4 * (kill + 1)))
        await publish(bus, [a_message(a_fact(n), subject=f"order/{n}") for n in INNOCENT[100:]])
        is_all_over = partial(_has, database, effects=len(INNOCENT), parked=1)
        while not await is_all_over():
            await lives.live_until(is_all_over)

    rows = await database.fetch("select order_id from noted order by order_id")
    assert [row["order_id"] for row in rows] == INNOCENT
    aside = await database.fetch("select subject from inbox where state <> 'done'")
    assert [row["subject"] for row in aside] == [f"order/{POISON}"]
    assert await broker.dead_letters(queue) == []


async def _has(database: Database, *, effects: int, parked: int = 0) -> bool:
    found = await database.fetch("select from noted")
    aside = await database.fetch("select from inbox where state = 'parked'")
    return len(found) >= effects and len(aside) >= parked
