"""A kitchen accepts, delays, rejects and cooks; a customer withdraws; time passes."""

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from ordereats.chassis import context
from ordereats.chassis.context import Context
from ordereats.chassis.errors import IllegalMove, Invalid, NotFound
from ordereats.contracts.ids import DishId, OrderId, RestaurantId, TicketId
from ordereats.contracts.kitchen import (
    AcceptTicket,
    DelayTicket,
    RejectTicket,
    TicketAccepted,
    TicketCancelled,
    TicketRejected,
    TicketStatus,
    Withdrawn,
)
from ordereats.contracts.wire import decode
from ordereats.services.kitchen import use_cases
from ordereats.services.kitchen.domain import AlreadyAccepted, Expired
from services.kitchen.conftest import PHO, paid

if TYPE_CHECKING:
    from services.kitchen.conftest import Kitchen


async def test_an_accepted_ticket_is_told_with_the_time_of_its_food(kitchen: "Kitchen") -> None:
    ticket_id = await kitchen.new()

    with context.entered(Context("the-tablet")):
        accepted = await use_cases.accept(kitchen.deps, ticket_id, AcceptTicket(25))

    assert accepted == await kitchen.ticket()
    assert (accepted.status, accepted.prep_minutes, accepted.version) == ("accepted", 25, 2)
    (_, fact) = await kitchen.facts()
    assert (fact["subject"], fact["version"]) == (f"ticket/{ticket_id}", 2)
    assert (fact["source"], fact["correlation_id"]) == ("kitchen", "the-tablet")
    told = decode(fact["data"].encode(), TicketAccepted)
    assert told.ready_at == accepted.ready_at
    assert told.ready_at - accepted.created_at - timedelta(minutes=25) < timedelta(seconds=10)


async def test_a_ticket_goes_all_the_way_and_each_step_is_told(kitchen: "Kitchen") -> None:
    ticket_id = await kitchen.accepted()

    delayed = await use_cases.delay(kitchen.deps, ticket_id, DelayTicket(10))
    ready = await use_cases.ready(kitchen.deps, ticket_id)

    assert (delayed.status, ready.status, ready.version) == ("accepted", "ready", 4)
    assert await kitchen.told() == ["created", "accepted", "delayed", "ready"]
    assert [fact["version"] for fact in await kitchen.facts()] == [1, 2, 3, 4]


async def test_a_rejection_is_told_with_what_is_sold_out(kitchen: "Kitchen") -> None:
    ticket_id = await kitchen.new()

    command = RejectTicket("No more phở today", (PHO,))
    rejected = await use_cases.reject(kitchen.deps, ticket_id, command)

    assert (rejected.status, rejected.reason) == ("rejected", "No more phở today")
    (_, fact) = await kitchen.facts()
    told = decode(fact["data"].encode(), TicketRejected)
    assert (told.reason, told.sold_out) == ("No more phở today", (PHO,))


async def test_a_dish_of_another_order_is_not_sold_out_by_this_one(kitchen: "Kitchen") -> None:
    ticket_id = await kitchen.new()

    with pytest.raises(Invalid):
        await use_cases.reject(kitchen.deps, ticket_id, RejectTicket("No", (DishId(99),)))

    assert (await kitchen.ticket()).status is TicketStatus.NEW
    assert await kitchen.told() == ["created"]


async def test_a_refused_move_changes_nothing(kitchen: "Kitchen") -> None:
    ticket_id = await kitchen.accepted()
    before = await kitchen.ticket()

    with pytest.raises(IllegalMove):
        await use_cases.accept(kitchen.deps, ticket_id, AcceptTicket(5))
    with pytest.raises(IllegalMove):
        await use_cases.reject(kitchen.deps, ticket_id, RejectTicket("No"))

    assert await kitchen.ticket() == before
    assert await kitchen.told() == ["created", "accepted"]


async def test_accepting_too_late_is_refused_before_the_job_has_been_by(kitchen: "Kitchen") -> None:
    ticket_id = await kitchen.new()
    await kitchen.let_time_pass()

    with pytest.raises(Expired):
        await use_cases.accept(kitchen.deps, ticket_id, AcceptTicket(5))

    assert (await kitchen.ticket()).status is TicketStatus.NEW
    assert await kitchen.told() == ["created"]


