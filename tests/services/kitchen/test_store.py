"""The SQL of kitchen on a real PostgreSQL."""

from typing import TYPE_CHECKING

import msgspec

from ordereats.chassis.clock import SystemClock
from ordereats.chassis.context import Context
from ordereats.contracts.ids import OrderId, RestaurantId, TicketId
from ordereats.contracts.kitchen import TicketStatus
from ordereats.contracts.orders import OrderedDish
from ordereats.services.kitchen import store
from services.kitchen.conftest import paid

if TYPE_CHECKING:
    from services.kitchen.conftest import Kitchen

AT = Context("the-walk", traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")


async def test_what_was_inserted_is_found_as_it_was(kitchen: "Kitchen") -> None:
    dish = OrderedDish(99, 'Phở "đặc biệt" \\ 😋', options=("Cỡ: lớn",))
    async with kitchen.deps.database.transaction() as tx:
        made = await store.insert(tx, paid(items=(dish,)), accept_within_s=0.5, at=AT)

    assert made is not None
    assert await store.find(kitchen.deps.database, made.id) == made
    assert (made.items, made.correlation_id, made.traceparent) == (
        (dish,),
        AT.correlation_id,
        AT.traceparent,
    )
    assert (made.accept_by - made.created_at).total_seconds() == 0.5


async def test_everything_that_changes_is_saved(kitchen: "Kitchen") -> None:
    ticket_id = await kitchen.new()
    async with kitchen.deps.database.transaction() as tx:
        locked = await store.lock(tx, ticket_id)
        assert locked is not None
        changed = msgspec.structs.replace(
            locked.ticket,
            status=TicketStatus.ACCEPTED,
            prep_minutes=20,
            ready_at=SystemClock().now(),
            reason="because",
            version=7,
        )
        await store.save(tx, changed)

    assert await store.find(kitchen.deps.database, ticket_id) == changed


async def test_one_order_is_one_row(kitchen: "Kitchen") -> None:
    async with kitchen.deps.database.transaction() as tx:
        assert await store.insert(tx, paid(1), accept_within_s=1, at=AT) is not None
        assert await store.insert(tx, paid(1), accept_within_s=1, at=AT) is None
        assert await store.bar(tx, OrderId(1), RestaurantId(1), AT) is None
        assert await store.meet_bar(tx, OrderId(1)) is None
        barred = await store.bar(tx, OrderId(2), RestaurantId(1), AT)
        assert barred is not None
        assert await store.insert(tx, paid(2), accept_within_s=1, at=AT) is None
        assert await store.meet_bar(tx, OrderId(2)) == store.Bar(barred.id, 2)
        assert await store.lock_of_order(tx, OrderId(2)) is None


async def test_only_new_tickets_are_due_the_longest_over_first(kitchen: "Kitchen") -> None:
    for order_id, status, seconds in (
        (1, "new", -1),
        (2, "new", -9),
        (3, "new", 60),
        (4, "accepted", -99),
        (5, "new", 0),
    ):
        await kitchen.new(order_id)
        await kitchen.deps.database.execute(
            "update tickets set status = $2, accept_by = now() + make_interval(secs => $3)"
            " where order_id = $1",
            order_id,
            status,
            seconds,
        )

    async with kitchen.deps.database.transaction() as tx:
        first = await store.lock_due(tx, limit=2)
        every = await store.lock_due(tx, limit=9)

    assert [each.order_id for each in first] == [2, 1]
    assert [each.order_id for each in every] == [2, 1, 5]


async def test_a_page_is_of_one_restaurant_and_goes_on_after_an_id(kitchen: "Kitchen") -> None:
    await kitchen.hear(*(paid(each) for each in (1, 2, 3)))
    await kitchen.hear(paid(4, restaurant_id=RestaurantId(2)))
    await kitchen.accepted(5)
    database, here = kitchen.deps.database, RestaurantId(1)

    every = await store.page(database, here, None, after=0, limit=9)
    rest = await store.page(database, here, None, after=every[1].id, limit=1)
    new = await store.page(database, here, TicketStatus.NEW, after=0, limit=9)
    ended = await store.page(database, here, TicketStatus.EXPIRED, after=0, limit=9)

    assert [each.order_id for each in every] == [1, 2, 3, 5]
    assert [each.order_id for each in rest] == [3]
    assert [each.order_id for each in new] == [1, 2, 3]
    assert ended == []


async def test_what_is_not_there_is_not_found(kitchen: "Kitchen") -> None:
    assert await store.find(kitchen.deps.database, TicketId(99)) is None
    async with kitchen.deps.database.transaction() as tx:
        assert await store.lock(tx, TicketId(99)) is None
        assert await store.lock_of_order(tx, OrderId(99)) is None
