"""Each message has its effect once, whatever comes twice, fails, or is away for a while."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import msgspec
import pytest
from structlog.testing import capture_logs

from ordereats.chassis import context
from ordereats.chassis.clock import SystemClock
from ordereats.chassis.context import Context
from ordereats.chassis.db.pool import Database, Transaction
from ordereats.chassis.errors import DatabaseError
from ordereats.chassis.messaging.bus import Message, UnreadableError
from ordereats.chassis.messaging.inbox import MAX_ATTEMPTS, Inbox, effect, subscribe
from ordereats.chassis.messaging.outbox import Outbox
from ordereats.contracts.ids import OrderId, RestaurantId, UserId
from ordereats.contracts.money import Money
from ordereats.contracts.orders import OrderPaid, OrderPlaced
from ordereats.topology.local.part import Process
from support.builders import a_fact, a_message, nothing, run_sql

CONSUMER = "testing.order"
Until = Callable[..., Awaitable[None]]


class Consumer:
    """Notes each order that it hears of in the database; fails when it is told to.

    Attributes:
        fails: raised after the effect, which then has to be undone.
        contexts: that were current.
        may_go_on: it waits for this, inside the transaction.
    """

    def __init__(self, database: Database) -> None:
        self.database = database
        self.fails: dict[int, Exception] = {}
        self.contexts: list[Context] = []
        self.begun = asyncio.Event()
        self.may_go_on = asyncio.Event()
        self.may_go_on.set()
        self.inbox = Inbox(
            database, [subscribe("testing", "order", [effect(OrderPlaced, self.note)])]
        )
        self.receive = self.inbox.handler(CONSUMER)

    async def note(self, tx: Transaction, fact: OrderPlaced) -> None:
        self.contexts.append(context.current())
        await tx.execute("insert into noted (order_id) values ($1)", fact.order_id)
        self.begun.set()
        await self.may_go_on.wait()
        if fact.order_id in self.fails:
            raise self.fails[fact.order_id]
        outbox = Outbox("testing", SystemClock(), nothing)
        caused = OrderPaid(OrderId(fact.order_id), UserId(1), RestaurantId(1), Money(1))
        await outbox.add(tx, caused, subject=f"order/{fact.order_id}", version=2)

    async def noted(self) -> list[int]:
        rows = await self.database.fetch("select order_id from noted order by order_id")
        return [row["order_id"] for row in rows]

    async def rows(self) -> list[dict[str, object]]:
        found = await self.database.fetch("select * from inbox order by received_at")
        return [dict(row) for row in found]

    async def try_again(self) -> None:
        """Let every pause be over, and sweep."""
        await self.database.execute("update inbox set due_at = now() where state = 'waiting'")
        await self.inbox.retry_once()


@pytest.fixture
async def consumer(database: Database) -> Consumer:
    await database.execute("create table noted (order_id bigint not null, email text unique)")
    return Consumer(database)


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
    await other.handler("other.order")(message)

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
        assert 0.5 * longest_s - 0.5 < pause_s <= longest_s, attempt


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
        cut_off = tasks.create_task(attempt(consumer.receive(message)))
        await consumer.begun.wait()
        cut_off.cancel()

    assert await consumer.rows() == []
    consumer.may_go_on.set()
    await consumer.receive(message)
    assert await consumer.noted() == [1]


@pytest.mark.parametrize(
    "message",
    [
        pytest.param(a_message(type="ordereats.order.eaten.v1"), id="a type we don't know"),
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


async def test_a_statement_of_the_handler_that_fails_costs_an_attempt(
    consumer: Consumer, database: Database
) -> None:
    await database.execute("alter table noted add check (order_id <> 1)")

    await consumer.receive(a_message())

    (row,) = await consumer.rows()
    assert (row["state"], row["attempts"]) == ("waiting", 1)
    assert "CheckViolationError" in str(row["last_error"])


async def test_what_is_stored_of_an_error_quotes_nobodys_data(
    consumer: Consumer, database: Database
) -> None:
    taken = "insert into noted (order_id, email) values (1, 'hieu@test.com')"
    await database.execute(taken)

    async def repeat(tx: Transaction, _fact: OrderPlaced) -> None:
        await tx.execute(taken)

    inbox = Inbox(database, [subscribe("testing", "order", [effect(OrderPlaced, repeat)])])
    with capture_logs() as lines:
        await inbox.handler(CONSUMER)(a_message())

    (row,) = await consumer.rows()
    assert "UniqueViolationError" in str(row["last_error"])
    assert "hieu" not in str(row["last_error"])
    assert "hieu" not in str(lines)


async def test_a_database_that_is_away_is_waited_for_and_costs_no_attempt(
    postgres_server: Process, chassis_url: str, consumer: Consumer, until: Until
) -> None:
    message = a_message()

    async def hand_over() -> None:
        """Call the handler as the bus does: again, until it has done with the message."""
        while await attempt(consumer.receive(message)):  # noqa: ASYNC110  # it pauses just so
            await asyncio.sleep(0.05)

    with capture_logs() as lines:
        async with asyncio.TaskGroup() as tasks:
            async with away(postgres_server, chassis_url):
                receiving = tasks.create_task(hand_over())
                await until(lambda: bool(_waiting(lines)))
                assert not receiving.done()
            async with asyncio.timeout(5):
                await receiving

    assert await consumer.noted() == [1]
    (row,) = await consumer.rows()
    assert (row["state"], row["attempts"]) == ("done", 1)


async def test_one_that_goes_away_under_a_retry_costs_no_attempt_either(
    postgres_server: Process, chassis_url: str, consumer: Consumer
) -> None:
    consumer.fails[1] = RuntimeError("not yet")
    await consumer.receive(a_message())
    consumer.fails.clear()
    consumer.begun.clear()
    consumer.may_go_on.clear()
    async with asyncio.TaskGroup() as tasks:
        trying = tasks.create_task(attempt(consumer.try_again()))
        await consumer.begun.wait()
        async with away(postgres_server, chassis_url):
            consumer.may_go_on.set()
            assert isinstance(await trying, DatabaseError)

    (row,) = await consumer.rows()
    assert (row["state"], row["attempts"]) == ("waiting", 1)
    await consumer.try_again()
    assert await consumer.noted() == [1]


async def test_what_was_done_is_forgotten_after_a_week_and_what_was_not_never(
    consumer: Consumer, database: Database
) -> None:
    await database.execute(
        "insert into inbox (consumer, message_id, type, subject, state, handled_at, received_at,"
        " message) select 'c', gen_random_uuid(), 't', subject, state,"
        " now() - age::interval, now() - age::interval, '{}'"
        " from (values ('young', 'done', '6 days 23 hours'), ('old', 'done', '7 days 1 hour'),"
        " ('parked', 'parked', '1 year'), ('waiting', 'waiting', '1 year'))"
        " as given (subject, state, age)"
    )

    assert await consumer.inbox.cleanup().run() is False

    assert {row["subject"] for row in await consumer.rows()} == {"young", "parked", "waiting"}


@asynccontextmanager
async def away(server: Process, url: str) -> AsyncIterator[None]:
    """Cut every connection to a database and let nobody in, for the length of a block."""
    name = urlsplit(url).path[1:]
    await run_sql(server.url, f"alter database {name} allow_connections false")
    await run_sql(
        server.url,
        "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1",
        name,
    )
    try:
        yield
    finally:
        await run_sql(server.url, f"alter database {name} allow_connections true")


def _waiting(lines: Sequence[Mapping[str, object]]) -> list[Mapping[str, object]]:
    return [line for line in lines if line["event"] == "consumer_waits_for_database"]


async def attempt(work: Awaitable[object]) -> Exception | None:
    try:
        await work
    except DatabaseError as error:
        return error
    return None
