"""Messages that need a person: the same on both brokers and in inboxes, seen and handed over."""

from datetime import UTC, datetime, timedelta

import pytest

from chassis.messaging.brokers import (
    CLOCK,
    Broker,
    Buses,
    Heard,
    PostgresBroker,
    RabbitBroker,
    a_message,
    a_queue,
    publish,
)
from ordereats.chassis.db.migrations import migrate
from ordereats.chassis.messaging.bus import Bus, BusDownError, Message, Queue, UnreadableError
from ordereats.chassis.messaging.lag import MOST_COUNTED
from ordereats.chassis.service import CHASSIS_TABLES
from ordereats.contracts.wire import encode
from ordereats.topology.dead_letters import office
from ordereats.topology.dead_letters.at_broker import at_broker
from ordereats.topology.dead_letters.letter import BrokerStore, Choice, Letter, Store
from ordereats.topology.dead_letters.parked import Parked
from support.builders import run_sql, until_true

SECRET = b'{"orderId": 1, "email": "hieu@test.com"}'


@pytest.fixture
def store(broker: Broker) -> BrokerStore:
    return at_broker(broker.url)


class Picky:
    """A handler that can't read anything, until it is mended."""

    def __init__(self) -> None:
        self.heard = Heard()
        self.is_mended = False

    async def __call__(self, message: Message, handed_out: int) -> None:
        if not self.is_mended:
            raise UnreadableError("no ticket in it")
        await self.heard(message, handed_out)


async def buried(bus: Bus, store: Store, queue: Queue, *, count: int = 1) -> list[Message]:
    """Publish messages that end among the dead letters."""
    messages = [a_message(queue, f"order/{n}", data=SECRET) for n in range(1, count + 1)]
    await bus.declare([queue])
    for each in messages:
        await publish(bus, [each])
    await until_true(lambda: _are(store, queue, count))
    return messages


async def letters(store: Store, queue: Queue) -> list[Letter]:
    """Those of one queue: the broker is shared."""
    looked = await office.look([store], Choice(queue=queue.name), CLOCK)
    assert looked.unread == []
    return list(looked.letters)


async def _are(store: Store, queue: Queue, count: int) -> bool:
    return len(await letters(store, queue)) == count


async def test_a_letter_says_where_it_was_to_go_and_why_it_did_not(
    broker: Broker, store: BrokerStore, buses: Buses
) -> None:
    bus, queue = await buses.open(broker), a_queue()
    await bus.consume(queue, Picky())
    (message,) = await buried(bus, store, queue)

    (letter,) = await letters(store, queue)

    assert (letter.where, letter.queue, letter.type) == ("broker", queue.name, message.type)
    assert (letter.subject, letter.reason) == ("order/1", "no ticket in it")
    assert letter.since is not None
    assert abs(CLOCK.now() - letter.since) < timedelta(minutes=1)
    assert b"hieu" not in encode(letter)


async def test_looking_moves_nothing_whatever_becomes_of_who_looks(
    broker: Broker, store: BrokerStore, buses: Buses
) -> None:
    bus, queue = await buses.open(broker), a_queue()
    await bus.consume(queue, Picky())
    await buried(bus, store, queue, count=3)

    first = await letters(store, queue)
    with pytest.raises(ZeroDivisionError):
        await _break_off(store)

    async def are_back() -> bool:
        return await letters(store, queue) == first

    await until_true(are_back)
    # Three subjects are three lanes, and so they may come there in any order.
    assert {each.subject for each in first} == {"order/1", "order/2", "order/3"}


async def _break_off(store: Store) -> None:
    async with store.opened() as opened:
        async for _ in opened:
            raise ZeroDivisionError


async def test_one_that_is_opened_shows_all_that_is_in_it(
    broker: Broker, store: BrokerStore, buses: Buses
) -> None:
    bus, queue = await buses.open(broker), a_queue()
    await bus.consume(queue, Picky())
    await buried(bus, store, queue)
    (letter,) = await letters(store, queue)

    opened, unread = await office.open_one([store], letter.id)

    assert unread == []
    assert opened is not None
    assert (opened.letter, opened.body) == (letter, SECRET.decode())
    assert "a-correlation-id" in opened.attributes.values()
    assert await office.open_one([store], "unknown") == (None, [])


