"""The SQL of orders on a real PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager

import msgspec
import pytest

from ordereats.chassis.clock import SystemClock
from ordereats.chassis.db.pool import Database
from ordereats.contracts.ids import OrderId, RestaurantId, UserId
from ordereats.contracts.money import Money
from ordereats.contracts.orders import OrderedItem, OrderStatus
from ordereats.services.orders import store
from ordereats.services.orders.domain import Order, decline, pay
from ordereats.services.orders.store import Filter

Tables = Callable[..., AbstractAsyncContextManager[Database]]


def an_order(order_id: int = 1, **changes: object) -> Order:
    order = Order(
        id=OrderId(order_id),
        user_id=UserId(1),
        restaurant_id=RestaurantId(1),
        items=(OrderedItem(name='Phở "đặc biệt" \\ 😋', qty=2), OrderedItem(name="Tea", qty=99)),
        total=Money(2550),
        status=OrderStatus.PENDING,
        version=1,
        created_at=SystemClock().now(),
    )
    return msgspec.structs.replace(order, **changes)


@pytest.fixture
async def database(tables: Tables) -> AsyncIterator[Database]:
    async with tables("orders") as database:
        yield database


async def insert(database: Database, *orders: Order) -> None:
    async with database.transaction() as tx:
        await store.insert(tx, orders)


async def test_what_was_inserted_is_found_as_it_was(database: Database) -> None:
    orders = [an_order(1), an_order(2, total=Money(1))]

    await insert(database, *orders)

    ids = [OrderId(2), OrderId(1), OrderId(9)]
    assert await store.some(database, ids) == {each.id: each for each in orders}


async def test_no_orders_at_all_are_fine(database: Database) -> None:
    await insert(database)

    assert await store.some(database, []) == {}
    assert await store.next_ids(database, 0) == []


async def test_ids_are_given_once(database: Database) -> None:
    given = await asyncio.gather(*(store.next_ids(database, 5) for _ in range(10)))

    ids = [each for some in given for each in some]
    assert sorted(ids) == [*range(1, 51)]


async def test_a_moved_order_is_saved_once_for_each_version(database: Database) -> None:
    placed = an_order()
    await insert(database, placed)
    paid, _ = pay(placed)
    declined, _ = decline(placed, "insufficient_funds")

    async with database.transaction() as tx:
        assert await store.save(tx, paid)
        assert not await store.save(tx, declined)

    assert (await store.some(database, [placed.id]))[placed.id] == paid


async def test_the_reason_of_a_decline_is_kept(database: Database) -> None:
    placed = an_order()
    await insert(database, placed)
    declined, _ = decline(placed, "insufficient_funds")

    async with database.transaction() as tx:
        assert await store.save(tx, declined)

    found = (await store.some(database, [placed.id]))[placed.id]
    assert found.decline_reason == "insufficient_funds"


async def test_a_locked_order_is_moved_by_nobody_else_until_the_end(database: Database) -> None:
    placed = an_order()
    await insert(database, placed)
    locked = asyncio.Event()
    moved: list[str] = []

    async def first() -> None:
        async with database.transaction() as tx:
            order = await store.lock(tx, placed.id)
            assert order is not None
            locked.set()
            await asyncio.sleep(0.1)
            moved.append("first")
            await store.save(tx, pay(order)[0])

    async def second() -> None:
        await locked.wait()
        async with database.transaction() as tx:
            order = await store.lock(tx, placed.id)
            assert order is not None
            moved.append(f"second sees {order.status}")

    await asyncio.gather(first(), second())

    assert moved == ["first", "second sees paid"]


async def test_an_order_that_is_not_there_can_not_be_locked(database: Database) -> None:
    async with database.transaction() as tx:
        assert await store.lock(tx, OrderId(99)) is None


async def test_a_page_keeps_to_its_filter_its_beginning_and_its_limit(database: Database) -> None:
    await insert(
        database,
        an_order(1),
        an_order(2, user_id=UserId(2)),
        an_order(3, restaurant_id=RestaurantId(2)),
        an_order(4, status=OrderStatus.PAID),
        an_order(5),
    )

    async def ids(which: Filter, after: int = 0, limit: int = 100) -> list[int]:
        return [each.id for each in await store.page(database, which, after=after, limit=limit)]

    assert await ids(Filter()) == [1, 2, 3, 4, 5]
    assert await ids(Filter(user_id=UserId(1))) == [1, 3, 4, 5]
    assert await ids(Filter(restaurant_id=RestaurantId(2))) == [3]
    assert await ids(Filter(status=OrderStatus.PAID)) == [4]
    assert await ids(Filter(UserId(1), RestaurantId(1), OrderStatus.PENDING)) == [1, 5]
    assert await ids(Filter(user_id=UserId(1)), after=1, limit=2) == [3, 4]
    assert await ids(Filter(user_id=UserId(99))) == []
