"""Notifications: who is told what, once for each fact, by the names heard so far."""

import asyncio
from typing import TYPE_CHECKING

import msgspec
import pytest

from ordereats.contracts.events import Event
from ordereats.contracts.ids import CourierId, OrderId, RefundId, UserId
from ordereats.contracts.notifications import Mail, Receiver
from ordereats.contracts.orders import CancelledBy
from services.notifications.facts import (
    ASSIGNED,
    COURIER,
    CREATED,
    DELAYED,
    FACTS,
    HIEU,
    OFFERED,
    PAID,
    PHO,
    PLACED,
    REFUNDED,
    RESTAURANT,
    cancelled,
)

if TYPE_CHECKING:
    from services.notifications.conftest import Desk


async def test_a_customer_is_told_by_name_what_happened_where(desk: "Desk") -> None:
    await desk.hear(HIEU, PHO, PLACED, PAID)

    placed, paid = await desk.told()
    assert (placed.receiver, placed.receiver_id, placed.order_id) == (Receiver.CUSTOMER, 1, 17)
    assert placed.subject == "Your order at Pho Saigon"
    assert placed.text.startswith("Hello Hieu. ")
    assert "25.00 EUR" in placed.text
    assert "Paid" in paid.subject


async def test_before_the_names_are_heard_they_are_told_all_the_same(desk: "Desk") -> None:
    await desk.hear(PLACED)

    (told,) = await desk.told()
    assert told.text.startswith("Hello. ")
    assert told.subject == "Your order at the restaurant"


async def test_a_name_that_changed_is_the_one_that_is_used(desk: "Desk") -> None:
    await desk.hear(HIEU, PHO)
    await desk.hear(msgspec.structs.replace(PHO, name="Pho Hanoi"), version=2)

    await desk.hear(PAID)

    (told,) = await desk.told()
    assert "Pho Hanoi" in told.subject


async def test_each_fact_is_told_once_to_each_also_when_it_comes_as_another_message(
    desk: "Desk",
) -> None:
    await desk.hear(PAID, ASSIGNED)
    facts = [each for each in FACTS if each not in {PAID, ASSIGNED}]
    await desk.hear(*facts)
    before = await desk.database.fetch("select receiver, fact from notifications order by id")

    await desk.hear(*FACTS, *FACTS)

    after = await desk.database.fetch("select receiver, fact from notifications order by id")
    # The one more: who was assigned before the cancel hears of it again with the next assignment.
    assert [tuple(row) for row in after if tuple(row) not in {tuple(row) for row in before}] == [
        ("courier", f"ordereats.delivery.assigned.v1:{COURIER}")
    ]
    assert len(before) + 1 == len(after)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (REFUNDED, msgspec.structs.replace(REFUNDED, refund_id=RefundId(2))),
        (DELAYED, msgspec.structs.replace(DELAYED, ready_at=CREATED.accept_by)),
    ],
)
async def test_two_refunds_or_delays_of_one_order_are_told_both(
    desk: "Desk", one: Event, other: Event
) -> None:
    await desk.hear(PAID)

    await desk.hear(one, other)

    assert len(await desk.told()) == 3


async def test_an_offer_to_the_next_courier_is_told_to_that_one(desk: "Desk") -> None:
    await desk.hear(OFFERED, msgspec.structs.replace(OFFERED, courier_id=CourierId(4)))

    for courier in (3, 4):
        (told,) = await desk.told(courier, Receiver.COURIER)
        assert told.subject == "A delivery for you"


async def test_a_restaurant_is_told_of_a_new_order(desk: "Desk") -> None:
    await desk.hear(CREATED)

    (told,) = await desk.told(RESTAURANT, Receiver.RESTAURANT)
    assert told.subject == "New order 17"
    assert "by 18:05 UTC" in told.text


async def test_a_kitchen_that_has_not_heard_of_the_order_is_not_told_that_it_was_cancelled(
    desk: "Desk",
) -> None:
    await desk.hear(PLACED, cancelled())

    assert await desk.told(RESTAURANT, Receiver.RESTAURANT) == []


async def test_a_kitchen_is_told_that_the_operator_cancelled(desk: "Desk") -> None:
    await desk.hear(PLACED, PAID, cancelled(CancelledBy.OPERATOR, reason="closed by the police"))

    (told,) = await desk.told(RESTAURANT, Receiver.RESTAURANT)
    assert "closed by the police" in told.text


async def test_a_courier_hears_once_of_a_cancel_whichever_fact_comes_first(desk: "Desk") -> None:
    other = OrderId(18)

    await desk.hear(ASSIGNED, cancelled())
    await desk.hear(cancelled(order_id=other), msgspec.structs.replace(ASSIGNED, order_id=other))

    told = await desk.told(COURIER, Receiver.COURIER)
    assert [each.order_id for each in told] == [17, 18]


async def test_a_courier_hears_once_of_a_cancel_that_comes_at_the_same_moment(
    desk: "Desk",
) -> None:
    for number in range(100, 130):
        order_id = OrderId(number)
        await asyncio.gather(
            desk.hear(cancelled(order_id=order_id)),
            desk.hear(msgspec.structs.replace(ASSIGNED, order_id=order_id)),
        )

    told = await desk.told(COURIER, Receiver.COURIER)
    assert [each.order_id for each in told] == list(range(100, 130))


async def test_a_delay_that_comes_before_anyone_said_whose_order_it_is_is_told_later(
    desk: "Desk",
) -> None:
    await desk.hear(DELAYED)
    assert await desk.told() == []
    (row,) = await desk.database.fetch("select last_error from inbox")
    assert row["last_error"].startswith("TooEarly: ")

    await desk.hear(PAID)
    await desk.hear_again()

    assert [each.subject.partition(":")[0] for each in await desk.told()] == ["Paid", "Delayed"]


async def test_nobody_reads_what_others_are_told(desk: "Desk") -> None:
    await desk.hear(PAID, msgspec.structs.replace(PAID, order_id=OrderId(2), user_id=UserId(2)))

    assert [each.order_id for each in await desk.told(1)] == [17]
    assert [each.order_id for each in await desk.told(2)] == [2]
    assert await desk.told(3) == []
    assert await desk.told(1, Receiver.RESTAURANT) == []
    assert await desk.told(1, Receiver.COURIER) == []


async def test_a_page_begins_after_an_id_and_ends_at_the_limit(desk: "Desk") -> None:
    await desk.hear(*(msgspec.structs.replace(PAID, order_id=OrderId(n)) for n in range(1, 6)))

    first = await desk.told(limit=2)
    rest = await desk.told(after=first[-1].id)

    assert [each.order_id for each in (*first, *rest)] == [1, 2, 3, 4, 5]


async def test_without_a_mail_server_the_mail_is_kept_and_shown(desk: "Desk") -> None:
    await desk.hear(HIEU, PHO, PLACED, CREATED, OFFERED)

    customers, restaurants = await desk.mail()
    assert (customers.to, customers.state) == ("hieu@test.com", Mail.KEPT)
    assert (customers.subject, customers.text) == ((await desk.told())[0].subject, customers.text)
    assert (restaurants.to, restaurants.state) == ("kitchen@pho.test", Mail.KEPT)


async def test_a_restaurant_that_wants_no_mail_is_told_in_the_app_alone(desk: "Desk") -> None:
    await desk.hear(msgspec.structs.replace(PHO, email=None), CREATED)

    (told,) = await desk.told(RESTAURANT, Receiver.RESTAURANT)
    assert told.mail is Mail.NONE
    assert await desk.mail() == []