async def test_it_goes_back_to_the_one_queue_that_it_came_from(
    broker: Broker, store: BrokerStore, buses: Buses
) -> None:
    bus, queue, picky = await buses.open(broker), a_queue(), Picky()
    other, heard = a_queue(*queue.types), Heard()
    await bus.consume(queue, picky)
    await bus.consume(other, heard)
    await bus.declare([other])
    messages = await buried(bus, store, queue, count=2)
    picky.is_mended = True

    done = await office.redrive([store], Choice(queue=queue.name, subject="order/2"), CLOCK)

    assert [each.subject for each in done.went] == ["order/2"]
    assert (done.refused, done.unread) == ([], [])
    await picky.heard.until([messages[1].id])
    assert picky.heard.messages == [messages[1]]
    assert picky.heard.handed_out == {messages[1].id: 1}
    assert [each.subject for each in await letters(store, queue)] == ["order/1"]
    assert len(heard.messages) == 2


async def test_one_that_still_can_not_be_read_is_a_letter_again_and_met_once(
    broker: Broker, store: BrokerStore, buses: Buses
) -> None:
    bus, queue = await buses.open(broker), a_queue()
    await bus.consume(queue, Picky())
    await buried(bus, store, queue, count=2)

    done = await office.redrive([store], Choice(queue=queue.name), CLOCK)

    assert len(done.went) == 2
    await until_true(lambda: _are(store, queue, 2))


async def test_what_waits_at_a_broker_is_counted(
    broker: Broker, store: BrokerStore, buses: Buses
) -> None:
    bus, queue, empty, full = await buses.open(broker), a_queue(), a_queue(), a_queue()
    await bus.consume(queue, Picky())
    await bus.declare([empty, full])
    await buried(bus, store, queue)
    await publish(bus, [a_message(full), a_message(full)])

    waiting = await store.waiting([queue.name, empty.name, full.name, "never.made"])

    assert waiting.queues == {full.name: 2}
    assert waiting.dead >= 1


async def test_a_long_queue_is_counted_so_far_and_hides_no_other(
    postgres_queue: PostgresBroker, buses: Buses
) -> None:
    store, bus = at_broker(postgres_queue.url), await buses.open(postgres_queue)
    long, short = sorted((a_queue(), a_queue()), key=lambda queue: queue.name)
    await bus.declare([long, short])
    await publish(bus, [a_message(short)])
    await publish(bus, [a_message(long)])
    await postgres_queue.run(MANY, long.name, MOST_COUNTED)

    waiting = await store.waiting([long.name, short.name])

    assert waiting.queues == {long.name: MOST_COUNTED, short.name: 1}


MANY = """
insert into bus_message (queue, id, type, source, subject, version, time, correlation_id, data)
select queue, id, type, source, subject, version, time, correlation_id, data
from bus_message, generate_series(1, $2::int) where queue = $1
"""


async def test_garbage_is_a_letter_too(broker: Broker, store: BrokerStore, buses: Buses) -> None:
    bus, queue = await buses.open(broker), a_queue()
    await bus.declare([queue])
    await broker.put_garbage(queue, b"\xff no message")
    await bus.consume(queue, Heard())
    await until_true(lambda: _are(store, queue, 1))

    (letter,) = await letters(store, queue)
    opened, _ = await office.open_one([store], letter.id)

    assert (letter.type, letter.subject) == (None, None)
    assert opened is not None
    assert opened.body == "\\xff no message"


async def test_one_whose_queue_is_gone_stays(rabbitmq: RabbitBroker, buses: Buses) -> None:
    store, queue, bus = at_broker(rabbitmq.url), a_queue(), await buses.open(rabbitmq)
    await bus.consume(queue, Picky())
    await buried(bus, store, queue)
    await bus.stop_consuming()
    async with rabbitmq.channel() as channel:
        await channel.queue_delete(queue.name)

    done = await office.redrive([store], Choice(queue=queue.name), CLOCK)

    assert [each.why for each in done.refused] == [f"there is no queue {queue.name}"]
    assert len(await letters(store, queue)) == 1


async def test_what_rabbitmq_gave_up_by_itself_is_known_by_its_own_headers(
    rabbitmq: RabbitBroker, buses: Buses
) -> None:
    store, queue, bus = at_broker(rabbitmq.url), a_queue(), await buses.open(rabbitmq)
    await bus.declare([queue])
    await publish(bus, [a_message(queue)])
    async with rabbitmq.channel() as channel:
        taken = await (await channel.get_queue(queue.name)).get()
        await taken.reject(requeue=False)
        await until_true(lambda: _are(store, queue, 1))

    (letter,) = await letters(store, queue)
    done = await office.redrive([store], Choice(ids=frozenset({letter.id})), CLOCK)

    assert (letter.reason, letter.type) == ("rejected", queue.types[0])
    assert letter.since is not None
    assert done.went == [letter]
    await until_true(lambda: _are(store, queue, 0))
    assert (await store.waiting([queue.name])).queues == {queue.name: 1}


