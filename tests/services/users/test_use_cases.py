"""Users: the person and the fact that they are known are stored together."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial

import pytest

from ordereats.chassis.background import Background
from ordereats.chassis.clock import SystemClock
from ordereats.chassis.coalescing import Coalescer
from ordereats.chassis.db.pool import Database
from ordereats.chassis.errors import NotFound
from ordereats.chassis.http.idempotency import Answers
from ordereats.chassis.messaging.outbox import Outbox
from ordereats.contracts.ids import UserId
from ordereats.contracts.users import RegisterUser, UserCreated
from ordereats.contracts.wire import decode
from ordereats.services.users import use_cases
from ordereats.services.users.use_cases import Deps, EmailTaken
from support.builders import nothing

Tables = Callable[..., AbstractAsyncContextManager[Database]]


@pytest.fixture
async def deps(tables: Tables) -> AsyncIterator[Deps]:
    async with tables("users") as database, Background.open() as background:
        yield Deps(
            database=database,
            outbox=Outbox("users", SystemClock(), nothing),
            answers=Answers(database),
            clock=SystemClock(),
            found=Coalescer(partial(use_cases.find, database), background, name="found"),
        )


async def test_the_fact_stands_in_the_outbox_with_the_person(deps: Deps) -> None:
    user = await use_cases.register(deps, RegisterUser(name="Hieu", email="Hieu@test.com"))

    (row,) = await deps.database.fetch("select * from outbox")
    assert (row["subject"], row["version"], row["source"]) == (f"user/{user.id}", 1, "users")
    fact = decode(row["data"].encode(), UserCreated)
    assert fact == UserCreated(user.id, "Hieu", "Hieu@test.com")
    assert await use_cases.get(deps, user.id) == user


async def test_who_is_refused_leaves_neither_person_nor_fact(deps: Deps) -> None:
    command = RegisterUser(name="Hieu", email="hieu@test.com")
    await use_cases.register(deps, command)

    with pytest.raises(EmailTaken):
        await use_cases.register(deps, command)

    assert len(await deps.database.fetch("select from users")) == 1
    assert len(await deps.database.fetch("select from outbox")) == 1


async def test_several_are_found_at_once_each_or_why_not(deps: Deps) -> None:
    user = await use_cases.register(deps, RegisterUser(name="Hieu", email="hieu@test.com"))

    nobody, found, again = await use_cases.find(deps.database, [UserId(99), user.id, user.id])

    assert isinstance(nobody, NotFound)
    assert found == again == user
