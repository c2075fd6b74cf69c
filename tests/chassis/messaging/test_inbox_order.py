"""A message waits behind an earlier one of its subject that waits, and not behind a parked one."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest

from ordereats.chassis.db.pool import Database
from ordereats.chassis.errors import TooEarly
from ordereats.chassis.messaging.bus import Message
from ordereats.chassis.messaging.inbox import MAX_ATTEMPTS, Inbox
from ordereats.chassis.messaging.subscriptions import effect, subscribe
from ordereats.contracts.orders import OrderPlaced
from support.builders import a_fact, a_message, until_true
from support.consumer import Consumer

GATE = 2311
HELD_BACK = f"""
create function held_back() returns trigger language plpgsql as $$
begin
    perform pg_advisory_xact_lock_shared({GATE});
    return new;
end $$;
create trigger held_back before insert on inbox for each row
when (new.state = 'waiting') execute function held_back()
"""
"""One that is to wait has been looked at, and is not there before the gate opens."""


def version(number: int, subject: str = "order/1") -> Message:
    """The fact that brings a subject to a version; the consumer notes the number."""
    return a_message(a_fact(number), subject=subject, version=number)


@pytest.fixture
async def stuck(consumer: Consumer) -> Consumer:
    """Have version 1 of a subject wait, and 3 and 2 come after it."""
    consumer.fails[1] = RuntimeError("not yet")
    for number in (1, 3, 2):
        await consumer.receive(version(number))
    return consumer


async def test_it_waits_unrun_and_costs_no_attempt(stuck: Consumer) -> None:
    assert await stuck.noted() == []
    assert len(stuck.contexts) == 1
    assert [(row["state"], row["attempts"]) for row in await stuck.rows()] == [
        ("waiting", 1),
        ("waiting", 0),
        ("waiting", 0),
    ]


async def test_other_subjects_and_other_consumers_go_on(stuck: Consumer) -> None:
    other = Inbox(stuck.database, [subscribe("other", "order", [effect(OrderPlaced, stuck.note)])])

    await stuck.receive(version(4, "order/2"))
    await other.handler("other.order")(version(5), 1)

    assert await stuck.noted() == [4, 5]


async def test_what_comes_late_does_not_wait_behind_its_successor(consumer: Consumer) -> None:
    consumer.fails[2] = TooEarly("Version 1 is not here yet.")
    await consumer.receive(version(2))

    await consumer.receive(version(1))

    assert await consumer.noted() == [1]


async def test_when_the_earlier_is_done_those_behind_are_due_at_once_in_their_order(
    stuck: Consumer,
) -> None:
    stuck.fails.clear()
    await _let_be_due(stuck, 1)

    await stuck.inbox.retry_once()

    assert await _effects(stuck) == [1, 2, 3]


async def test_what_comes_while_the_earlier_is_tried_follows_it_at_once(
    consumer: Consumer,
) -> None:
    async with _being_tried(consumer):
        await consumer.receive(version(2))
        await consumer.receive(version(3))

    assert await _effects(consumer) == [1, 2, 3]


async def test_also_what_nobody_could_see_yet_when_the_earlier_ended(
    consumer: Consumer, chassis_url: str
) -> None:
    await consumer.database.execute(HELD_BACK)
    async with asyncio.TaskGroup() as tasks:
        gate = await asyncpg.connect(chassis_url)
        async with _being_tried(consumer):
            await gate.execute(f"select pg_advisory_lock({GATE})")
            tasks.create_task(consumer.receive(version(2)))
            await until_true(lambda: _is_held_back(consumer))
        await gate.close()

    await consumer.inbox.retry_once()

    assert await _effects(consumer) == [1, 2]


async def test_when_the_earlier_is_parked_they_go_on(
    stuck: Consumer,
) -> None:
    for _ in range(MAX_ATTEMPTS - 1):
        await _let_be_due(stuck, 1)
        await stuck.inbox.retry_once()
    await stuck.receive(version(4))

    assert await _effects(stuck) == [2, 3, 4]


async def test_they_are_not_looked_at_while_the_earlier_pauses(stuck: Consumer) -> None:
    await _let_be_due(stuck, 1)

    await stuck.inbox.retry_once()

    (due,) = await stuck.database.fetch(
        "select bool_and(due_at >= (select due_at from inbox where version = 1)) as are_later,"
        " bool_and(due_at > now()) as are_off from inbox where version > 1"
    )
    assert tuple(due) == (True, True)


async def test_they_stay_behind_however_often_they_are_due(stuck: Consumer) -> None:
    await stuck.try_again()
    await stuck.try_again()

    assert await stuck.noted() == []
    assert [row["attempts"] for row in await stuck.rows()] == [3, 0, 0]


async def test_they_wait_while_another_process_has_the_earlier_in_hand(
    stuck: Consumer, database: Database
) -> None:
    stuck.fails.clear()
    stuck.begun.clear()
    stuck.may_go_on.clear()
    other = Inbox(database, [subscribe("testing", "order", [effect(OrderPlaced, stuck.note)])])
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(stuck.try_again())
        await stuck.begun.wait()

        await other.retry_once()
        await stuck.receive(version(4))

        assert len(stuck.contexts) == 2
        stuck.may_go_on.set()
    assert await stuck.noted() == [1, 2, 3, 4]


async def test_what_an_older_version_of_the_program_stored_holds_up_nobody(
    stuck: Consumer,
) -> None:
    await stuck.database.execute("update inbox set version = null where version = 1")

    await stuck.receive(version(4, "order/1"))
    await stuck.try_again()

    assert await stuck.noted() == [2, 3, 4]


@asynccontextmanager
async def _being_tried(consumer: Consumer) -> AsyncIterator[None]:
    """Have version 1 in its second attempt, which ends well, and its job too, after the block."""
    consumer.fails[1] = RuntimeError("not yet")
    await consumer.receive(version(1))
    consumer.fails.clear()
    consumer.begun.clear()
    consumer.may_go_on.clear()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(consumer.try_again())
        await consumer.begun.wait()
        yield
        consumer.may_go_on.set()


async def _is_held_back(consumer: Consumer) -> bool:
    waits = "select from pg_locks where locktype = 'advisory' and objid = $1 and not granted"
    return bool(await consumer.database.fetch(waits, GATE))


async def _effects(consumer: Consumer) -> list[int]:
    """Read the versions in the order of their effects: each says something itself."""
    rows = await consumer.database.fetch(
        "select (data ->> 'orderId')::int as number from outbox order by position"
    )
    return [row["number"] for row in rows]


async def _let_be_due(consumer: Consumer, number: int) -> None:
    await consumer.database.execute("update inbox set due_at = now() where version = $1", number)
