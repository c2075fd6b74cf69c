"""Whole lives of orders in the whole monolith, at a steady rate: what each costs and how soon."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from statistics import quantiles
from time import monotonic

import aiohttp
import asyncpg
import msgspec

from bench.contenders import PROGRAM, an_order, make_known
from bench.load import Failed
from bench.servers import cpu_s, database, process
from ordereats.contracts.events import Event, type_of
from ordereats.contracts.orders import OrderPaid, OrderPlaced
from ordereats.topology.local.part import Process

RATE = 100
"""Orders a second."""
WARM_UP_S = 3
FINISHED_WITHIN_S = 60

# Commit times are PostgreSQL's own. The row of the Idempotency-Key commits with the order and is
# never changed after, and the inbox row commits with the consumer's effect.
_TOLD_MS = """
select 1000 * extract(epoch from pg_xact_commit_timestamp(inbox.xmin)
                               - pg_xact_commit_timestamp(placed.xmin))::float8 as ms
from idempotency_keys as placed
join inbox on inbox.subject = 'order/' || (placed.body::json ->> 'id')
where placed.key like 'life-%' and inbox.consumer = $1 and inbox.type = $2
"""
_UNFINISHED = """
select (select count(*) from orders where status = 'pending')
     + (select count(*) from outbox) + (select count(*) from bus_message)
"""


class Spread(msgspec.Struct, frozen=True):
    """How long it took, in ms."""

    p50: float
    p99: float

    @classmethod
    def of(cls, times_ms: Sequence[float]) -> "Spread":
        """Of all of these."""
        cuts = quantiles(times_ms, n=100)
        return cls(cuts[49], cuts[98])


class Life(msgspec.Struct, frozen=True):
    """What orders cost from being placed to being paid for and told about.

    Attributes:
        rate: orders a second, placed at fixed times whether or not earlier ones are answered.
        cpu_us: of each process for an order, by its name.
        answer: from the moment that the order was due to be sent.
        placed: from the order's commit to the commit that has its customer told of it.
        paid: from the order's commit to the commit that has its customer told that it is paid.
    """

    rate: int
    orders: int
    cpu_us: dict[str, float]
    answer: Spread
    placed: Spread
    paid: Spread


async def live(postgres: Process, folder: Path, *, seconds: int) -> Life:
    """Place orders for a while, and wait until each is paid for and everyone is told.

    Raises:
        Failed: an order was refused, or was not finished in time.
    """
    pay = (str(PROGRAM), "sandbox", "--port", "{port}", "--data", str(folder / "sandbox"))
    async with (
        database(postgres, "whole") as (url, connection),
        process("sandbox", pay, folder) as sandbox,
    ):
        settings = {"DATABASE_URL": url, "BROKER_URL": url, "STRIPE_API_BASE": sandbox.url}
        serve = (str(PROGRAM), "serve", "all")
        async with (
            process("whole", serve, folder, settings) as serving,
            aiohttp.ClientSession(serving.url) as session,
        ):
            parts = {"OrderEats": serving, "payment sandbox": sandbox, "PostgreSQL": postgres}
            await make_known(session)
            await _place(session, "warm", WARM_UP_S * RATE)
            await _finish(connection)
            before = {name: cpu_s(part) for name, part in parts.items()}
            answers_ms = await _place(session, "life", seconds * RATE)
            await _finish(connection)
            after = {name: cpu_s(part) for name, part in parts.items()}
        return Life(
            rate=RATE,
            orders=len(answers_ms),
            cpu_us={name: (after[name] - before[name]) * 1e6 / len(answers_ms) for name in parts},
            answer=Spread.of(answers_ms),
            placed=await _told(connection, OrderPlaced, len(answers_ms)),
            paid=await _told(connection, OrderPaid, len(answers_ms)),
        )


async def _place(session: aiohttp.ClientSession, prefix: str, orders: int) -> list[float]:
    """Place orders at fixed times; how long after its time each was answered, in ms."""
    started = monotonic()
    answers_ms: list[float] = []

    async def one(number: int) -> None:
        due = started + number / RATE
        await asyncio.sleep(due - monotonic())
        key = {"Idempotency-Key": f"{prefix}-{number}"}
        async with session.post("/orders", json=an_order(number), headers=key) as answer:
            if answer.status != 201:
                raise Failed(f"POST /orders gave {answer.status}: {await answer.text()}")
            await answer.read()
        answers_ms.append((monotonic() - due) * 1000)

    async with asyncio.TaskGroup() as tasks:
        for number in range(orders):
            tasks.create_task(one(number))
    return answers_ms


async def _finish(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    deadline = monotonic() + FINISHED_WITHIN_S
    while left := await connection.fetchval(_UNFINISHED):
        if monotonic() > deadline:
            raise Failed(f"{left} orders and events were not done with in {FINISHED_WITHIN_S} s.")
        await asyncio.sleep(0.1)


async def _told(
    connection: "asyncpg.Connection[asyncpg.Record]", event: type[Event], orders: int
) -> Spread:
    rows = await connection.fetch(_TOLD_MS, "notifications.order", type_of(event))
    if len(rows) != orders:
        raise Failed(f"The customers of {orders} orders were told {len(rows)} times.")
    return Spread.of([row["ms"] for row in rows])
