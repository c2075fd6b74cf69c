"""The SQL of notifications on a real PostgreSQL."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from ordereats.chassis.clock import SystemClock
from ordereats.chassis.db.pool import Database
from ordereats.contracts.ids import OrderId, RestaurantId, UserId
from ordereats.contracts.restaurants import RestaurantChanged
from ordereats.contracts.users import UserCreated
from ordereats.services.notifications import store
from ordereats.services.notifications.domain import Told

Tables = Callable[..., AbstractAsyncContextManager[Database]]


async def test_names_are_known_as_far_as_they_were_heard(tables: Tables) -> None:
    async with tables("notifications") as database:
        assert await store.names(database, UserId(1), RestaurantId(1)) == (None, None)
        async with database.transaction() as tx:
            await store.meet(tx, UserCreated(UserId(1), "Hieu", "hieu@test.com"))
        assert await store.names(database, UserId(1), RestaurantId(1)) == ("Hieu", None)
        async with database.transaction() as tx:
            await store.learn(tx, RestaurantChanged(RestaurantId(1), "Pho", None))
            await store.learn(tx, RestaurantChanged(RestaurantId(1), "Pho Saigon", None))
        assert await store.names(database, UserId(1), RestaurantId(1)) == ("Hieu", "Pho Saigon")


async def test_one_fact_is_noted_once_for_each_person(tables: Tables) -> None:
    told = Told(UserId(1), OrderId(1), "paid", "Paid", "It is paid.")
    now = SystemClock().now()

    async with tables("notifications") as database:
        for _ in range(2):
            async with database.transaction() as tx:
                await store.add(tx, told, at=now)
        (noted,) = await store.page(database, UserId(1), after=0, limit=10)

    assert (noted.subject, noted.text, noted.created_at) == ("Paid", "It is paid.", now)
