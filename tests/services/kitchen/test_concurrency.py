"""Of two who move a ticket at the same moment one wins; a timer outlives every process."""

import asyncio
from collections import Counter
from collections.abc import Awaitable
from typing import TYPE_CHECKING

import pytest

from ordereats.chassis.errors import Conflict
from ordereats.contracts.ids import OrderId, RestaurantId
from ordereats.contracts.kitchen import AcceptTicket, RejectTicket, TicketStatus
from ordereats.services.kitchen import domain, store, use_cases
from services.kitchen.conftest import paid
from support.builders import running, until_true

if TYPE_CHECKING:
    from services.kitchen.conftest import Kitchen


async def outcome(move: Awaitable[object]) -> str:
    """What came of it: `done`, or the code of the refusal."""
    try:
        await move
    except Conflict as refusal:
        return refusal.code
    return "done"


async def test_of_accept_and_withdraw_at_once_exactly_one_succeeds(kitchen: "Kitchen") -> None:
    seen: Counter[tuple[str, str]] = Counter()
    for order_id in range(1, 51):
        ticket_id = await kitchen.new(order_id)
        accept = outcome(use_cases.accept(kitchen.deps, ticket_id, AcceptTicket(20)))
        withdraw = outcome(kitchen.withdraw(order_id))

        # Each begins first in turn, so that both ends are seen.
        accept_first = order_id % 2 == 0
        begun = (accept, withdraw) if accept_first else (withdraw, accept)
        ended = await asyncio.gather(*begun)

        accepted, withdrawn = ended if accept_first else reversed(ended)
        seen[accepted, withdrawn] += 1
        status = (await kitchen.ticket(order_id)).status
        assert status == ("accepted" if accepted == "done" else "cancelled")
        assert await kitchen.told(order_id) == ["created", status]

    assert set(seen) == {("done", "already_accepted"), ("illegal_move", "done")}


async def test_of_many_accepts_at_once_one_succeeds(kitchen: "Kitchen") -> None:
    ticket_id = await kitchen.new()

    ended = await asyncio.gather(
        *(outcome(use_cases.accept(kitchen.deps, ticket_id, AcceptTicket(20))) for _ in range(8))
    )

    assert Counter(ended) == {"done": 1, "illegal_move": 7}
    assert (await kitchen.ticket()).version == 2
    assert await kitchen.told() == ["created", "accepted"]


async def test_of_accept_and_reject_at_once_one_succeeds(kitchen: "Kitchen") -> None:
    for order_id in range(1, 11):
        ticket_id = await kitchen.new(order_id)

        ended = await asyncio.gather(
            outcome(use_cases.accept(kitchen.deps, ticket_id, AcceptTicket(20))),
            outcome(use_cases.reject(kitchen.deps, ticket_id, RejectTicket("No"))),
        )

        assert sorted(ended) == ["done", "illegal_move"]
        assert len(await kitchen.told(order_id)) == 2


async def test_the_job_passes_over_a_ticket_that_someone_is_moving(kitchen: "Kitchen") -> None:
    ticket_id = await kitchen.new()
    await kitchen.let_time_pass()
    async with kitchen.deps.database.transaction() as tx:
        assert await store.lock(tx, ticket_id) is not None

        async with asyncio.timeout(1):  # it does not wait for the lock
            await use_cases.expire_due(kitchen.deps)

    assert (await kitchen.ticket()).status is TicketStatus.NEW
    await use_cases.expire_due(kitchen.deps)
    assert (await kitchen.ticket()).status is TicketStatus.EXPIRED


async def test_an_accept_that_waits_for_the_job_comes_too_late(kitchen: "Kitchen") -> None:
    ticket_id = await kitchen.new()
    async with asyncio.TaskGroup() as tasks:
        async with kitchen.deps.database.transaction() as tx:
            locked = await store.lock(tx, ticket_id)
            assert locked is not None
            accept = tasks.create_task(
                outcome(use_cases.accept(kitchen.deps, ticket_id, AcceptTicket(20)))
            )
            await until_true(kitchen.someone_waits_for_a_lock)
            await store.save(tx, domain.expire(locked.ticket)[0])
        assert await accept == "expired"

    assert (await kitchen.ticket()).status is TicketStatus.EXPIRED


async def test_several_processes_expire_each_ticket_once(kitchen: "Kitchen") -> None:
    await kitchen.hear(*(paid(each) for each in range(1, 121)))
    await kitchen.let_time_pass()

    await asyncio.gather(*(use_cases.expire_due(kitchen.deps) for _ in range(4)))
    while await use_cases.expire_due(kitchen.deps):
        pass

    rows = await kitchen.deps.database.fetch(
        "select subject from outbox where type like '%expired%'"
    )
    assert len(rows) == len({row["subject"] for row in rows}) == 120


@pytest.mark.parametrize("withdrawn_first", [True, False])
async def test_an_order_that_comes_while_it_is_withdrawn_is_withdrawn(
    kitchen: "Kitchen", *, withdrawn_first: bool
) -> None:
    for order_id in range(1, 21):
        both = (kitchen.withdraw(order_id), kitchen.hear(paid(order_id)))

        await asyncio.gather(*(both if withdrawn_first else reversed(both)))

        (row,) = await kitchen.rows(order_id)
        assert row["status"] == "cancelled"
        assert (await kitchen.told(order_id))[-1] == "cancelled"
    assert await kitchen.waiting() == []


async def test_a_withdrawal_waits_for_the_ticket_that_is_just_being_made(
    kitchen: "Kitchen",
) -> None:
    async with asyncio.TaskGroup() as tasks:
        async with kitchen.deps.database.transaction() as tx:
            await use_cases.create(kitchen.deps, tx, paid())
            withdrawing = tasks.create_task(
                use_cases.withdraw(kitchen.deps, OrderId(1), RestaurantId(1))
            )
            await until_true(kitchen.someone_waits_for_a_lock)
        await withdrawing

    assert (await kitchen.ticket()).status is TicketStatus.CANCELLED
    assert await kitchen.told() == ["created", "cancelled"]


async def test_a_timer_outlives_the_process_that_set_it(
    kitchen: "Kitchen", database_url: str
) -> None:
    await kitchen.new()
    await kitchen.let_time_pass()  # while nobody runs

    async with running(["kitchen"], database_url):

        async def is_over() -> bool:
            return (await kitchen.ticket()).status is TicketStatus.EXPIRED

        await until_true(is_over)

    assert await kitchen.told() == ["created", "expired"]
