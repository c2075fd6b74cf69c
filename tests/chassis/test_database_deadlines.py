"""A request's statements end with its time: nothing is done late, and nothing leaks."""

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Iterator, Sequence
from contextlib import contextmanager
from time import monotonic

import pytest

from chassis.conftest import signal_family
from ordereats.chassis import context
from ordereats.chassis.background import Background
from ordereats.chassis.coalescing import Coalescer
from ordereats.chassis.context import Context
from ordereats.chassis.db.pool import GRACE_S, NOTICED_AFTER_S, Database
from ordereats.chassis.errors import DatabaseError, DeadlineExceeded
from ordereats.topology.local.part import Process
from support.builders import run_sql, until_true

SLEEP = "select pg_sleep(4)"


@pytest.fixture
async def single(chassis_url: str) -> AsyncIterator[Database]:
    """Give a database with one connection and a table."""
    async with Database.open(chassis_url, name="single", size=1) as database:
        await database.execute("create table things (id int primary key)")
        yield database


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Run a block as a request that has so much time."""
    with context.entered(Context("walk", deadline=monotonic() + seconds)):
        yield


async def error_of(work: Awaitable[object]) -> tuple[Exception | None, float]:
    """Tell what went wrong, and after how long."""
    began = monotonic()
    try:
        await work
    except Exception as error:  # noqa: BLE001  # the test says which it has to be
        return error, monotonic() - began
    return None, monotonic() - began


async def pid_of(database: Database) -> int:
    (row,) = await database.fetch("select pg_backend_pid() as pid")
    return int(row["pid"])


async def count(database: Database) -> int:
    return len(await database.fetch("select from things"))


async def change(database: Database, *statements: str) -> None:
    async with database.transaction() as tx:
        await tx.execute("insert into things (id) values (1)")
        for each in statements:
            await tx.execute(each)


async def test_the_server_ends_a_transactions_statement_and_its_connection_is_kept(
    single: Database,
) -> None:
    before = await pid_of(single)

    with within(0.5):
        error, took_s = await error_of(change(single, SLEEP))

    assert isinstance(error, DeadlineExceeded)
    assert took_s < 0.5
    assert await pid_of(single) == before
    assert await count(single) == 0


async def test_the_server_ends_a_single_statement_that_has_little_time_and_so_undoes_it(
    single: Database,
) -> None:
    before = await pid_of(single)

    with within(0.5):
        error, took_s = await error_of(
            single.execute("insert into things select 1 from pg_sleep(4)")
        )

    assert isinstance(error, DeadlineExceeded)
    assert took_s < 0.5
    assert await pid_of(single) == before
    assert await count(single) == 0


async def test_one_with_more_time_is_dropped_and_the_server_notices_soon(
    single: Database, chassis_url: str
) -> None:
    before = await pid_of(single)

    with within(1.1):
        error, took_s = await error_of(single.fetch(SLEEP))

    assert isinstance(error, DeadlineExceeded)
    assert took_s < 1.1 + GRACE_S + 0.2
    assert await pid_of(single) != before
    gone = f"select where not exists (select from pg_stat_activity where pid = {before})"  # noqa: S608  # a number
    await until_true(lambda: run_sql(chassis_url, gone), within_s=NOTICED_AFTER_S + 1)


async def test_a_lock_is_not_waited_for_longer_than_the_request_has(
    single: Database, chassis_url: str
) -> None:
    async with (
        Database.open(chassis_url, name="holder", size=1) as holder,
        holder.transaction() as tx,
    ):
        await tx.execute("insert into things (id) values (1)")

        with within(0.4):
            error, took_s = await error_of(change(single))

    assert isinstance(error, DeadlineExceeded)
    assert took_s < 0.4


async def test_nobody_waits_for_a_connection_longer_than_the_request_has(single: Database) -> None:
    async with single.transaction():
        with within(0.2):
            error, took_s = await error_of(count(single))

    assert isinstance(error, DeadlineExceeded)
    assert took_s < 0.2 + 0.1
    assert await count(single) == 0


async def test_a_request_whose_time_is_over_asks_nothing(single: Database) -> None:
    with within(-0.001):
        error, took_s = await error_of(change(single))

    assert isinstance(error, DeadlineExceeded)
    assert took_s < 0.05
    assert await count(single) == 0


async def test_a_transaction_whose_time_is_over_before_its_commit_is_rolled_back(
    single: Database,
) -> None:
    async def change_slowly() -> None:
        async with single.transaction() as tx:
            await tx.execute("insert into things (id) values (1)")
            await asyncio.sleep(0.3)

    with within(0.2):
        error, _ = await error_of(change_slowly())

    assert isinstance(error, DeadlineExceeded)
    assert await count(single) == 0


async def test_a_commit_that_has_begun_is_not_cut(single: Database) -> None:
    await single.execute(
        "create function slow() returns trigger language plpgsql"
        " as $$ begin perform pg_sleep(0.6); return new; end $$"
    )
    await single.execute(
        "create constraint trigger slow after insert on things initially deferred"
        " for each row execute function slow()"
    )

    with within(0.3):
        error, took_s = await error_of(change(single))

    assert error is None
    assert took_s > 0.6
    assert await count(single) == 1


async def test_a_short_deadline_is_nobody_elses_on_the_same_connection(single: Database) -> None:
    with within(0.3):
        await change(single)
        await single.execute("delete from things")
        await error_of(change(single, SLEEP))

    await single.fetch("select pg_sleep(0.6)")
    await change(single, "select pg_sleep(0.6)")

    assert await count(single) == 1


async def test_deadlines_of_the_same_moment_do_not_mix(chassis_url: str) -> None:
    async def ask(seconds: float, sleep_s: float) -> bool:
        with within(seconds):
            error, _ = await error_of(database.fetch(f"select pg_sleep({sleep_s})"))
        return error is None

    async with Database.open(chassis_url, name="mixed", size=4) as database:
        patient = [ask(10, 0.3) for _ in range(10)]
        hasty = [ask(0.2, 0.3) for _ in range(10)]
        outcomes = await asyncio.gather(
            *(each for pair in zip(patient, hasty, strict=True) for each in pair)
        )

    assert outcomes == [True, False] * 10


async def test_nothing_leaks_however_requests_end(chassis_url: str) -> None:
    async def ask(number: int) -> None:
        # By the server, by dropping the connection, while waiting for one, and in time.
        with within((0.02, 0.1, 1.01, 5)[number % 4]):
            await error_of(database.fetch("select pg_sleep(0.15)"))

    async with Database.open(chassis_url, name="leaky", size=5) as database:
        await asyncio.gather(*(ask(number) for number in range(200)))

        assert await asyncio.gather(*(pid_of(database) for _ in range(20)))
        assert database.connections().busy == 0
        open_ones = (
            "select count(*) from pg_stat_activity where application_name = 'ordereats leaky'"
        )

        async def are_few() -> bool:
            (row,) = await run_sql(chassis_url, open_ones)
            return bool(row["count"] <= 5)

        await until_true(are_few)


async def test_a_server_that_says_nothing_costs_a_request_its_time_and_little_more(
    own_server: Process,
) -> None:
    async with Database.open(own_server.url, name="silent", size=4) as database:
        await database.execute("create table things (id int primary key)")
        await asyncio.gather(*(count(database) for _ in range(4)))
        signal_family(own_server, signal.SIGSTOP)
        try:
            with within(0.5):
                outcomes = await asyncio.gather(
                    error_of(change(database)),
                    error_of(count(database)),
                    error_of(database.execute("insert into things (id) values (2)")),
                )
            # All connections were dropped, and new ones can't be had.
            with within(0.5):
                later = await asyncio.gather(*(error_of(count(database)) for _ in range(9)))
        finally:
            signal_family(own_server, signal.SIGCONT)

        assert all(isinstance(error, DeadlineExceeded) for error, _ in (*outcomes, *later))
        assert max(took_s for _, took_s in (*outcomes, *later)) < 0.5 + GRACE_S + 0.3
        assert await count(database) == 0


async def test_a_server_that_says_nothing_costs_each_who_asks_together_their_own_time(
    own_server: Process,
) -> None:
    async with (
        Database.open(own_server.url, name="silent", size=4) as database,
        Background.open() as background,
    ):

        async def read(asked: Sequence[int]) -> list[int | Exception]:
            await database.fetch("select 1")
            return list(asked)

        coalescer = Coalescer(read, background, name="read")
        await coalescer.ask(1)

        async def ask(*, after_s: float, within_s: float) -> tuple[Exception | None, float]:
            await asyncio.sleep(after_s)
            with within(within_s):
                return await error_of(coalescer.ask(1))

        signal_family(own_server, signal.SIGSTOP)
        try:
            patient, *hasty = await asyncio.gather(
                ask(after_s=0, within_s=3),
                ask(after_s=0, within_s=1),
                ask(after_s=0.1, within_s=1),
                ask(after_s=1.5, within_s=1),
            )
        finally:
            signal_family(own_server, signal.SIGCONT)

        assert all(isinstance(error, DeadlineExceeded) for error, _ in (patient, *hasty))
        assert 2.99 <= patient[1] < 3.2
        assert all(0.99 <= took_s < 1.2 for _, took_s in hasty)


async def test_a_change_whose_answer_is_lost_is_not_called_undone(own_server: Process) -> None:
    async with Database.open(own_server.url, name="silent", size=1) as database:
        await database.execute("create table things (id int primary key)")
        signal_family(own_server, signal.SIGSTOP)
        try:
            with within(1.05):
                error, took_s = await error_of(
                    database.execute("insert into things (id) values (1)")
                )
        finally:
            signal_family(own_server, signal.SIGCONT)

        assert isinstance(error, DatabaseError)
        assert took_s < 1.05 + GRACE_S + 0.2
