"""kill -9 at the two worst moments: nothing that was committed is lost, nothing happens twice."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from uuid import UUID

from ordereats.chassis.background import Background, Hint
from ordereats.chassis.clock import SystemClock
from ordereats.chassis.db.pool import Database, Transaction
from ordereats.chassis.messaging.bus import BusState, Message
from ordereats.chassis.messaging.inbox import Inbox
from ordereats.chassis.messaging.postgres import PostgresBus
from ordereats.chassis.messaging.relay import Relay
from ordereats.chassis.messaging.subscriptions import effect, subscribe
from ordereats.contracts.orders import OrderPlaced
from support.builders import FakeBus, environment

Until = Callable[..., Awaitable[None]]

COMMIT_AND_DIE = """
import asyncio, os, signal, sys
from support.builders import a_fact
from ordereats.chassis.clock import SystemClock
from ordereats.chassis.db.pool import Database
from ordereats.chassis.messaging.outbox import Outbox

def die():
    os.kill(os.getpid(), signal.SIGKILL)

async def main():
    async with Database.open(sys.argv[1], name="dying") as database:
        async with database.transaction() as tx:
            await tx.execute("insert into things (id) values (1)")
            outbox = Outbox("testing", SystemClock(), die)
            await outbox.add(tx, a_fact(), subject="order/1", version=1)

asyncio.run(main())
"""

PUBLISH_AND_DIE = """
import asyncio, os, signal, sys
from ordereats.chassis.background import Background, Hint
from ordereats.chassis.clock import SystemClock
from ordereats.chassis.db.pool import Database
from ordereats.chassis.messaging.postgres import PostgresBus
from ordereats.chassis.messaging.relay import Relay

class DyingBus(PostgresBus):
    async def publish(self, messages):
        assert await super().publish(messages) == {}
        os.kill(os.getpid(), signal.SIGKILL)

async def main():
    url = sys.argv[1]
    async with Background.open() as background, Database.open(url, name="dying") as database:
        bus = DyingBus(url, name="dying", background=background)
        await bus.start()
        await bus._is_up.wait()
        await Relay(database, bus, SystemClock(), hint=Hint()).run_once()

asyncio.run(main())
"""


def killed(program: str, *arguments: str) -> None:
    """Run a program that kills itself."""
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr


async def commit_and_die(database: Database, url: str) -> UUID:
    await database.execute("create table things (id bigint primary key)")
    await asyncio.to_thread(killed, COMMIT_AND_DIE, url)
    (row,) = await database.fetch("select id from outbox")
    fact_id: UUID = row["id"]
    return fact_id


async def test_killed_between_commit_and_publish_the_fact_is_published_by_the_next(
    database: Database, chassis_url: str
) -> None:
    fact_id = await commit_and_die(database, chassis_url)
    assert len(await database.fetch("select from things")) == 1
    bus = FakeBus()

    await Relay(database, bus, SystemClock(), hint=Hint()).run_once()

    assert [each.id for each in bus.published] == [fact_id]


async def test_killed_between_publish_and_deletion_it_is_published_twice_and_has_one_effect(
    database: Database, chassis_url: str, until: Until
) -> None:
    handed_over: list[UUID] = []

    async def note(tx: Transaction, fact: OrderPlaced) -> None:
        await tx.execute("insert into things (id) values ($1 + 100)", fact.order_id)

    inbox = Inbox(database, [subscribe("testing", "order", [effect(OrderPlaced, note)])])
    queue = subscribe("testing", "order", [effect(OrderPlaced, note)]).queue
    receive = inbox.handler(queue.name)

    async def hand_over(message: Message, handed_out: int) -> None:
        await receive(message, handed_out)
        handed_over.append(message.id)

    async with Background.open() as background:
        bus = PostgresBus(chassis_url, name="surviving", background=background)
        await bus.start()
        await until(lambda: bus.state is BusState.UP)
        await bus.declare([queue])
        fact_id = await commit_and_die(database, chassis_url)
        await asyncio.to_thread(killed, PUBLISH_AND_DIE, chassis_url)
        assert len(await database.fetch("select from outbox")) == 1
        await database.execute("update outbox set due_at = now()")  # the dead one's lease lapses

        await Relay(database, bus, SystemClock(), hint=Hint()).run_once()
        await bus.consume(queue, hand_over)
        await until(lambda: len(handed_over) >= 2)
        await bus.stop_consuming()
        await bus.close()

    assert handed_over == [fact_id, fact_id]
    assert len(await database.fetch("select from things where id = 101")) == 1
    assert await database.fetch("select from outbox") == []
