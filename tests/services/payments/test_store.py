"""The SQL of payments on a real PostgreSQL: only who holds the lease may settle."""

from typing import TYPE_CHECKING

from ordereats.chassis.clock import SystemClock
from ordereats.contracts.ids import OrderId, PaymentId
from ordereats.services.payments.domain.payments import Authorized, take_over
from ordereats.services.payments.store import payments as store

if TYPE_CHECKING:
    from services.payments.conftest import Till


async def test_what_was_requested_is_leased_in_the_order_of_its_time(till: "Till") -> None:
    await till.hear(1, 2, 3)
    lease = SystemClock().new_id()

    first = await store.lease_due(till.deps.database, lease=lease, for_s=10, limit=2)
    rest = await store.lease_due(till.deps.database, lease=lease, for_s=10, limit=2)

    assert sorted(each.order_id for each in first) == [1, 2]
    assert [each.order_id for each in rest] == [3]
    assert {each.attempts for each in (*first, *rest)} == {1}
    assert first[0].correlation_id == "walk-1"


async def test_only_who_holds_the_lease_may_settle(till: "Till") -> None:
    await till.hear(1)
    database, mine, other = till.deps.database, SystemClock().new_id(), SystemClock().new_id()
    (payment,) = await store.lease_due(database, lease=mine, for_s=10, limit=1)

    async with database.transaction() as tx:
        assert await store.lock_leased(tx, payment.id, lease=other) is None
        held = await store.lock_leased(tx, payment.id, lease=mine)
        assert held == payment
        (move,) = take_over(held, Authorized("pi_1"))
        await store.settle(tx, move.payment, is_due=False)
        assert await store.lock_leased(tx, payment.id, lease=mine) is None

    assert await store.find(database, payment.id) == move.payment


async def test_what_changes_meanwhile_leaves_the_lease_to_who_holds_it(till: "Till") -> None:
    await till.hear(1)
    database, mine = till.deps.database, SystemClock().new_id()
    (payment,) = await store.lease_due(database, lease=mine, for_s=10, limit=1)

    async with database.transaction() as tx:
        await store.change(tx, payment, is_due=True)

    row = await till.payment()
    assert row["lease"] == mine
    assert row["pause_s"] > 5


async def test_who_has_lost_the_lease_postpones_nothing(till: "Till") -> None:
    await till.hear(1)
    database, mine, other = till.deps.database, SystemClock().new_id(), SystemClock().new_id()
    (payment,) = await store.lease_due(database, lease=mine, for_s=10, limit=1)

    await store.postpone(database, payment.id, lease=other, by_s=0, error="late")

    assert (await till.payment())["pause_s"] > 5
    await store.postpone(database, payment.id, lease=mine, by_s=0, error="lost")
    assert (await till.payment())["pause_s"] <= 0


async def test_what_is_not_there_is_not_found(till: "Till") -> None:
    assert await store.find(till.deps.database, PaymentId(99)) is None
    assert await store.of_order(till.deps.database, OrderId(99)) == []
