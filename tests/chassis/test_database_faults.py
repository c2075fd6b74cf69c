"""A database that is slow, cut off, killed or silent is an error in time, and heals by itself."""

import asyncio
import signal
from collections.abc import Awaitable
from time import monotonic

import pytest

from chassis.conftest import signal_family
from ordereats.chassis.db.pool import (
    CLIENT_TIMEOUT_S,
    LOCK_TIMEOUT_S,
    STATEMENT_TIMEOUT_S,
    Database,
    inside_transaction,
)
from ordereats.chassis.errors import DatabaseError
from ordereats.topology.local.part import Process
from support.builders import run_sql, until_true


class Regret(Exception):
    """Why a transaction is rolled back."""


async def count(database: Database) -> int:
    return len(await database.fetch("select from things"))


async def only_one(url: str) -> bool:
    """Look from outside whether the pool has a single connection."""
    rows = await run_sql(
        url, "select from pg_stat_activity where application_name = 'ordereats tests'"
    )
    return len(rows) == 1


async def test_the_server_ends_a_statement_that_takes_too_long_and_the_pool_goes_on(
    things: Database,
) -> None:
    await things.execute("insert into things (id) values (1)")
    started = monotonic()

    async def sleep() -> float:
        with pytest.raises(DatabaseError, match="QueryCanceledError"):
            await things.execute("select pg_sleep(60)")
        return monotonic() - started

    async def wait_for_lock() -> float:
        async with things.transaction() as tx:
            await tx.execute("update things set email = 'x' where id = 1")
            with pytest.raises(DatabaseError, match="LockNotAvailableError"):
                await things.execute("update things set email = 'y' where id = 1")
            return monotonic() - started

    slept_s, locked_s = await asyncio.gather(sleep(), wait_for_lock())

    assert STATEMENT_TIMEOUT_S <= slept_s < CLIENT_TIMEOUT_S
    assert LOCK_TIMEOUT_S <= locked_s < STATEMENT_TIMEOUT_S
    assert await count(things) == 1


async def test_a_cancelled_statement_drops_its_connection_and_leaks_none(
    things: Database, chassis_url: str
) -> None:
    for _ in range(25):  # more often than the pool is large

        async def change() -> None:
            async with asyncio.timeout(0.02):
                await things.execute("select pg_sleep(1)")

        with pytest.raises(TimeoutError):
            await change()

    assert await count(things) == 0
    # The server notices when the statement would have ended.
    await until_true(lambda: only_one(chassis_url), within_s=3)


async def test_a_connection_whose_statement_was_cancelled_is_never_used_again(
    chassis_url: str,
) -> None:
    async with Database.open(chassis_url, name="tests", size=1) as database:
        (before,) = await database.fetch("select pg_backend_pid() as pid")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await database.execute("select pg_sleep(1)")
        (after,) = await database.fetch("select pg_backend_pid() as pid")

    assert before["pid"] != after["pid"]


async def test_a_statement_that_is_cancelled_in_a_transaction_undoes_it_and_is_a_cancellation(
    things: Database,
) -> None:
    for _ in range(12):

        async def change() -> None:
            async with asyncio.timeout(0.05), things.transaction() as tx:
                await tx.execute("insert into things (id) values (1)")
                await tx.execute("select pg_sleep(4)")

        with pytest.raises(TimeoutError):
            await change()

    assert await count(things) == 0
    assert not inside_transaction()


async def test_a_block_that_is_cancelled_between_statements_is_rolled_back(
    things: Database,
) -> None:
    async def change() -> None:
        async with asyncio.timeout(0.1), things.transaction() as tx:
            await tx.execute("insert into things (id) values (1)")
            await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        await change()

    assert await count(things) == 0


async def test_a_connection_that_is_cut_under_a_transaction_is_a_database_error(
    things: Database, chassis_url: str
) -> None:
    async def change() -> None:
        async with things.transaction() as tx:
            await tx.execute("insert into things (id) values (1)")
            await _cut(chassis_url)
            await tx.execute("insert into things (id) values (2)")

    with pytest.raises(DatabaseError):
        await change()

    assert await count(things) == 0


