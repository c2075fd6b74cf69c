"""How far what runs here is behind: asked of its databases and its broker, not of its services.

So it is known also of a service that is down.
"""

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from time import monotonic

from ordereats.chassis import context
from ordereats.chassis.context import Context
from ordereats.chassis.db.pool import Database
from ordereats.chassis.errors import DatabaseError, Unavailable
from ordereats.chassis.messaging import lag
from ordereats.chassis.messaging.bus import BusDownError
from ordereats.chassis.messaging.lag import Lag
from ordereats.topology.broker.queues import queues
from ordereats.topology.dead_letters.at_broker import at_broker
from ordereats.topology.dead_letters.letter import Waiting
from ordereats.topology.local.carrier import broker_of
from ordereats.topology.local.state import Running

PATIENCE_S = 0.5
"""Of whoever looks. All are asked at once, so that this is all that it takes."""


@dataclass(frozen=True, slots=True)
class Behind:
    """What waits.

    Attributes:
        services: by the name of the part; None: its database does not say.
        broker: None: it does not say, or there is nobody to ask.
        has_broker: somebody says where it is.
    """

    services: Mapping[str, Lag | None]
    broker: Waiting | None
    has_broker: bool


def behind(running: Running) -> Behind:
    """Ask every database and the broker."""
    return asyncio.run(_all(running, broker_of(running)))


async def _all(running: Running, broker: str | None) -> Behind:
    async with asyncio.TaskGroup() as tasks:
        at_the_broker = tasks.create_task(_at_broker(broker))
        asked = {
            part.name: tasks.create_task(_lag(part.database))
            for part in running.parts
            if part.database
        }
    lags = {name: each.result() for name, each in asked.items()}
    return Behind(lags, at_the_broker.result(), has_broker=broker is not None)


async def _lag(url: str) -> Lag | None:
    deadline = monotonic() + PATIENCE_S
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(Database.open(url, name="ps", size=1))
        stack.enter_context(context.entered(Context("ps", deadline=deadline)))
        try:
            return await lag.read(database)
        except (DatabaseError, Unavailable):
            return None


async def _at_broker(url: str | None) -> Waiting | None:
    if url is None:
        return None
    try:
        async with asyncio.timeout(PATIENCE_S):
            return await at_broker(url).waiting([each.name for each in queues()])
    except (DatabaseError, BusDownError, TimeoutError):
        return None
