"""What the bus on PostgreSQL promises beside the port."""

import asyncio

import asyncpg

from chassis.messaging.brokers import (
    Buses,
    Heard,
    InOrder,
    PostgresBroker,
    a_message,
    until,
    versions_of,
)
from ordereats.chassis.background import Background
from ordereats.chassis.db.pool import Database, Row
from ordereats.chassis.errors import DatabaseError
from ordereats.chassis.messaging.bus import Queue
from ordereats.chassis.messaging.postgres import PostgresBus, tables
from ordereats.chassis.messaging.postgres_consumer import Consumer


async def test_the_order_of_a_subject_holds_for_two_consumers_of_one_queue(
    postgres_queue: PostgresBroker, buses: Buses, queue: Queue
) -> None:
    one, other = await buses.open(postgres_queue), await buses.open(postgres_queue)
    handler = InOrder()
    await one.declare([queue])
    await one.consume(queue, handler.by("one"))
    await other.consume(queue, handler.by("other"))
    messages = versions_of(queue, subjects=200, versions=5)

    for start in range(0, len(messages), 100):
        await one.publish(messages[start : start + 100])

    await until(lambda: handler.shares.total() == 1000, within_s=30)
    assert handler.is_whole(200, 5)
    assert handler.overlaps == []
    assert min(handler.shares["one"], handler.shares["other"]) > 0


async def test_a_handler_that_outlasts_its_lease_keeps_its_message(
    postgres_queue: PostgresBroker, buses: Buses, background: Background, queue: Queue
) -> None:
    short = PostgresBus(postgres_queue.url, name="short", background=background, lease_s=0.6)
    bus, other = await buses.started(short), await buses.open(postgres_queue)
    heard, to_other = Heard(), Heard()
    heard.may_go_on.clear()
    await bus.declare([queue])
    messages = [a_message(queue, version=version) for version in (1, 2)]
    await bus.publish(messages)
    await bus.consume(queue, heard)
    await until(lambda: bool(heard.begun))
    await other.consume(queue, to_other)

    await postgres_queue.run("select pg_sleep(2)")
    heard.may_go_on.set()

    await heard.until([each.id for each in messages])
    assert heard.messages == messages
    assert to_other.messages == []


async def test_a_message_whose_lease_another_took_over_is_dropped_here(
    postgres_queue: PostgresBroker, buses: Buses, background: Background, queue: Queue
) -> None:
    short = PostgresBus(postgres_queue.url, name="short", background=background, lease_s=0.6)
    bus, heard = await buses.started(short), Heard()
    heard.may_go_on.clear()
    await bus.declare([queue])
    first, second = a_message(queue, version=1), a_message(queue, version=2)
    await bus.publish([first, second])
    await bus.consume(queue, heard)
    await until(lambda: bool(heard.begun))

    await postgres_queue.run(
        "update bus_message set holder = gen_random_uuid(), due_at = now() + '1 hour'"
    )
    await postgres_queue.run("select pg_sleep(1)")
    heard.may_go_on.set()
    await bus.stop_consuming()

    assert heard.messages == [first]
    assert await postgres_queue.left_in(queue) == 2


async def test_a_message_is_found_though_its_notification_was_lost(
    postgres_queue: PostgresBroker, buses: Buses, queue: Queue
) -> None:
    bus, heard = await buses.open(postgres_queue), Heard()
    await bus.declare([queue])
    await bus.consume(queue, heard)
    await bus.publish([a_message(queue)])
    await until(lambda: bool(heard.messages))
    message = a_message(queue)

    await postgres_queue.run(
        "insert into bus_message"
        " (queue, id, type, source, subject, version, time, correlation_id, data)"
        " values ($1, $2, $3, 'testing', 'order/1', 1, now(), 'c', '')",
        queue.name,
        message.id,
        message.type,
    )

    await heard.until([message.id], within_s=3)


async def test_a_notification_brings_a_message_at_once(
    postgres_queue: PostgresBroker, buses: Buses, queue: Queue
) -> None:
    bus, other, heard = (
        await buses.open(postgres_queue),
        await buses.open(postgres_queue),
        Heard(),
    )
    await bus.declare([queue])
    await other.consume(queue, heard)
    await bus.publish([a_message(queue)])
    await until(lambda: len(heard.messages) == 1)
    loop = asyncio.get_running_loop()
    waited: list[float] = []

    for number in range(2, 12):
        message, started = a_message(queue, version=number), loop.time()
        await bus.publish([message])
        await heard.until([message.id])
        waited.append(loop.time() - started)

    assert sorted(waited)[5] < 0.2  # polling alone: half a second


