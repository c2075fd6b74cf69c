"""Each message has its effect once, whatever comes twice, fails, or is away for a while."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from time import monotonic

import msgspec
import pytest
from structlog.testing import capture_logs

from ordereats.chassis import context
from ordereats.chassis.background import Background, Jobs
from ordereats.chassis.context import Context
from ordereats.chassis.db.pool import Database
from ordereats.chassis.messaging.bus import Message, UnreadableError
from ordereats.chassis.messaging.inbox import AT_MOST, MAX_ATTEMPTS, Inbox
from ordereats.chassis.messaging.subscriptions import effect, subscribe
from ordereats.contracts.orders import OrderPlaced
from support.builders import a_fact, a_message, until_true
from support.consumer import CONSUMER, Consumer, outcome

Until = Callable[..., Awaitable[None]]


async def test_a_message_has_its_effect_and_is_noted_as_done(consumer: Consumer) -> None:
    message = a_message(a_fact(17))

    await consumer.receive(message)

    assert await consumer.noted() == [17]
    (row,) = await consumer.rows()
    assert (row["consumer"], row["message_id"]) == (CONSUMER, message.id)
    assert (row["state"], row["attempts"], row["message"]) == ("done", 1, None)


async def test_thirty_times_the_same_at_once_is_one_effect(consumer: Consumer) -> None:
    message = a_message()

    await asyncio.gather(*(consumer.receive(message) for _ in range(30)))

    assert await consumer.noted() == [1]
    assert len(await consumer.database.fetch("select from outbox")) == 1


async def test_each_consumer_has_its_own_inbox(consumer: Consumer, database: Database) -> None:
    other = Inbox(database, [subscribe("other", "order", [effect(OrderPlaced, consumer.note)])])
    message = a_message()

    await consumer.receive(message)
    await other.handler("other.order")(message, 1)

    assert await consumer.noted() == [1, 1]


async def test_what_a_failing_handler_did_is_undone_and_waits(consumer: Consumer) -> None:
    consumer.fails[1] = RuntimeError("not yet")
    message = a_message()

    with capture_logs() as lines:
        await consumer.receive(message)

    assert await consumer.noted() == []
    assert await consumer.database.fetch("select from outbox") == []
    (row,) = await consumer.rows()
    assert (row["state"], row["attempts"]) == ("waiting", 1)
    assert row["last_error"] == "RuntimeError: not yet"
    (line,) = [line for line in lines if line["event"] == "handler_failed"]
    assert (line["consumer"], line["message_id"]) == (CONSUMER, str(message.id))


async def test_it_is_tried_again_when_its_pause_is_over(consumer: Consumer, until: Until) -> None:
    consumer.fails[1] = RuntimeError("not yet")
    await consumer.receive(a_message())
    consumer.fails.clear()
    consumer.begun.clear()
    began = monotonic()
    await consumer.database.execute("update inbox set due_at = now() + interval '0.7 s'")

    async with Background.open() as background:
        jobs = Jobs(background)
        jobs.start(replace(consumer.inbox.retries(), every_s=3600))  # it does not look that often
        await until(consumer.begun.is_set)
        took_s = monotonic() - began
        await jobs.stop(within_s=1)

    assert took_s >= 0.7


async def test_it_is_tried_again_with_the_same_message(consumer: Consumer) -> None:
    consumer.fails[1] = RuntimeError("not yet")
    await consumer.receive(a_message())
    consumer.fails.clear()

    await consumer.try_again()
    await consumer.try_again()

    assert await consumer.noted() == [1]
    (row,) = await consumer.rows()
    assert (row["state"], row["attempts"], row["message"]) == ("done", 2, None)


async def test_it_is_not_tried_before_its_time(consumer: Consumer) -> None:
    consumer.fails[1] = RuntimeError("not yet")
    await consumer.receive(a_message())
    consumer.fails.clear()

    await consumer.inbox.retry_once()

    assert await consumer.noted() == []


async def test_one_that_waits_does_nothing_when_it_comes_again(consumer: Consumer) -> None:
    consumer.fails[1] = RuntimeError("not yet")
    message = a_message()
    await consumer.receive(message)
    consumer.fails.clear()

    await consumer.receive(message)

    assert await consumer.noted() == []
    await consumer.try_again()
    assert await consumer.noted() == [1]


async def test_later_messages_go_on_meanwhile(consumer: Consumer) -> None:
    consumer.fails[1] = RuntimeError("not yet")

    for order_id in (1, 2, 3):
        await consumer.receive(a_message(a_fact(order_id)))

    assert await consumer.noted() == [2, 3]


async def test_pauses_grow_to_a_minute_and_then_it_is_parked(consumer: Consumer) -> None:
    consumer.fails[1] = RuntimeError("never")
    await consumer.receive(a_message())
    pauses = []

    for attempt in range(1, MAX_ATTEMPTS):
        (row,) = await consumer.database.fetch(
            "select attempts, state, extract(epoch from due_at - now())::float as pause_s"
            " from inbox"
        )
        assert (row["attempts"], row["state"]) == (attempt, "waiting")
        pauses.append(row["pause_s"])
        await consumer.try_again()

    (parked,) = await consumer.rows()
    assert (parked["state"], parked["attempts"]) == ("parked", MAX_ATTEMPTS)
    assert parked["message"] is not None
    for attempt, pause_s in enumerate(pauses, start=1):
        longest_s = min(60, 0.5 * 2**attempt)
        assert 0.5 * longest_s - 0.5 < pause_s <= longest_s, outcome


async def test_what_is_parked_is_left_alone_and_holds_up_nobody(consumer: Consumer) -> None:
    consumer.fails[1] = RuntimeError("never")
    await consumer.receive(a_message())
    for _ in range(MAX_ATTEMPTS - 1):
        await consumer.try_again()
    tried = len(consumer.contexts)

    await consumer.database.execute("update inbox set due_at = now()")
    await consumer.inbox.retry_once()
    await consumer.receive(a_message(a_fact(2)))

    assert len(consumer.contexts) == tried + 1
    assert await consumer.noted() == [2]


async def test_one_that_fails_again_does_not_keep_others_from_being_tried(
    consumer: Consumer,
) -> None:
    for order_id in range(1, 6):
        consumer.fails[order_id] = RuntimeError("not yet")
        await consumer.receive(a_message(a_fact(order_id)))
    consumer.fails = {1: RuntimeError("still not")}

    await consumer.try_again()

    assert await consumer.noted() == [2, 3, 4, 5]


async def test_two_sweepers_share_and_each_effect_is_one(
    consumer: Consumer, database: Database
) -> None:
    for order_id in range(1, 31):
        consumer.fails[order_id] = RuntimeError("not yet")
    await asyncio.gather(*(consumer.receive(a_message(a_fact(n))) for n in range(1, 31)))
    consumer.fails.clear()
    await database.execute("update inbox set due_at = now()")
    other = Inbox(database, [subscribe("testing", "order", [effect(OrderPlaced, consumer.note)])])

    await asyncio.gather(*(inbox.retry_once() for inbox in (consumer.inbox, other, consumer.inbox)))

    assert await consumer.noted() == [*range(1, 31)]


async def test_an_attempt_looks_for_what_is_due_next_not_at_all_that_waits(
    consumer: Consumer, database: Database
) -> None:
    consumer.fails[1] = RuntimeError("not yet")
    await consumer.receive(a_message())
    consumer.fails.clear()
    many = 3000  # that nobody has counted yet: the planner knows nothing of them
    await database.execute(
        "insert into inbox (consumer, message_id, type, subject, version, state, message)"
        " select consumer, id, type, 'order/' || number, 1, state,"
        " replace(message::text, message_id::text, id::text)::json from inbox, lateral (select"
        " number, gen_random_uuid() as id from generate_series(2, $1::int) as number) as new",
        many,
    )

    await consumer.try_again()

    looked_at = "select sum(idx_tup_read)::int as rows from pg_stat_user_indexes"
    await until_true(lambda: _is_counted(database, updates=many + 2 * AT_MOST))
    (found,) = await database.fetch(f"{looked_at} where indexrelname like 'inbox_%'")
    assert found["rows"] < many * AT_MOST / 4


async def _is_counted(database: Database, *, updates: int) -> bool:
    (found,) = await database.fetch(
        "select n_tup_upd from pg_stat_user_tables where relname = 'inbox'"
    )
    return bool(found["n_tup_upd"] >= updates)


async def test_a_sweeper_leaves_the_messages_of_other_consumers_alone(
    consumer: Consumer, database: Database
) -> None:
    consumer.fails[1] = RuntimeError("not yet")
    await consumer.receive(a_message())
    await database.execute("update inbox set due_at = now()")

    await Inbox(database, [subscribe("other", "order", [])]).retry_once()

    assert len(consumer.contexts) == 1


async def test_a_handler_that_is_cut_off_has_no_effect_and_may_be_called_again(
    consumer: Consumer,
) -> None:
    consumer.may_go_on.clear()
    message = a_message()
    async with asyncio.TaskGroup() as tasks:
        cut_off = tasks.create_task(outcome(consumer.receive(message)))
        await consumer.begun.wait()
        cut_off.cancel()

    assert await consumer.rows() == []
    consumer.may_go_on.set()
    await consumer.receive(message)
    assert await consumer.noted() == [1]


@pytest.mark.parametrize(
    "message",
    [
        pytest.param(a_message(data=b"not json"), id="no JSON"),
        pytest.param(a_message(data=b'{"orderId": "one"}'), id="another shape"),
        pytest.param(a_message(data=b"[]"), id="a list"),
        pytest.param(
            a_message(
                data=b'{"orderId":1,"userId":1,"restaurantId":1,"paymentMethod":"pm_x",'
                b'"total":{"amount":"much","currency":"EUR"}}'
            ),
            id="money that is none",
        ),
        pytest.param(a_message(data=b'{"x":' + b"[" * 100_000), id="brackets beyond reason"),
    ],
)
async def test_what_can_never_be_read_is_told_apart_and_not_stored(
    consumer: Consumer, message: Message
) -> None:
    with pytest.raises(UnreadableError):
        await consumer.receive(message)

    assert await consumer.rows() == []


async def test_a_field_that_we_do_not_know_is_ignored(consumer: Consumer) -> None:
    message = a_message()
    data = message.data.replace(b"{", b'{"new":1,', 1)

    await consumer.receive(msgspec.structs.replace(message, data=data))

    assert await consumer.noted() == [1]


async def test_the_correlation_id_goes_through_the_handler_into_what_it_causes(
    consumer: Consumer,
) -> None:
    message = a_message(correlation_id="the-request-behind-it")

    with context.entered(Context("someone-elses")):
        await consumer.receive(message)
        assert context.current().correlation_id == "someone-elses"

    (seen,) = consumer.contexts
    assert (seen.correlation_id, seen.traceparent) == (message.correlation_id, message.traceparent)
    (caused,) = await consumer.database.fetch("select * from outbox")
    assert caused["correlation_id"] == message.correlation_id
    assert caused["traceparent"] == message.traceparent


async def test_also_when_it_is_tried_again(consumer: Consumer) -> None:
    consumer.fails[1] = RuntimeError("not yet")
    message = a_message(correlation_id="the-request-behind-it")
    await consumer.receive(message)
    consumer.fails.clear()

    await consumer.try_again()

    assert [each.correlation_id for each in consumer.contexts] == [message.correlation_id] * 2
    (caused,) = await consumer.database.fetch("select * from outbox")
    assert (caused["correlation_id"], caused["traceparent"]) == (
        message.correlation_id,
        message.traceparent,
    )
