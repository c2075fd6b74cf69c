"""The SQL of users on a real PostgreSQL."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from ordereats.chassis.clock import SystemClock
from ordereats.chassis.db.pool import Database
from ordereats.contracts.ids import UserId
from ordereats.contracts.users import User
from ordereats.services.users import store

Tables = Callable[..., AbstractAsyncContextManager[Database]]


def a_user(user_id: int, email: str = "hieu@test.com") -> User:
    return User(UserId(user_id), "Hieu", email, SystemClock().now())


async def test_ids_begin_with_1_and_nobody_gets_one_twice(tables: Tables) -> None:
    async with tables("users") as database:
        assert [await store.next_id(database) for _ in range(3)] == [1, 2, 3]


async def test_what_was_inserted_is_found_as_it_was(tables: Tables) -> None:
    user = a_user(7)

    async with tables("users") as database:
        assert await store.insert(database, user)
        found = await store.some(database, [UserId(6), UserId(7)])

    assert found == {7: user}


async def test_an_email_is_taken_in_any_case_of_its_letters(tables: Tables) -> None:
    async with tables("users") as database:
        assert await store.insert(database, a_user(1, "Hieu@Test.com"))

        assert not await store.insert(database, a_user(2, "hIEU@tEST.COM"))
        assert await store.insert(database, a_user(3, "hieu+1@test.com"))


async def test_nobody_is_found_among_none(tables: Tables) -> None:
    async with tables("users") as database:
        assert await store.some(database, []) == {}
