"""A transaction happens whole or not at all, and what goes wrong says so without data."""

import pytest

from ordereats.chassis.db.pool import (
    Database,
    inside_transaction,
)
from ordereats.chassis.errors import DatabaseError


class Regret(Exception):
    """Why a transaction is rolled back."""


async def count(database: Database) -> int:
    return len(await database.fetch("select from things"))


async def test_a_block_that_ends_is_committed(things: Database) -> None:
    async with things.transaction() as tx:
        await tx.execute("insert into things (id) values (1)")
        assert await count(things) == 0

    assert await count(things) == 1


async def test_a_block_that_raises_is_rolled_back_and_its_error_comes_through(
    things: Database,
) -> None:
    async def change() -> None:
        async with things.transaction() as tx:
            await tx.execute("insert into things (id) values (1)")
            raise Regret

    with pytest.raises(Regret):
        await change()

    assert await count(things) == 0
    async with things.transaction() as tx:  # on the same connection
        await tx.execute("insert into things (id) values (2)")
    assert await count(things) == 1


async def test_a_statement_that_fails_ends_the_transaction(things: Database) -> None:
    async def change() -> None:
        async with things.transaction() as tx:
            await tx.execute("insert into things (id) values (1)")
            await tx.execute("insert into things (id) values (1)")

    with pytest.raises(DatabaseError, match="UniqueViolationError"):
        await change()

    assert await count(things) == 0


async def test_what_follows_a_commit_is_called_after_it_and_only_then(things: Database) -> None:
    seen: list[str] = []

    async with things.transaction() as tx:
        tx.after_commit(lambda: seen.append("committed"))
        assert seen == []

    async def change() -> None:
        async with things.transaction() as tx:
            tx.after_commit(lambda: seen.append("rolled back"))
            raise Regret

    with pytest.raises(Regret):
        await change()

    assert seen == ["committed"]


async def test_a_commit_that_fails_calls_nothing_and_is_an_error(things: Database) -> None:
    await things.execute(
        "alter table things add parent int references things deferrable initially deferred"
    )
    seen: list[str] = []

    async def change() -> None:
        async with things.transaction() as tx:
            tx.after_commit(lambda: seen.append("committed"))
            await tx.execute("insert into things (id, parent) values (1, 2)")

    with pytest.raises(DatabaseError, match="ForeignKeyViolationError"):
        await change()

    assert seen == []
    assert await count(things) == 0


async def test_execute_says_how_many_rows_it_touched(things: Database) -> None:
    assert await things.execute("insert into things select generate_series(1, 5)") == 5
    assert await things.execute("update things set email = null where id > 3") == 2
    assert await things.execute("delete from things where false") == 0
    assert await things.execute("create table others (id int)") == 0


async def test_an_errors_text_quotes_no_row(things: Database) -> None:
    insert = "insert into things (id, email) values ($1, 'hieu@test.com')"
    await things.execute(insert, 1)

    with pytest.raises(DatabaseError) as unique:
        await things.execute(insert, 2)

    assert "things_email_key" in str(unique.value)
    assert "hieu" not in str(unique.value)
    assert unique.value.__suppress_context__


async def test_a_row_that_can_not_be_is_not_quoted_either(things: Database) -> None:
    await things.execute("alter table things add check (email not like '%@%')")

    with pytest.raises(DatabaseError) as check:
        await things.execute("insert into things (id, email) values (1, 'hieu@test.com')")

    assert "hieu" not in str(check.value)


async def test_an_argument_of_the_wrong_type_is_a_database_error(things: Database) -> None:
    with pytest.raises(DatabaseError):
        await things.fetch("select from things where id = $1", "one")


async def test_code_knows_whether_it_stands_inside_a_transaction(things: Database) -> None:
    assert not inside_transaction()
    async with things.transaction():
        assert inside_transaction()

    async def change() -> None:
        async with things.transaction():
            raise Regret

    with pytest.raises(Regret):
        await change()
    assert not inside_transaction()
