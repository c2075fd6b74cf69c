"""Migrations: each step once, in order, whoever starts when, and nobody waits behind them."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from time import monotonic

import asyncpg
import pytest

from ordereats.chassis.db.migrations import MigrationSet, migrate, missing
from ordereats.chassis.db.pool import Database
from ordereats.chassis.errors import DatabaseError, Misconfigured
from ordereats.topology import catalog, loading
from ordereats.topology.local.part import Process, free_ports
from ordereats.topology.local.postgres import Postgres
from support.builders import run_sql, until_true

Steps = Callable[..., MigrationSet]


@pytest.fixture
def steps(tmp_path: Path) -> Steps:
    """Call with the SQL of each step, to make a set of them."""

    def make(*sql: str, owner: str = "things") -> MigrationSet:
        folder = tmp_path / owner
        folder.mkdir(exist_ok=True)
        for old in folder.iterdir():
            old.unlink()
        for number, text in enumerate(sql, start=1):
            (folder / f"{number:04}_step.sql").write_text(text)
        return MigrationSet(owner, folder)

    return make


THINGS = "create table things (id int primary key);"


async def test_each_step_is_applied_once(database_url: str, steps: Steps) -> None:
    first, both = steps(THINGS), (THINGS, "insert into things values (1);")

    assert await migrate(database_url, [first]) == 1
    assert await migrate(database_url, [first]) == 0
    assert await migrate(database_url, [steps(*both)]) == 1
    assert await migrate(database_url, [steps(*both)]) == 0

    assert len(await run_sql(database_url, "select from things")) == 1


async def test_what_the_program_ships_can_be_applied_twice(database_url: str) -> None:
    sets = loading.migrations(catalog.SERVICES)

    assert await migrate(database_url, sets) > len(catalog.SERVICES)
    assert await migrate(database_url, sets) == 0


async def test_many_at_once_apply_each_step_once(database_url: str, steps: Steps) -> None:
    which = [steps(THINGS, "insert into things values (1);", "update things set id = id + 1;")]

    applied = await asyncio.gather(*(migrate(database_url, which) for _ in range(8)))

    assert sorted(applied) == [0] * 7 + [3]
    (row,) = await run_sql(database_url, "select id from things")
    assert row["id"] == 2


async def test_sets_are_applied_in_their_order_and_know_nothing_of_one_another(
    database_url: str, steps: Steps
) -> None:
    first = steps(THINGS, owner="first")
    second = steps("insert into things values (1);", owner="second")

    assert await migrate(database_url, [first, second]) == 2
    assert await migrate(database_url, [second]) == 0


async def test_a_step_that_fails_leaves_nothing_behind_and_those_before_it_stay(
    database_url: str, steps: Steps
) -> None:
    broken = steps(THINGS, "insert into things values (1); select 1 / 0;")

    with pytest.raises(DatabaseError, match="DivisionByZeroError"):
        await migrate(database_url, [broken])

    assert await run_sql(database_url, "select from things") == []
    assert await migrate(database_url, [steps(THINGS, "insert into things values (1);")]) == 1


async def test_a_step_that_was_changed_after_it_was_applied_is_refused(
    database_url: str, steps: Steps
) -> None:
    await migrate(database_url, [steps(THINGS)])

    with pytest.raises(Misconfigured, match="Step 0001 of things was changed"):
        await migrate(database_url, [steps(f"{THINGS} -- harmless?", "drop table things;")])

    assert await run_sql(database_url, "select from things") == []


async def test_a_database_of_a_newer_version_is_fine_so_that_one_can_go_back(
    database_url: str, steps: Steps
) -> None:
    await migrate(database_url, [steps(THINGS, "alter table things add name text;")])

    assert await migrate(database_url, [steps(THINGS)]) == 0


async def test_a_step_that_takes_something_away_says_which_versions_it_shuts_out(
    database_url: str, steps: Steps
) -> None:
    added = "alter table things add name text;"
    taken = "-- needs 0002\nalter table things alter column id drop default;"
    await migrate(database_url, [steps(THINGS, added, taken)])

    assert await migrate(database_url, [steps(THINGS, added)]) == 0
    with pytest.raises(Misconfigured, match=r"has step 0003 of things, .* knows step 0002; this"):
        await migrate(database_url, [steps(THINGS)])


async def test_the_steps_of_earlier_releases_are_known_and_their_table_stays_as_it_was(
    database_url: str, steps: Steps
) -> None:
    await migrate(database_url, [steps(THINGS)])
    await run_sql(database_url, "alter table schema_steps drop column needs")
    await run_sql(database_url, "alter table schema_steps rename to schema_migrations")

    applied = await migrate(database_url, [steps(THINGS, "alter table things add name text;")])

    assert applied == 1
    earlier = await run_sql(database_url, "select version from schema_migrations")
    assert [row["version"] for row in earlier] == [1]


async def test_a_running_program_can_tell_which_steps_its_database_lacks(
    database_url: str, steps: Steps
) -> None:
    await migrate(database_url, [steps(THINGS)])
    newer = steps(THINGS, "alter table things add name text;")

    async with Database.open(database_url, name="tests") as database:
        assert await missing(database, [newer]) == ["things/0002"]
        await migrate(database_url, [newer])
        assert await missing(database, [newer]) == []


async def test_a_step_that_waits_for_a_lock_lets_others_pass_and_comes_back(
    database_url: str, steps: Steps
) -> None:
    await migrate(database_url, [steps(THINGS)])
    holder = await asyncpg.connect(database_url)
    reader = await asyncpg.connect(database_url)
    transaction = holder.transaction()
    await transaction.start()
    await holder.execute("select from things")

    async with asyncio.TaskGroup() as tasks:
        altering = tasks.create_task(
            migrate(database_url, [steps(THINGS, "alter table things add name text;")])
        )
        await _until_someone_waits(reader)
        started = monotonic()
        await reader.execute("select from things")
        assert monotonic() - started < 6
        assert not altering.done()
        await transaction.commit()
        async with asyncio.timeout(8):
            assert await altering == 1

    await holder.close()
    await reader.close()


async def test_a_lock_that_is_never_given_up_is_an_error_in_time(
    database_url: str, steps: Steps
) -> None:
    await migrate(database_url, [steps(THINGS)])
    holder = await asyncpg.connect(database_url)
    transaction = holder.transaction()
    await transaction.start()
    await holder.execute("select from things")

    with pytest.raises(DatabaseError, match=r"not migrated in 0\.1 s"):
        await migrate(database_url, [steps(THINGS, "drop table things;")], patience_s=0.1)

    await transaction.rollback()
    await holder.close()


async def test_another_program_that_migrates_for_ever_is_not_waited_for_for_ever(
    database_url: str, steps: Steps
) -> None:
    other = await asyncpg.connect(database_url)
    await other.execute("select pg_advisory_lock(7234001)")
    started = monotonic()

    with pytest.raises(DatabaseError, match=r"for all of 0\.3 s another program was migrating"):
        await migrate(database_url, [steps(THINGS)], patience_s=0.3)

    assert monotonic() - started < 2
    await other.close()
    assert await migrate(database_url, [steps(THINGS)]) == 1


async def test_a_database_that_is_still_starting_is_waited_for(
    postgres: Postgres, open_folder: Path, steps: Steps
) -> None:
    part = postgres.part("postgres", folder=open_folder.name, port=free_ports(1)[0])
    server = Process(part, open_folder / "postgres.log")

    async with asyncio.TaskGroup() as tasks:
        migrating = tasks.create_task(migrate(server.url, [steps(THINGS)]))
        await asyncio.sleep(0.1)
        assert not migrating.done()
        await server.start()
        assert await migrating == 1

    await server.kill()


async def test_one_that_never_starts_is_an_error_in_time(steps: Steps) -> None:
    nobody = f"postgres://me:secret@127.0.0.1:{free_ports(1)[0]}/none"

    with pytest.raises(DatabaseError, match=r"not migrated in 0\.2 s") as error:
        await migrate(nobody, [steps(THINGS)], patience_s=0.2)

    assert "secret" not in str(error.value)


async def test_a_wrong_password_is_an_error_at_once(database_url: str, steps: Steps) -> None:
    started = monotonic()

    with pytest.raises(DatabaseError, match="InvalidPasswordError"):
        await migrate(database_url.replace("://ordereats:", "://ordereats:not-"), [steps(THINGS)])

    assert monotonic() - started < 3


async def test_one_that_is_killed_while_migrating_leaves_no_lock_and_no_half_step(
    database_url: str, steps: Steps
) -> None:
    slow = "insert into things values (1); select pg_sleep(1);"
    async with asyncio.TaskGroup() as tasks:
        migrating = tasks.create_task(migrate(database_url, [steps(THINGS, slow)]))
        made = "select where to_regclass('things') is not null"
        await until_true(lambda: run_sql(database_url, made))
        migrating.cancel()

    async with asyncio.timeout(4):
        assert await migrate(database_url, [steps(THINGS, "insert into things values (2);")]) == 1
    assert [row["id"] for row in await run_sql(database_url, "select id from things")] == [2]


async def _until_someone_waits(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    waiting = "select from pg_locks where relation = 'things'::regclass and not granted"
    await until_true(lambda: connection.fetch(waiting))
