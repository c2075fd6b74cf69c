"""The PostgreSQL queue as it is operated: its tables and routes, which are all that it needs."""

from collections.abc import Sequence

from ordereats.chassis.db.pool import Database
from ordereats.chassis.messaging.bus import Queue
from ordereats.chassis.messaging.postgres import tables
from ordereats.chassis.messaging.postgres_consumer import declare


async def missing(url: str, queues: Sequence[Queue]) -> list[str]:
    """The routes that are not there, a few words each.

    Raises:
        DatabaseError: the database does not answer.
    """
    async with Database.open(url, name="broker check", size=1) as database:
        row = await database.fetch_one("select to_regclass('bus_route') is not null as is_there")
        is_there = row is not None and bool(row["is_there"])
        rows = await database.fetch("select queue, type from bus_route") if is_there else []
    found = {(str(row["queue"]), str(row["type"])) for row in rows}
    wanted = [(queue.name, type_) for queue in queues for type_ in queue.types]
    return [f"route of {pair[1]} to {pair[0]}" for pair in wanted if pair not in found]


async def add(url: str, queues: Sequence[Queue]) -> None:
    """Make the routes exist, and the tables if nobody has made them yet.

    Raises:
        DatabaseError: the database does not answer.
    """
    async with Database.open(url, name="broker apply", size=1) as database:
        async with database.transaction() as tx:
            await tx.execute(tables())
        await declare(database, queues)
