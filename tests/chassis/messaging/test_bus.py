"""What every transport of the bus promises while its broker is well."""

import asyncio

import msgspec

from chassis.messaging.brokers import (
    Broker,
    Buses,
    Heard,
    InOrder,
    a_message,
    a_queue,
    dead_letters_of,
    until,
    versions_of,
)
from ordereats.chassis.messaging.bus import Bus, BusState, Message, Queue, UnreadableError
from ordereats.chassis.messaging.lanes import AT_ONCE
from support.builders import until_true


async def test_a_message_arrives_as_it_was_published(
    broker: Broker, buses: Buses, queue: Queue
) -> None:
    bus, heard = await buses.open(broker), Heard()
    await bus.consume(queue, heard)
    await bus.declare([queue])
    message = a_message(queue)

    refused = await bus.publish([message])

    assert refused == {}
    await heard.until([message.id])
    assert heard.messages == [message]
    assert bus.state is BusState.UP


async def test_a_message_of_a_mebibyte_arrives(broker: Broker, buses: Buses, queue: Queue) -> None:
    """As large as the largest fact: see `test_menu_changed.py` of restaurants."""
    bus, heard = await buses.open(broker), Heard()
    await bus.consume(queue, heard)
    await bus.declare([queue])
    message = msgspec.structs.replace(a_message(queue), data=b'"%s"' % (b"x" * 1024 * 1024))

    assert await bus.publish([message]) == {}

    await heard.until([message.id])
    assert heard.messages == [message]


async def test_once_a_bus_is_up_its_queues_miss_nothing(broker: Broker, buses: Buses) -> None:
    """Else the first order of a platform would be lost to whoever is slow to listen."""
    publisher = await buses.open(broker)
    for _ in range(5):
        queue, heard, bus = a_queue(), Heard(), await buses.open(broker)
        await _is_up(bus)
        await bus.consume(queue, heard)
        await _is_up(bus)
        message = a_message(queue)

        assert await publisher.publish([message]) == {}
        await heard.until([message.id])


async def _is_up(bus: Bus) -> None:
    async with asyncio.timeout(10):
        while bus.state is not BusState.UP:  # noqa: ASYNC110  # asked at once, with no event to tell
            await asyncio.sleep(0)


async def test_a_message_without_a_trace_and_with_an_empty_fact_arrives(
    broker: Broker, buses: Buses, queue: Queue
) -> None:
    bus, heard = await buses.open(broker), Heard()
    await bus.declare([queue])
    await bus.consume(queue, heard)
    message = Message(
        id=a_message(queue).id,
        type=queue.types[0],
        source="testing",
        subject="orđer/ü",
        version=2**53,
        time=a_message(queue).time,
        correlation_id="c",
        traceparent=None,
        data=b"",
    )

    await bus.publish([message])

    await heard.until([message.id])
    assert heard.messages == [message]


async def test_every_queue_that_takes_a_type_gets_each_of_its_messages(
    broker: Broker, buses: Buses
) -> None:
    payments = a_queue()
    kitchen = a_queue(*payments.types)
    bus, to_payments, to_kitchen = await buses.open(broker), Heard(), Heard()
    await bus.declare([payments, kitchen])
    await bus.consume(payments, to_payments)
    await bus.consume(kitchen, to_kitchen)
    messages = [a_message(payments, subject=f"order/{number}") for number in range(20)]

    await bus.publish(messages)

    await to_payments.until([each.id for each in messages])
    await to_kitchen.until([each.id for each in messages])
    assert len(to_payments.messages) == len(to_kitchen.messages) == 20


async def test_a_type_that_no_queue_takes_is_named_and_the_rest_of_its_batch_arrives(
    broker: Broker, buses: Buses, queue: Queue
) -> None:
    bus, heard = await buses.open(broker), Heard()
    await bus.declare([queue])
    await bus.consume(queue, heard)
    wanted, unwanted = [a_message(queue), a_message(queue)], a_message(a_queue())

    refused = await bus.publish([wanted[0], unwanted, wanted[1]])

    assert refused == {unwanted.id: f"no queue takes {unwanted.type}"}
    await heard.until([each.id for each in wanted])


