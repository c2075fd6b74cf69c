"""The SQL of orders on a real PostgreSQL."""

import asyncio
from datetime import timedelta

import msgspec
import pytest

from ordereats.chassis.context import Context
from ordereats.chassis.db.pool import Database
from ordereats.chassis.errors import DatabaseError
from ordereats.contracts.ids import OrderId, RestaurantId, UserId
from ordereats.contracts.orders import CancelledBy, OrderStatus, TimelineEntry
from ordereats.services.orders import domain, store
from ordereats.services.orders.domain import Order
from ordereats.services.orders.store import Filter
from services.orders.facts import LATER, NOW, READY_AT, RULES, WAYS
from services.orders.facts import an_order as any_order
from support.builders import run_sql

HALF_AN_HOUR = timedelta(minutes=30)
AT = Context("the-walk", traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")


def an_order(order_id: int = 1, **changes: object) -> Order:
    return msgspec.structs.replace(any_order(), id=OrderId(order_id), **changes)


async def insert(database: Database, *orders: Order) -> None:
    async with database.transaction() as tx:
        await store.insert(tx, [(order, AT) for order in orders])


async def save(database: Database, order: Order) -> bool:
    async with database.transaction() as tx:
        return await store.save(tx, order)


async def found(database: Database, order: Order) -> Order:
    return (await store.some(database, [order.id]))[order.id]


async def test_what_was_inserted_is_found_as_it_was(database: Database) -> None:
    orders = [an_order(1), an_order(2, deliver_to=None, pick_up=None, notes=None, due_at=None)]

    await insert(database, *orders)

    ids = [OrderId(2), OrderId(1), OrderId(9)]
    assert await store.some(database, ids) == {each.id: each for each in orders}


async def test_no_orders_at_all_are_fine(database: Database) -> None:
    await insert(database)

    assert await store.some(database, []) == {}
    assert await store.next_ids(database, 0) == []
    assert await store.moves_since(database, []) == []


async def test_ids_are_given_once(database: Database) -> None:
    given = await asyncio.gather(*(store.next_ids(database, 5) for _ in range(10)))

    ids = [each for some in given for each in some]
    assert sorted(ids) == [*range(1, 51)]


async def test_the_database_too_refuses_a_total_that_is_not_the_sum_of_its_parts(
    database: Database, database_url: str
) -> None:
    await insert(database, an_order())

    with pytest.raises(Exception, match="orders_total_is_its_parts"):
        await run_sql(database_url, "update orders set tip_minor = tip_minor + 1")


@pytest.mark.parametrize("status", OrderStatus)
async def test_an_order_is_found_as_it_was_saved_on_its_whole_way(
    database: Database, status: OrderStatus
) -> None:
    order = an_order()
    await insert(database, order)

    for to in WAYS[status]:
        order, _ = RULES[to](order, now=LATER)
        assert await save(database, order)

    assert await found(database, order) == order
    timeline = await store.timeline(database, order.id)
    assert [each.status for each in timeline] == [OrderStatus.PENDING, *WAYS[status]]
    assert [each.version for each in timeline] == [*range(1, order.version + 1)]


async def test_a_timeline_says_when_and_why(database: Database) -> None:
    placed = an_order()
    await insert(database, placed)

    await save(database, domain.decline(placed, "insufficient_funds", now=LATER)[0])

    assert await store.timeline(database, placed.id) == [
        TimelineEntry(placed.id, 1, OrderStatus.PENDING, NOW),
        TimelineEntry(placed.id, 2, OrderStatus.DECLINED, LATER, "insufficient_funds"),
    ]
    assert await store.timeline(database, OrderId(99)) == []


async def test_a_moved_order_is_saved_once_for_each_version(database: Database) -> None:
    placed = an_order()
    await insert(database, placed)
    paid, _ = domain.pay(placed, HALF_AN_HOUR, now=LATER)
    declined, _ = domain.decline(placed, "insufficient_funds", now=LATER)

    assert await save(database, paid)
    assert not await save(database, declined)

    assert await found(database, placed) == paid
    assert len(await store.timeline(database, placed.id)) == 2


async def test_a_move_and_its_line_of_the_history_are_stored_together_or_not_at_all(
    database: Database,
) -> None:
    placed = an_order()
    await insert(database, placed)

    async def save_and_fail() -> None:
        async with database.transaction() as tx:
            await store.save(tx, domain.pay(placed, HALF_AN_HOUR, now=LATER)[0])
            await tx.execute("select 1 / 0")

    with pytest.raises(DatabaseError):
        await save_and_fail()

    assert await found(database, placed) == placed
    assert len(await store.timeline(database, placed.id)) == 1


async def test_of_two_who_save_the_same_version_at_once_one_does(database: Database) -> None:
    placed = an_order()
    await insert(database, placed)
    paid, _ = domain.pay(placed, HALF_AN_HOUR, now=LATER)
    cancelled, _ = domain.cancel(placed, CancelledBy.CUSTOMER, None, now=LATER)

    saved = await asyncio.gather(*(save(database, each) for each in [paid, cancelled] * 5))

    assert saved.count(True) == 1
    assert await found(database, placed) in {paid, cancelled}


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
            await store.save(tx, domain.pay(order, HALF_AN_HOUR, now=LATER)[0])

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


async def test_what_is_due_is_what_is_pending_too_long_with_the_request_behind_it(
    database: Database,
) -> None:
    due = an_order(1, due_at=NOW)
    in_time = an_order(2, due_at=NOW + timedelta(days=100_000))
    paid, _ = domain.pay(an_order(3, due_at=NOW), HALF_AN_HOUR, now=LATER)
    await insert(database, due, in_time, an_order(3, due_at=NOW))
    await save(database, paid)

    async with database.transaction() as tx:
        assert await store.lock_unpaid(tx, limit=10) == [(due, AT)]
        async with database.transaction() as another:
            assert await store.lock_unpaid(another, limit=10) == []


async def test_a_wish_is_no_move(database: Database) -> None:
    placed = an_order()
    await insert(database, placed)

    await store.note_wish(database, placed.id, CancelledBy.CUSTOMER, "ordered twice")

    assert await found(database, placed) == msgspec.structs.replace(
        placed, wish="ordered twice", wish_by=CancelledBy.CUSTOMER
    )


async def test_unanswered_is_what_is_paid_too_long_and_one_process_has_it(
    database: Database,
) -> None:
    await insert(database, *(an_order(each) for each in (1, 2)), an_order(3, due_at=NOW))
    late, _ = domain.pay(an_order(1), timedelta(0), now=NOW)
    await save(database, late)
    await save(database, domain.pay(an_order(2), timedelta(days=100_000), now=NOW)[0])

    taken = await asyncio.gather(
        *(store.lease_unanswered(database, for_s=60, limit=10) for _ in range(5))
    )

    ((order, at),) = [each for some in taken for each in some]
    assert (order.id, order.version, at) == (1, 2, AT)
    assert order.due_at is not None
    assert order.due_at > NOW + timedelta(seconds=60)


async def test_the_moves_since_a_version_are_those_of_the_orders_that_are_asked_for(
    database: Database,
) -> None:
    orders = [an_order(1), an_order(2), an_order(3)]
    await insert(database, *orders)
    for order in orders:
        paid, _ = domain.pay(order, HALF_AN_HOUR, now=LATER)
        accepted, _ = domain.accept(paid, READY_AT, now=LATER)
        await save(database, paid)
        await save(database, accepted)

    moves = await store.moves_since(database, [(OrderId(1), 1), (OrderId(2), 2), (OrderId(9), 1)])

    assert [(each.order_id, each.version, each.status.value) for each in moves] == [
        (1, 2, "paid"),
        (1, 3, "accepted"),
        (2, 3, "accepted"),
    ]


async def test_a_page_keeps_to_its_filter_its_beginning_and_its_limit(database: Database) -> None:
    await insert(
        database,
        an_order(1),
        an_order(2, user_id=UserId(2)),
        an_order(3, restaurant_id=RestaurantId(7)),
        an_order(4, status=OrderStatus.PAID),
        an_order(5),
    )

    async def ids(which: Filter, after: int = 0, limit: int = 100) -> list[int]:
        return [each.id for each in await store.page(database, which, after=after, limit=limit)]

    assert await ids(Filter()) == [1, 2, 3, 4, 5]
    assert await ids(Filter(user_id=UserId(1))) == [1, 3, 4, 5]
    assert await ids(Filter(restaurant_id=RestaurantId(7))) == [3]
    assert await ids(Filter(status=OrderStatus.PAID)) == [4]
    assert await ids(Filter(UserId(1), RestaurantId(2), OrderStatus.PENDING)) == [1, 5]
    assert await ids(Filter(user_id=UserId(1)), after=1, limit=2) == [3, 4]
    assert await ids(Filter(user_id=UserId(99))) == []


async def test_each_state_is_found_by_an_index(database: Database) -> None:
    rows = await database.fetch("select indexdef from pg_indexes where tablename = 'orders'")

    indexes = " ".join(row["indexdef"] for row in rows)
    for wanted in ("(status, id)", "(user_id, id)", "(restaurant_id, id)", "(due_at)"):
        assert wanted in indexes
