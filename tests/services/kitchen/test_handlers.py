"""Kitchen follows the order, whatever comes twice, too late or too early."""

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from ordereats.contracts.kitchen import AcceptTicket, TicketCreated, TicketStatus
from ordereats.contracts.wire import decode
from ordereats.services.kitchen import use_cases
from services.kitchen.conftest import cancelled, paid, picked_up

if TYPE_CHECKING:
    from services.kitchen.conftest import Kitchen


async def test_a_paid_order_is_a_new_ticket_with_its_dishes_and_its_time(
    kitchen: "Kitchen",
) -> None:
    await kitchen.hear(paid())

    ticket = await kitchen.ticket()
    assert (ticket.order_id, ticket.restaurant_id, ticket.status) == (1, 1, "new")
    assert (ticket.items, ticket.notes) == (paid().items, "No coriander")
    assert ticket.accept_by == ticket.created_at + timedelta(seconds=300)
    (fact,) = await kitchen.facts()
    assert (fact["subject"], fact["version"]) == (f"ticket/{ticket.id}", 1)
    assert fact["correlation_id"] == "the-walk"
    assert decode(fact["data"].encode(), TicketCreated).accept_by == ticket.accept_by


async def test_the_same_order_twice_is_one_ticket(kitchen: "Kitchen") -> None:
    await kitchen.hear(paid(), paid(notes="Another"))

    assert (await kitchen.ticket()).notes == "No coriander"
    assert await kitchen.told() == ["created"]


@pytest.mark.parametrize("state", ["new", "accepted", "ready"])
async def test_a_cancelled_order_is_a_cancelled_ticket_and_nothing_to_tell(
    kitchen: "Kitchen", state: str
) -> None:
    await getattr(kitchen, state)()
    told = await kitchen.told()

    await kitchen.hear(cancelled())

    assert (await kitchen.ticket()).status is TicketStatus.CANCELLED
    assert await kitchen.told() == told


async def test_what_has_ended_stays_as_it_is(kitchen: "Kitchen") -> None:
    await kitchen.new(1)
    await kitchen.let_time_pass()
    await use_cases.expire_due(kitchen.deps)
    await kitchen.withdraw(2)
    await kitchen.ready(3)
    await kitchen.hear(picked_up(3))
    before = [await kitchen.rows(each) for each in (1, 2, 3)]

    await kitchen.hear(cancelled(1), cancelled(2), cancelled(3), picked_up(1), picked_up(3))

    assert [await kitchen.rows(each) for each in (1, 2, 3)] == before
    assert await kitchen.waiting() == []


async def test_of_an_order_that_is_cancelled_before_it_comes_no_ticket_is_made(
    kitchen: "Kitchen",
) -> None:
    await kitchen.hear(cancelled(), paid())

    (row,) = await kitchen.rows()
    assert (row["status"], row["items"]) == ("cancelled", None)
    assert await kitchen.told() == ["cancelled"]
    assert await kitchen.waiting() == []


async def test_who_says_that_a_withdrawn_order_is_paid_hears_once_more_that_it_is_withdrawn(
    kitchen: "Kitchen",
) -> None:
    await kitchen.withdraw()

    await kitchen.hear(paid())

    first, again = await kitchen.facts()
    assert (again["short"], again["data"]) == ("cancelled", first["data"])
    assert (again["subject"], first["version"], again["version"]) == (first["subject"], 1, 2)


async def test_an_order_that_comes_twice_is_not_told_to_be_withdrawn(kitchen: "Kitchen") -> None:
    await kitchen.new()
    await kitchen.withdraw()

    await kitchen.hear(paid())

    assert await kitchen.told() == ["created", "cancelled"]


async def test_food_that_a_courier_has_is_handed_over(kitchen: "Kitchen") -> None:
    await kitchen.ready()

    await kitchen.hear(picked_up())

    ticket = await kitchen.ticket()
    assert (ticket.status, ticket.version) == ("handed_over", 4)
    assert await kitchen.told() == ["created", "accepted", "ready"]


async def test_a_pick_up_that_comes_before_the_ticket_is_tried_again(kitchen: "Kitchen") -> None:
    await kitchen.hear(picked_up())

    (why,) = await kitchen.waiting()
    assert why.startswith("TooEarly")


async def test_a_pick_up_that_comes_before_the_food_is_ready_is_tried_again(
    kitchen: "Kitchen",
) -> None:
    ticket_id = await kitchen.new()
    await use_cases.accept(kitchen.deps, ticket_id, AcceptTicket(5))
    await kitchen.hear(picked_up())
    (why,) = await kitchen.waiting()
    assert why.startswith("TooEarly")

    await use_cases.ready(kitchen.deps, ticket_id)
    await kitchen.deps.database.execute("update inbox set due_at = now() where state = 'waiting'")
    await kitchen.inbox.retry_once()

    assert (await kitchen.ticket()).status is TicketStatus.HANDED_OVER
    assert await kitchen.waiting() == []