async def test_publishing_nothing_is_nothing(broker: Broker, buses: Buses) -> None:
    bus = await buses.open(broker)

    assert await bus.publish([]) == {}


async def test_a_queue_gathers_before_anybody_consumes_it(
    broker: Broker, buses: Buses, queue: Queue
) -> None:
    bus, heard = await buses.open(broker), Heard()
    await bus.declare([queue])
    await bus.declare([queue])
    messages = [a_message(queue) for _ in range(3)]
    await bus.publish(messages)

    await bus.consume(queue, heard)

    await heard.until([each.id for each in messages])


async def test_a_queue_that_takes_a_further_type_gets_it(broker: Broker, buses: Buses) -> None:
    before, further = a_queue(), a_queue()
    bus, heard = await buses.open(broker), Heard()
    await bus.declare([before])

    await bus.consume(Queue(before.name, (*before.types, *further.types)), heard)

    message = a_message(further)

    async def is_taken() -> bool:
        return await bus.publish([message]) == {}

    await until_true(is_taken)
    await heard.until([message.id])


async def test_messages_of_one_subject_are_handled_one_after_the_other_and_in_order(
    broker: Broker, buses: Buses, queue: Queue
) -> None:
    bus, handler = await buses.open(broker), InOrder()
    await bus.declare([queue])
    await bus.consume(queue, handler.by("one"))

    for version in range(5):
        messages = versions_of(queue, subjects=50, versions=20)
        assert await bus.publish(messages[version * 200 : (version + 1) * 200]) == {}

    await until(lambda: handler.shares.total() == 1000, within_s=30)
    assert handler.is_whole(50, 20)
    assert handler.overlaps == []


async def test_consumers_of_one_queue_share_it_and_none_gets_what_another_acknowledged(
    broker: Broker, buses: Buses, queue: Queue
) -> None:
    one, other = await buses.open(broker), await buses.open(broker)
    to_one, to_other = Heard(), Heard()
    await one.declare([queue])
    await one.consume(queue, to_one)
    await other.consume(queue, to_other)
    messages = [a_message(queue, subject=f"order/{number}") for number in range(600)]
    to_one.may_go_on.clear()
    to_other.may_go_on.clear()

    for start in range(0, 600, 100):
        await one.publish(messages[start : start + 100])
        await until(lambda: bool(to_one.begun or to_other.begun))
    await until(lambda: bool(to_one.begun and to_other.begun))
    to_one.may_go_on.set()
    to_other.may_go_on.set()

    await until(lambda: len(to_one.messages) + len(to_other.messages) == 600)
    assert {*to_one.ids, *to_other.ids} == {each.id for each in messages}


async def test_a_message_whose_handler_fails_is_handed_out_again_in_its_place(
    broker: Broker, buses: Buses, queue: Queue
) -> None:
    bus = await buses.open(broker)
    begun: list[Message] = []

    async def fail_twice(message: Message, _handed_out: int) -> None:
        begun.append(message)
        if message.version == 1 and len(begun) < 3:
            raise RuntimeError("not yet")

    await bus.declare([queue])
    await bus.consume(queue, fail_twice)
    first, second = a_message(queue, version=1), a_message(queue, version=2)

    await bus.publish([first, second])

    await until(lambda: len(begun) == 4)
    assert begun == [first, first, first, second]


async def test_a_handler_that_fails_holds_up_no_other_subject(
    broker: Broker, buses: Buses, queue: Queue
) -> None:
    bus, handled = await buses.open(broker), Heard()

    async def fail_for_one(message: Message, handed_out: int) -> None:
        if message.subject == "order/0":
            raise RuntimeError("never")
        await handled(message, handed_out)

    await bus.declare([queue])
    await bus.consume(queue, fail_for_one)
    messages = [a_message(queue, subject=f"order/{number % 20}") for number in range(200)]

    await bus.publish(messages)

    await handled.until([each.id for each in messages if each.subject != "order/0"])


