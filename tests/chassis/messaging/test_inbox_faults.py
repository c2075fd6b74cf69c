"""The inbox while a statement, or the whole database, fails under it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from structlog.testing import capture_logs

from ordereats.chassis.db.pool import Database, Transaction
from ordereats.chassis.errors import DatabaseError
from ordereats.chassis.messaging.inbox import Inbox, effect, subscribe
from ordereats.contracts.orders import OrderPlaced
from ordereats.topology.local.part import Process
from support.builders import a_message, run_sql
from support.consumer import CONSUMER, Consumer, outcome

Until = Callable[..., Awaitable[None]]


async def test_a_statement_of_the_handler_that_fails_costs_an_attempt(
    consumer: Consumer, database: Database
) -> None:
    await database.execute("alter table noted add check (order_id <> 1)")

    await consumer.receive(a_message())

    (row,) = await consumer.rows()
    assert (row["state"], row["attempts"]) == ("waiting", 1)
    assert "CheckViolationError" in str(row["last_error"])


async def test_what_is_stored_of_an_error_quotes_nobodys_data(
    consumer: Consumer, database: Database
) -> None:
    taken = "insert into noted (order_id, email) values (1, 'hieu@test.com')"
    await database.execute(taken)

    async def repeat(tx: Transaction, _fact: OrderPlaced) -> None:
        await tx.execute(taken)

    inbox = Inbox(database, [subscribe("testing", "order", [effect(OrderPlaced, repeat)])])
    with capture_logs() as lines:
        await inbox.handler(CONSUMER)(a_message())

    (row,) = await consumer.rows()
    assert "UniqueViolationError" in str(row["last_error"])
    assert "hieu" not in str(row["last_error"])
    assert "hieu" not in str(lines)


async def test_a_database_that_is_away_is_waited_for_and_costs_no_attempt(
    postgres_server: Process, chassis_url: str, consumer: Consumer, until: Until
) -> None:
    message = a_message()

    async def hand_over() -> None:
        """Call the handler as the bus does: again, until it has done with the message."""
        while await outcome(consumer.receive(message)):  # noqa: ASYNC110  # it pauses just so
            await asyncio.sleep(0.05)

    with capture_logs() as lines:
        async with asyncio.TaskGroup() as tasks:
            async with away(postgres_server, chassis_url):
                receiving = tasks.create_task(hand_over())
                await until(lambda: bool(_waiting(lines)))
                assert not receiving.done()
            async with asyncio.timeout(5):
                await receiving

    assert await consumer.noted() == [1]
    (row,) = await consumer.rows()
    assert (row["state"], row["attempts"]) == ("done", 1)


async def test_one_that_goes_away_under_a_retry_costs_no_attempt_either(
    postgres_server: Process, chassis_url: str, consumer: Consumer
) -> None:
    consumer.fails[1] = RuntimeError("not yet")
    await consumer.receive(a_message())
    consumer.fails.clear()
    consumer.begun.clear()
    consumer.may_go_on.clear()
    async with asyncio.TaskGroup() as tasks:
        trying = tasks.create_task(outcome(consumer.try_again()))
        await consumer.begun.wait()
        async with away(postgres_server, chassis_url):
            consumer.may_go_on.set()
            assert isinstance(await trying, DatabaseError)

    (row,) = await consumer.rows()
    assert (row["state"], row["attempts"]) == ("waiting", 1)
    await consumer.try_again()
    assert await consumer.noted() == [1]


async def test_what_was_done_is_forgotten_after_a_week_and_what_was_not_never(
    consumer: Consumer, database: Database
) -> None:
    await database.execute(
        "insert into inbox (consumer, message_id, type, subject, state, handled_at, received_at,"
        " message) select 'c', gen_random_uuid(), 't', subject, state,"
        " now() - age::interval, now() - age::interval, '{}'"
        " from (values ('young', 'done', '6 days 23 hours'), ('old', 'done', '7 days 1 hour'),"
        " ('parked', 'parked', '1 year'), ('waiting', 'waiting', '1 year'))"
        " as given (subject, state, age)"
    )

    assert await consumer.inbox.cleanup().run() is False

    assert {row["subject"] for row in await consumer.rows()} == {"young", "parked", "waiting"}


@asynccontextmanager
async def away(server: Process, url: str) -> AsyncIterator[None]:
    """Cut every connection to a database and let nobody in, for the length of a block."""
    name = urlsplit(url).path[1:]
    await run_sql(server.url, f"alter database {name} allow_connections false")
    await run_sql(
        server.url,
        "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1",
        name,
    )
    try:
        yield
    finally:
        await run_sql(server.url, f"alter database {name} allow_connections true")


def _waiting(lines: Sequence[Mapping[str, object]]) -> list[Mapping[str, object]]:
    return [line for line in lines if line["event"] == "consumer_waits_for_database"]