PARK = """
insert into inbox (consumer, message_id, type, subject, state, attempts, last_error, message)
values ($1, $2, $3, $4, 'parked', 8, 'ValueError: no', $5)
"""


async def parked(url: str, queue: Queue, subject: str = "order/1") -> Message:
    message = a_message(queue, subject, data=SECRET)
    its = (queue.name, message.id, message.type, subject, encode(message).decode())
    await run_sql(url, PARK, *its)
    return message


@pytest.fixture
async def inbox_url(database_url: str) -> str:
    await migrate(database_url, [CHASSIS_TABLES])
    return database_url


async def test_a_parked_message_has_the_same_shape(inbox_url: str) -> None:
    queue, store = a_queue(), Parked(inbox_url, ["payments"])
    message = await parked(inbox_url, queue)

    (letter,) = await letters(store, queue)
    opened, _ = await office.open_one([store], letter.id)

    assert (letter.where, letter.queue, letter.attempts) == ("inbox", queue.name, 8)
    assert (letter.subject, letter.reason) == ("order/1", "ValueError: no")
    assert opened is not None
    assert opened.body == SECRET.decode()
    assert opened.attributes["message_id"] == str(message.id)
    assert opened.attributes["time"] == message.time.isoformat()


async def test_a_parked_message_is_tried_again_at_once_and_from_the_beginning(
    inbox_url: str,
) -> None:
    queue, store = a_queue(), Parked(inbox_url, ["payments"])
    chosen, other = await parked(inbox_url, queue), await parked(inbox_url, queue, "order/2")

    done = await office.redrive([store], Choice(subject="order/1"), CLOCK)

    assert [each.subject for each in done.went] == ["order/1"]
    rows = await run_sql(
        inbox_url, "select message_id, state, attempts, due_at <= now() as is_due from inbox"
    )
    assert {row["message_id"]: tuple(row)[1:] for row in rows} == {
        chosen.id: ("waiting", 0, True),
        other.id: ("parked", 8, None),
    }


async def test_a_store_that_is_down_hides_no_other(inbox_url: str) -> None:
    queue = a_queue()
    await parked(inbox_url, queue)
    dead = at_broker("amqp://127.0.0.1:9/")
    stores: list[Store] = [dead, Parked("postgres://127.0.0.1:9/no", ["users", "orders"])]

    looked = await office.look([*stores, Parked(inbox_url, ["payments"])], Choice(), CLOCK)

    assert [each.queue for each in looked.letters] == [queue.name]
    assert [each.partition(" can't be read: ")[0] for each in looked.unread] == [
        "RabbitMQ",
        "the inbox of users, orders",
    ]
    with pytest.raises(BusDownError):
        await dead.waiting([])


NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
LETTER = Letter(
    id="4f2a",
    where="inbox",
    queue="payments.order",
    type="ordereats.order.placed.v1",
    subject="order/17",
    reason="ValueError: No such card",
    since=NOW - timedelta(hours=1),
    attempts=8,
)
TAKES = [
    Choice(),
    Choice(ids=frozenset({"4f2a", "0000"})),
    Choice(queue="payments.*"),
    Choice(queue="payments.order"),
    Choice(type="order.placed"),
    Choice(type="order.*"),
    Choice(type="ordereats.order.placed.v1"),
    Choice(subject="order/17"),
    Choice(reason="no SUCH"),
    Choice(older_than=timedelta(minutes=59)),
    Choice(queue="payments.*", subject="order/*", reason="card"),
]
LEAVES = [
    Choice(ids=frozenset({"4f2"})),
    Choice(queue="payments"),
    Choice(type="order"),
    Choice(type="*.paid"),
    Choice(subject="order/1"),
    Choice(reason="such a card"),
    Choice(older_than=timedelta(hours=1)),
    Choice(queue="payments.*", subject="order/18"),
]


@pytest.mark.parametrize("choice", TAKES, ids=range(len(TAKES)))
def test_what_all_filters_mean_is_chosen(choice: Choice) -> None:
    assert choice.takes(LETTER, NOW)


@pytest.mark.parametrize("choice", LEAVES, ids=range(len(LEAVES)))
def test_what_one_filter_does_not_mean_is_not(choice: Choice) -> None:
    assert not choice.takes(LETTER, NOW)