async def test_a_handler_is_told_how_often_its_message_was_handed_out(
    postgres_queue: PostgresBroker, buses: Buses, queue: Queue
) -> None:
    bus, heard = await buses.open(postgres_queue), Heard()
    await bus.declare([queue])
    killer, harmless = a_message(queue, "order/1"), a_message(queue, "order/2")
    await bus.publish([killer, harmless])
    await postgres_queue.run("update bus_message set handed_out = 18 where id = $1", killer.id)

    await bus.consume(queue, heard)

    await heard.until([killer.id, harmless.id])
    await bus.stop_consuming()
    assert heard.handed_out == {killer.id: 19, harmless.id: 1}
    assert await postgres_queue.left_in(queue) == 0


async def test_what_was_acknowledged_is_gone_when_consuming_has_stopped(
    postgres_queue: PostgresBroker, buses: Buses, queue: Queue
) -> None:
    bus, heard = await buses.open(postgres_queue), Heard()
    await bus.declare([queue])
    await bus.consume(queue, heard)
    messages = [a_message(queue, f"order/{number}") for number in range(200)]
    await bus.publish(messages)
    await heard.until([each.id for each in messages])

    await bus.stop_consuming()

    assert await postgres_queue.left_in(queue) == 0


async def test_what_follows_a_message_that_another_is_just_taking_is_left_alone(
    postgres_queue: PostgresBroker, buses: Buses, queue: Queue
) -> None:
    bus, heard = await buses.open(postgres_queue), Heard()
    await bus.declare([queue])
    first, second = a_message(queue, version=1), a_message(queue, version=2)
    other = a_message(queue, "order/2")
    await bus.publish([first, second, other])
    taking = await asyncpg.connect(postgres_queue.url)
    try:
        async with taking.transaction():
            await taking.execute("select from bus_message where id = $1 for update", first.id)

            await bus.consume(queue, heard)

            await heard.until([other.id])
            assert heard.messages == [other]
    finally:
        await taking.close()
    await heard.until([first.id, second.id])
    assert heard.messages == [other, first, second]


async def test_a_subject_that_is_held_elsewhere_holds_up_no_other(
    postgres_queue: PostgresBroker, buses: Buses, queue: Queue
) -> None:
    one, other = await buses.open(postgres_queue), await buses.open(postgres_queue)
    heard, to_other = Heard(), Heard()
    heard.may_go_on.clear()
    await one.declare([queue])
    await one.publish([a_message(queue, "order/busy", version) for version in range(1, 201)])
    await one.consume(queue, heard)
    await until(lambda: bool(heard.begun))
    behind = a_message(queue, "order/behind")
    await one.publish([behind])

    await other.consume(queue, to_other)

    await to_other.until([behind.id], within_s=3)
    assert to_other.messages == [behind]
    heard.may_go_on.set()


class _LosesAnAnswer(Database):
    """A database whose answer to the first claim is lost on the way, after it has committed."""

    has_lost = False

    async def fetch(self, sql: str, *arguments: object) -> list[Row]:
        rows = await super().fetch(sql, *arguments)
        if rows and not self.has_lost:
            self.has_lost = True
            raise DatabaseError("connection was closed in the middle of operation")
        return rows


async def test_what_was_taken_by_a_claim_whose_answer_was_lost_is_taken_again_at_once(
    postgres_queue: PostgresBroker, buses: Buses, queue: Queue
) -> None:
    bus, heard = await buses.open(postgres_queue), Heard()
    await bus.declare([queue])
    messages = [a_message(queue, version=version) for version in (1, 2, 3)]
    await bus.publish(messages)
    async with _LosesAnAnswer.open(postgres_queue.url, name="test") as database:
        consumer = Consumer(queue, heard, database, prefetch=50, lease_s=60)

        async with asyncio.TaskGroup() as group:
            group.create_task(consumer.run())
            consumer.wake()
            await heard.until([each.id for each in messages], within_s=3)
            await consumer.stop()

        assert database.has_lost
    assert heard.messages == messages
    assert await postgres_queue.left_in(queue) == 0


async def test_the_tables_can_be_made_by_many_at_the_same_moment(database_url: str) -> None:
    opened = [await asyncpg.connect(database_url) for _ in range(8)]

    try:
        await asyncio.gather(*(connection.execute(tables()) for connection in opened))
        await asyncio.gather(*(connection.execute(tables()) for connection in opened))
    finally:
        for connection in opened:
            await connection.close()
