"""A consumer which one message kills whenever it is handled; each line of input is one life of it.

Each is a process of its own, forked after the imports, which take longer than it lives.
"""

import asyncio
import os
import signal
import sys

import structlog

from ordereats.chassis.background import Background, Jobs
from ordereats.chassis.db.pool import Database, Transaction
from ordereats.chassis.messaging.bus import Bus
from ordereats.chassis.messaging.connect import open_bus
from ordereats.chassis.messaging.inbox import Inbox
from ordereats.chassis.messaging.postgres import PostgresBus
from ordereats.chassis.messaging.subscriptions import effect, subscribe
from ordereats.contracts.orders import OrderPlaced

POISON = 13
WORK_S = 0.01
"""What a handler takes, so that a process that dies has many in hand."""


async def note(tx: Transaction, fact: OrderPlaced) -> None:
    """Die of the poison; note anything else."""
    if fact.order_id == POISON:
        os.kill(os.getpid(), signal.SIGKILL)
    await asyncio.sleep(WORK_S)
    await tx.execute("insert into noted (order_id) values ($1)", fact.order_id)


async def consume(bus_url: str, database_url: str, family: str) -> None:
    """Consume with a prefetch of 50, and retry, until killed."""
    subscription = subscribe("testing", family, [effect(OrderPlaced, note)])
    async with Background.open() as background, Database.open(database_url, name="dies") as own:
        bus: Bus
        if bus_url.startswith("postgres"):
            bus = PostgresBus(bus_url, name="dies", background=background, lease_s=0.5)
        else:
            bus = open_bus(bus_url, name="dies", background=background)
        inbox, jobs = Inbox(own, [subscription]), Jobs(background)
        await bus.start()
        await bus.consume(subscription.queue, inbox.handler(subscription.queue.name))
        jobs.start(inbox.retries())
        await asyncio.Event().wait()


def main() -> None:
    """Begin a life at each line, say whose process it is, and say when it has ended."""
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    for _ in sys.stdin:
        life = os.fork()
        if not life:
            asyncio.run(consume(*sys.argv[1:]))
        sys.stdout.write(f"{life}\n")
        sys.stdout.flush()
        os.waitpid(life, 0)
        sys.stdout.write("ended\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