async def test_what_nobody_accepts_expires_in_the_context_of_its_order(kitchen: "Kitchen") -> None:
    await kitchen.new(1)
    await kitchen.accepted(2)
    await kitchen.let_time_pass()
    await kitchen.new(3)

    assert await use_cases.expire_due(kitchen.deps) is False

    tickets = [await kitchen.ticket(each) for each in (1, 2, 3)]
    assert [(each.status, each.version) for each in tickets] == [
        ("expired", 2),
        ("accepted", 2),
        ("new", 1),
    ]
    fact = (await kitchen.facts(1))[-1]
    assert (fact["short"], fact["correlation_id"]) == ("expired", "the-walk")


async def test_many_that_expire_are_taken_in_turns(kitchen: "Kitchen") -> None:
    count = use_cases.AT_ONCE + 1
    await kitchen.hear(*(paid(each) for each in range(1, count + 1)))
    await kitchen.let_time_pass()

    assert await use_cases.expire_due(kitchen.deps) is True
    assert await use_cases.expire_due(kitchen.deps) is False

    rows = await kitchen.deps.database.fetch("select from tickets where status = 'expired'")
    assert len(rows) == count


async def test_a_new_ticket_is_withdrawn_and_that_is_told(kitchen: "Kitchen") -> None:
    ticket_id = await kitchen.new()

    assert await kitchen.withdraw() == Withdrawn(OrderId(1))

    assert (await kitchen.ticket()).status is TicketStatus.CANCELLED
    (_, fact) = await kitchen.facts()
    assert (fact["subject"], fact["version"]) == (f"ticket/{ticket_id}", 2)
    assert decode(fact["data"].encode(), TicketCancelled) == TicketCancelled(
        OrderId(1), RestaurantId(1)
    )


async def test_withdrawing_again_is_fine_and_told_once(kitchen: "Kitchen") -> None:
    await kitchen.new(1)

    for order_id in (1, 1, 2, 2):  # of the second no ticket has come
        assert await kitchen.withdraw(order_id) == Withdrawn(OrderId(order_id))

    assert await kitchen.told(1) == ["created", "cancelled"]
    assert await kitchen.told(2) == ["cancelled"]


async def test_an_order_that_was_withdrawn_before_it_came_never_gets_a_ticket(
    kitchen: "Kitchen",
) -> None:
    await kitchen.withdraw()

    await kitchen.hear(paid())

    (row,) = await kitchen.rows()
    assert (row["status"], row["items"]) == ("cancelled", None)
    assert "created" not in await kitchen.told()
    (fact, _) = await kitchen.facts()
    assert (fact["subject"], fact["version"]) == (f"ticket/{row['id']}", 1)


async def test_no_kitchen_sees_an_order_that_was_withdrawn_before_it_came(
    kitchen: "Kitchen",
) -> None:
    await kitchen.withdraw()
    (row,) = await kitchen.rows()

    for look in (use_cases.get, use_cases.ready):
        with pytest.raises(NotFound):
            await look(kitchen.deps, row["id"])
    for status in (None, TicketStatus.CANCELLED):
        found = await use_cases.page(kitchen.deps, RestaurantId(1), status, after=0, limit=9)
        assert found == []


async def test_what_the_kitchen_cooks_is_not_withdrawn(kitchen: "Kitchen") -> None:
    await kitchen.accepted(1)
    await kitchen.ready(2)

    for order_id in (1, 2):
        with pytest.raises(AlreadyAccepted):
            await kitchen.withdraw(order_id)

    assert (await kitchen.ticket(1)).status is TicketStatus.ACCEPTED
    assert "cancelled" not in await kitchen.told(1)


async def test_what_will_not_be_cooked_anyway_may_be_withdrawn_and_stays_as_it_is(
    kitchen: "Kitchen",
) -> None:
    ticket_id = await kitchen.new()
    await use_cases.reject(kitchen.deps, ticket_id, RejectTicket("No"))

    assert await kitchen.withdraw() == Withdrawn(OrderId(1))

    assert (await kitchen.ticket()).status is TicketStatus.REJECTED
    assert await kitchen.told() == ["created", "rejected"]


async def test_an_unknown_ticket_is_not_found(kitchen: "Kitchen") -> None:
    for move in (
        use_cases.get(kitchen.deps, TicketId(99)),
        use_cases.accept(kitchen.deps, TicketId(99), AcceptTicket(5)),
        use_cases.ready(kitchen.deps, TicketId(99)),
    ):
        with pytest.raises(NotFound):
            await move