async def test_garbage_goes_to_the_dead_letters_and_the_next_message_is_handled(
    broker: Broker, buses: Buses, queue: Queue
) -> None:
    bus, heard = await buses.open(broker), Heard()
    await bus.declare([queue])
    await broker.put_garbage(queue, b"\xff\x00 not a fact")
    await bus.consume(queue, heard)
    message = a_message(queue)

    await bus.publish([message])

    await heard.until([message.id])
    (letter,) = await dead_letters_of(broker, queue)
    assert letter.body == b"\xff\x00 not a fact"
    assert letter.reason
    assert heard.messages == [message]


async def test_what_a_handler_calls_unreadable_goes_to_the_dead_letters_with_the_reason(
    broker: Broker, buses: Buses, queue: Queue
) -> None:
    bus, heard = await buses.open(broker), Heard()

    async def read(message: Message, handed_out: int) -> None:
        if message.version == 1:
            raise UnreadableError("no total in it")
        await heard(message, handed_out)

    await bus.declare([queue])
    await bus.consume(queue, read)
    unreadable, readable = a_message(queue, version=1), a_message(queue, version=2)

    await bus.publish([unreadable, readable])

    await heard.until([readable.id])
    (letter,) = await dead_letters_of(broker, queue)
    assert letter.body == unreadable.data
    assert letter.reason == "no total in it"


async def test_stopping_waits_for_the_handler_that_runs_and_hands_back_the_rest(
    broker: Broker, buses: Buses, queue: Queue
) -> None:
    bus, heard, next_one = await buses.open(broker), Heard(), Heard()
    await bus.declare([queue])
    heard.may_go_on.clear()
    messages = [a_message(queue, version=version) for version in range(1, 6)]
    await bus.publish(messages)
    await bus.consume(queue, heard)
    await until(lambda: bool(heard.begun))

    async with asyncio.TaskGroup() as group:
        stopping = group.create_task(bus.stop_consuming())
        await asyncio.wait({stopping}, timeout=0.3)
        assert not stopping.done()
        heard.may_go_on.set()

    assert heard.messages == messages[:1]
    another = await buses.open(broker)
    await another.consume(queue, next_one)
    await next_one.until([each.id for each in messages[1:]], within_s=3)
    assert next_one.messages == messages[1:]


async def test_what_was_not_begun_goes_to_another_consumer_while_a_handler_still_runs(
    broker: Broker, buses: Buses, queue: Queue
) -> None:
    bus, other, heard, to_other = (
        await buses.open(broker),
        await buses.open(broker),
        Heard(),
        Heard(),
    )
    await bus.declare([queue])
    heard.may_go_on.clear()
    messages = [a_message(queue, f"order/{number}") for number in range(3 * AT_ONCE)]
    await bus.publish(messages)
    await bus.consume(queue, heard)
    await until(lambda: len(heard.begun) == AT_ONCE)

    async with asyncio.TaskGroup() as group:
        stopping = group.create_task(bus.stop_consuming())
        await other.consume(queue, to_other)
        await until(lambda: len(to_other.messages) == 2 * AT_ONCE, within_s=3)
        assert not stopping.done()
        heard.may_go_on.set()

    assert {*heard.ids, *to_other.ids} == {each.id for each in messages}
    assert len(heard.messages) == AT_ONCE


async def test_stopping_does_not_wait_for_a_handler_that_fails(
    broker: Broker, buses: Buses, queue: Queue
) -> None:
    bus, begun, next_one = await buses.open(broker), list[Message](), Heard()

    async def fail(message: Message, _handed_out: int) -> None:
        begun.append(message)
        raise RuntimeError("never")

    await bus.declare([queue])
    await bus.consume(queue, fail)
    message = a_message(queue)
    await bus.publish([message])
    await until(lambda: len(begun) == 3)

    async with asyncio.timeout(2):
        await bus.stop_consuming()

    another = await buses.open(broker)
    await another.consume(queue, next_one)
    await next_one.until([message.id], within_s=3)


async def test_a_bus_that_has_stopped_consuming_still_publishes(
    broker: Broker, buses: Buses, queue: Queue
) -> None:
    bus, heard = await buses.open(broker), Heard()
    await bus.declare([queue])
    await bus.consume(queue, heard)
    await bus.publish([a_message(queue)])
    await until(lambda: bool(heard.messages))
    await bus.stop_consuming()

    assert await bus.publish([a_message(queue)]) == {}

    assert len(heard.messages) == 1
