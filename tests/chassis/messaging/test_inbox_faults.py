"""The inbox while a statement, or the whole database, fails under it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from urllib.parse import urlsplit

import pytest
from structlog.testing import capture_logs

from ordereats.chassis.db.pool import Database, Transaction
from ordereats.chassis.errors import DatabaseError, TakesNoChanges
from ordereats.chassis.messaging.inbox import Inbox
from ordereats.chassis.messaging.subscriptions import effect, subscribe
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
        await inbox.handler(CONSUMER)(a_message(), 1)

    (row,) = await consumer.rows()
    assert "UniqueViolationError" in str(row["last_error"])
    assert "hieu" not in str(row["last_error"])
    assert "hieu" not in str(lines)


async def test_a_database_that_takes_no_changes_is_waited_for_and_costs_no_attempt(
    consumer: Consumer, until: Until
) -> None:
    consumer.fails[1] = TakesNoChanges("disk full")  # it goes on answering
    with capture_logs() as lines:
        async with asyncio.TaskGroup() as tasks:
            receiving = tasks.create_task(consumer.receive(a_message()))
            await until(lambda: len(_waiting(lines)) >= 2)
            assert not receiving.done()
            consumer.fails.clear()
            async with asyncio.timeout(10):
                await receiving

    assert await consumer.noted() == [1]
    (row,) = await consumer.rows()
    assert (row["state"], row["attempts"]) == ("done", 1)


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
    await _cut_off_in_the_second_attempt(consumer, away(postgres_server, chassis_url))

    await consumer.try_again()

    assert await consumer.noted() == [1]
    (row,) = await consumer.rows()
    assert (row["state"], row["attempts"]) == ("done", 2)


@pytest.mark.usefixtures("consumer")  # which has made its table
async def test_that_is_said_once_also_when_the_answer_to_it_is_lost(
    postgres_server: Process, chassis_url: str
) -> None:
    async with LosesAnswers.open(chassis_url, name="loses answers") as database:
        consumer = Consumer(database)
        await _cut_off_in_the_second_attempt(consumer, away(postgres_server, chassis_url))
        database.to_lose = 1
        assert isinstance(await outcome(consumer.inbox.retry_once()), DatabaseError)

        await consumer.try_again()

        (row,) = await consumer.rows()
    assert (row["state"], row["attempts"]) == ("done", 2)


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


class LosesAnswers(Database):
    """Does what it is told, and some answers do not arrive."""

    to_lose = 0

    async def execute(self, sql: str, *arguments: object) -> int:
        changed = await super().execute(sql, *arguments)
        if self.to_lose:
            self.to_lose -= 1
            raise DatabaseError("the answer is lost")
        return changed


async def _cut_off_in_the_second_attempt(
    consumer: Consumer, fault: AbstractAsyncContextManager[None]
) -> None:
    consumer.fails[1] = RuntimeError("not yet")
    await consumer.receive(a_message())
    consumer.fails.clear()
    consumer.begun.clear()
    consumer.may_go_on.clear()
    async with asyncio.TaskGroup() as tasks:
        trying = tasks.create_task(outcome(consumer.try_again()))
        await consumer.begun.wait()
        async with fault:
            consumer.may_go_on.set()
            assert isinstance(await trying, DatabaseError)


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