async def test_one_that_is_cut_while_the_block_does_something_else_does_not_hide_its_error(
    things: Database, chassis_url: str
) -> None:
    async def change() -> None:
        async with things.transaction() as tx:
            await tx.execute("insert into things (id) values (1)")
            await _cut(chassis_url)
            await asyncio.sleep(0.05)
            raise Regret

    with pytest.raises(Regret):
        await change()

    assert await count(things) == 0


async def test_one_that_is_cut_before_the_commit_is_no_commit(
    things: Database, chassis_url: str
) -> None:
    seen: list[str] = []

    async def change() -> None:
        async with things.transaction() as tx:
            tx.after_commit(lambda: seen.append("committed"))
            await tx.execute("insert into things (id) values (1)")
            await _cut(chassis_url)
            await asyncio.sleep(0.05)

    with pytest.raises(DatabaseError):
        await change()

    assert seen == []
    assert await count(things) == 0


async def test_idle_connections_that_were_cut_cost_one_error_each_at_most(
    things: Database, chassis_url: str
) -> None:
    await asyncio.gather(*(count(things) for _ in range(10)))
    await _cut(chassis_url)
    await asyncio.sleep(0.05)

    assert await asyncio.gather(*(count(things) for _ in range(10))) == [0] * 10


async def test_callers_beyond_the_pools_size_wait_their_turn(things: Database) -> None:
    slow = "select pg_sleep(0.05)"

    await asyncio.gather(*(things.execute(slow) for _ in range(40)))


async def test_a_server_that_is_killed_is_an_error_in_time_and_heals_when_it_is_back(
    own_server: Process,
) -> None:
    async with Database.open(own_server.url, name="tests") as database:
        await database.execute("create table things (id int)")
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(_error(database.execute("select pg_sleep(4)")))
            await asyncio.sleep(0.1)
            await own_server.kill()
            assert isinstance(await running, DatabaseError)
        started = monotonic()
        errors = await asyncio.gather(*(_error(count(database)) for _ in range(30)))
        assert all(isinstance(each, DatabaseError) for each in errors)
        assert monotonic() - started < 5

        await own_server.start()

        assert await count(database) == 0


async def test_a_server_that_says_nothing_any_more_is_an_error_within_the_clients_limit(
    own_server: Process,
) -> None:
    async with Database.open(own_server.url, name="tests", size=3) as database:
        await database.execute("create table things (id int)")
        stopped = asyncio.Event()

        async def change() -> None:
            async with database.transaction() as tx:
                await tx.execute("insert into things (id) values (1)")
                signal_family(own_server, signal.SIGSTOP)
                stopped.set()
                await tx.execute("insert into things (id) values (2)")

        started = monotonic()
        async with asyncio.TaskGroup() as tasks:
            changing = tasks.create_task(_error(change()))
            await stopped.wait()
            try:
                reading = await asyncio.gather(*(_error(count(database)) for _ in range(2)))
                changed = await changing
                took_s = monotonic() - started
            finally:
                signal_family(own_server, signal.SIGCONT)
        assert all(isinstance(each, DatabaseError) for each in (*reading, changed))
        assert took_s < CLIENT_TIMEOUT_S + 1

        assert await count(database) == 0


async def test_closing_does_not_wait_for_a_server_that_is_gone(own_server: Process) -> None:
    started = monotonic()
    async with Database.open(own_server.url, name="tests") as database:
        await database.execute("select 1")
        await own_server.kill()

    assert monotonic() - started < 5


async def test_a_database_that_does_not_exist_is_an_error(own_server: Process) -> None:
    async with Database.open(f"{own_server.url}_not", name="tests") as database:
        with pytest.raises(DatabaseError, match="InvalidCatalogNameError"):
            await database.fetch_one("select 1")


async def _error(work: Awaitable[object]) -> Exception | None:
    try:
        await work
    except Exception as error:  # noqa: BLE001  # the test says which it has to be
        return error
    return None


async def _cut(url: str) -> None:
    await run_sql(
        url,
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where application_name = 'ordereats tests' and datname = current_database()",
    )
