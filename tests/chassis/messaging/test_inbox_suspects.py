"""What was handed out often may kill whoever handles it: it is tried alone, and each try counts."""

import asyncio

import pytest
from structlog.testing import capture_logs

from ordereats.chassis.messaging.inbox import MAX_ATTEMPTS, MOST_HANDED_OUT
from support.builders import a_fact, a_message
from support.consumer import Consumer, outcome


async def test_what_was_handed_out_often_is_run_as_it_comes_up_to_the_limit(
    consumer: Consumer,
) -> None:
    await consumer.receive(a_message(), handed_out=MOST_HANDED_OUT)

    assert await consumer.noted() == [1]


async def test_beyond_it_it_is_stored_unrun_and_told(consumer: Consumer) -> None:
    with capture_logs() as lines:
        await consumer.receive(a_message(), handed_out=MOST_HANDED_OUT + 1)

    assert consumer.contexts == []
    (row,) = await consumer.rows()
    assert (row["state"], row["attempts"]) == ("waiting", 0)
    assert row["last_error"] == "SuspectError: handed out 6 times without an answer"
    assert [line["event"] for line in lines] == ["message_suspected"]


async def test_an_innocent_one_has_its_effect_from_there_at_once(consumer: Consumer) -> None:
    await consumer.receive(a_message(), handed_out=MOST_HANDED_OUT + 1)

    await consumer.inbox.retry_once()

    assert await consumer.noted() == [1]
    (row,) = await consumer.rows()
    assert (row["state"], row["attempts"], row["message"]) == ("done", 1, None)


async def test_one_that_is_done_already_stays_done(consumer: Consumer) -> None:
    message = a_message()
    await consumer.receive(message)

    await consumer.receive(message, handed_out=MOST_HANDED_OUT + 1)
    await consumer.inbox.retry_once()

    assert await consumer.noted() == [1]


async def test_an_attempt_counts_before_it_begins_and_only_what_was_begun(
    consumer: Consumer,
) -> None:
    for order_id in (1, 2, 3):
        await consumer.receive(a_message(a_fact(order_id)), handed_out=MOST_HANDED_OUT + 1)
    consumer.may_go_on.clear()
    async with asyncio.TaskGroup() as tasks:
        killed = tasks.create_task(outcome(consumer.inbox.retry_once()))
        await consumer.begun.wait()

        attempts = [row["attempts"] for row in await consumer.rows()]

        killed.cancel()
    assert attempts == [1, 0, 0]


async def test_one_that_kills_in_every_attempt_is_parked_and_the_others_are_not(
    consumer: Consumer,
) -> None:
    poison, innocent = a_message(), a_message(a_fact(2))
    await consumer.receive(poison, handed_out=MOST_HANDED_OUT + 1)
    await consumer.receive(innocent, handed_out=MOST_HANDED_OUT + 1)
    for _ in range(MAX_ATTEMPTS):
        await _kill_in_the_attempt(consumer)

    with capture_logs() as lines:
        await consumer.try_again()

    assert await consumer.noted() == [2]
    rows = {row["message_id"]: row for row in await consumer.rows()}
    parked, done = rows[poison.id], rows[innocent.id]
    assert (parked["state"], parked["attempts"]) == ("parked", MAX_ATTEMPTS)
    assert "did not come to an end" in str(parked["last_error"])
    assert (done["state"], done["attempts"]) == ("done", 1)
    assert [line["event"] for line in lines] == ["message_parked"]


@pytest.mark.parametrize("handed_out", [1, MOST_HANDED_OUT + 1])
async def test_what_turns_out_unreadable_in_the_inbox_is_parked_at_once(
    consumer: Consumer, handed_out: int
) -> None:
    await consumer.receive(a_message(type="ordereats.order.eaten.v1"), handed_out=handed_out)
    await consumer.database.execute("update inbox set type = 'ordereats.order.placed.v1'")
    await consumer.database.execute(
        "update inbox set message = replace(message::text, 'eaten', 'placed')::json"
    )
    await consumer.database.execute(
        "update inbox set message = jsonb_set(message::jsonb, '{data}', '\"e30=\"')::json"
    )

    await consumer.try_again()

    (row,) = await consumer.rows()
    assert row["state"] == "parked"
    assert "UnreadableError" in str(row["last_error"])


async def _kill_in_the_attempt(consumer: Consumer) -> None:
    """Begin what was stored first, as a process that dies in it does."""
    await consumer.database.execute(
        "update inbox set due_at = now() - interval '1 s'"
        " where state = 'waiting' and received_at = (select min(received_at) from inbox)"
    )
    consumer.begun.clear()
    consumer.may_go_on.clear()
    async with asyncio.TaskGroup() as tasks:
        killed = tasks.create_task(outcome(consumer.inbox.retry_once()))
        await consumer.begun.wait()
        killed.cancel()
    consumer.may_go_on.set()
