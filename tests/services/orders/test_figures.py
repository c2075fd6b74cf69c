"""Orders counts each move once, after its commit, and says what is open now."""

from contextlib import suppress
from datetime import timedelta
from functools import partial

import msgspec

from ordereats.contracts.orders import CancelledBy, CancelOrder, OrderStatus
from ordereats.services.orders import domain, store
from ordereats.services.orders.use_cases import moving
from ordereats.services.orders.use_cases.figures import WHYS, Figures, open_orders, why
from services.orders.conftest import Desk
from services.orders.facts import LATER, NOW, RULES, SAID, an_order
from support.scrapes import counted, scraped

MANY_DELIVERED = """
insert into orders (
    user_id, restaurant_id, items, subtotal_minor, delivery_fee_minor, service_fee_minor,
    tip_minor, tax_included_minor, total_minor, currency, status, version, created_at, updated_at,
    correlation_id
)
select 1, 2, '[]', 1, 0, 0, 0, 0, 1, 'EUR',
    case when number % 10 = 0 then 'paid' else 'delivered' end, 1, now(), now(), 'a-walk'
from generate_series(1, 20000) as number
"""


class _Mistake(Exception):
    """After the move, before the commit."""


async def test_each_move_of_an_order_is_counted_once(desk: Desk) -> None:
    order_id = await desk.brought_to(OrderStatus.DELIVERED)
    await desk.hear(SAID[OrderStatus.DELIVERED](order_id))  # again
    cancelled = await desk.place()
    await moving.cancel(desk.deps, cancelled, CancelOrder(CancelledBy.OPERATOR))

    values = await scraped(desk.deps.figures.sources(desk.deps.database))

    assert counted(values, "order_moves_total") == {
        ("pending",): 2,
        ("paid",): 1,
        ("accepted",): 1,
        ("ready",): 1,
        ("picked_up",): 1,
        ("delivered",): 1,
        ("cancelled",): 1,
    }
    assert counted(values, "orders_ended_total") == {
        ("delivered", "delivered"): 1,
        ("cancelled", "operator"): 1,
    }
    assert values["order_click_to_door_seconds_count", ()] == 1
    assert values["order_status_seconds_count", ("paid", "accepted")] == 1
    assert values["order_status_seconds_count", ("pending", "cancelled")] == 1


async def test_how_long_a_state_lasted_is_from_move_to_move(desk: Desk) -> None:
    figures, paid = Figures(), an_order(OrderStatus.PAID)
    accepted = msgspec.structs.replace(paid, status=OrderStatus.ACCEPTED, updated_at=LATER)
    figures.moved(paid, accepted)
    delivered = msgspec.structs.replace(
        accepted, status=OrderStatus.DELIVERED, updated_at=NOW + timedelta(minutes=31)
    )
    figures.moved(accepted, delivered)

    values = await scraped(figures.sources(desk.deps.database))

    assert values["order_status_seconds_sum", ("paid", "accepted")] == 60
    assert values["order_click_to_door_seconds_sum", ()] == 31 * 60


async def test_what_was_rolled_back_is_not_counted(desk: Desk) -> None:
    order_id = await desk.place()
    with suppress(_Mistake):
        async with desk.deps.database.transaction() as tx:
            await moving.hear(desk.deps, tx, order_id, OrderStatus.PAID, RULES[OrderStatus.PAID])
            raise _Mistake
    assert (await desk.get(order_id)).status is OrderStatus.PENDING

    values = await scraped(desk.deps.figures.sources(desk.deps.database))

    assert counted(values, "order_moves_total") == {("pending",): 1}


async def test_what_is_open_is_counted_with_its_oldest_and_ends_are_not(desk: Desk) -> None:
    await desk.brought_to(OrderStatus.DELIVERED)
    for _ in range(2):
        order_id = await desk.brought_to(OrderStatus.PAID)
    await desk.deps.database.execute(
        "update orders set updated_at = now() - interval '7 minutes' where id = $1", order_id
    )

    values = await scraped([partial(open_orders, desk.deps.database)])

    assert counted(values, "orders_open") == {("paid",): 2}
    assert values["orders_open", ("pending",)] == 0
    assert 420 <= values["orders_oldest_seconds", ("paid",)] < 480
    assert {labels for name, labels in values if name == "orders_open"} == {
        (each.value,) for each in OrderStatus if each not in domain.ENDS
    }


async def test_counting_what_is_open_costs_nothing_for_what_is_over(desk: Desk) -> None:
    await desk.deps.database.execute(MANY_DELIVERED)
    await desk.deps.database.execute("analyze orders")
    statuses = [each.value for each in OrderStatus if each not in domain.ENDS]

    plan = await desk.deps.database.fetch(f"explain {store._OPEN}", statuses, 10_000)

    lines = [str(row["QUERY PLAN"]) for row in plan]
    assert any("orders_status" in line for line in lines), lines
    assert not any("Filter" in line or "Seq Scan" in line for line in lines), lines


def test_every_end_has_a_class_and_none_is_what_a_person_wrote() -> None:
    by = {
        "customer": (CancelledBy.CUSTOMER, "my cat sat on it"),
        "operator": (CancelledBy.OPERATOR, "duplicate"),
        domain.NO_COURIER: (CancelledBy.PLATFORM, domain.NO_COURIER),
        domain.NO_ANSWER: (CancelledBy.PLATFORM, domain.NO_ANSWER),
    }
    for expected, (who, reason) in by.items():
        before = an_order(OrderStatus.PAID)
        after, _ = domain.cancel(before, who, reason, now=LATER)
        assert why(before, after) == expected

    for status in (OrderStatus.PENDING, OrderStatus.PAID):
        after, _ = domain.expire(an_order(status), now=LATER)
        assert why(an_order(status), after) == {"pending": "unpaid", "paid": "unaccepted"}[status]

    assert set(WHYS) == domain.ENDS
