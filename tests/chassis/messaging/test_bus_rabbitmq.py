"""What the bus on RabbitMQ promises beside the port, and what its messages look like to others."""

import gc
from time import monotonic

import aio_pika
import pytest

from chassis.messaging.brokers import Buses, Heard, RabbitBroker, a_message, publish, until
from ordereats.chassis.messaging import rabbitmq_link, rabbitmq_publisher
from ordereats.chassis.messaging.bus import BusDownError, BusState, Queue
from support.builders import until_true


async def test_an_alarm_blocks_publishing_and_nothing_else(
    rabbitmq: RabbitBroker,
    buses: Buses,
    queue: Queue,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rabbitmq_link, "LOOK_EVERY_S", 0.2)
    monkeypatch.setattr(rabbitmq_publisher, "SILENT_AFTER_S", 0.2)
    bus, heard = await buses.open(rabbitmq), Heard()
    await bus.declare([queue])
    before = [a_message(queue, subject=f"order/{number}") for number in range(20)]
    await bus.publish(before)
    await rabbitmq.control("set_vm_memory_high_watermark", "0")
    try:
        started = monotonic()

        with pytest.raises(BusDownError):  # the broker says that it blocks when it is published to
            await bus.publish([a_message(queue)])
        with pytest.raises(BusDownError):
            await bus.publish([a_message(queue)])

        assert monotonic() - started < rabbitmq_publisher.CONFIRMED_WITHIN_S
        await bus.consume(queue, heard)
        await heard.until([each.id for each in before])
        with pytest.raises(TimeoutError):
            await until(lambda: bus.state is not BusState.BLOCKED, within_s=2)
    finally:
        await rabbitmq.control("set_vm_memory_high_watermark", "0.6")

    await until(lambda: bus.state is BusState.UP)
    after = a_message(queue)
    await publish(bus, [after])
    await heard.until([after.id])
    gc.collect()
    assert "never retrieved" not in caplog.text


async def test_a_queue_that_is_deleted_under_its_consumer_is_made_again(
    rabbitmq: RabbitBroker, buses: Buses, queue: Queue
) -> None:
    bus, heard = await buses.open(rabbitmq), Heard()
    await bus.declare([queue])
    await bus.consume(queue, heard)
    await until_true(lambda: _is_consumed(rabbitmq, queue))

    async with rabbitmq.channel() as channel:
        await channel.queue_delete(queue.name)

    message = a_message(queue)

    async def is_taken() -> bool:
        return await bus.publish([message]) == {}

    await until_true(is_taken, within_s=5)
    await heard.until([message.id], within_s=5)


async def test_a_handler_is_told_how_often_its_message_was_handed_out(
    rabbitmq: RabbitBroker, buses: Buses, queue: Queue
) -> None:
    bus, heard = await buses.open(rabbitmq), Heard()
    await bus.declare([queue])
    killer, harmless = a_message(queue, "order/1"), a_message(queue, "order/2")
    await bus.publish([killer])
    for _ in range(18):
        async with rabbitmq.channel() as channel:
            taken = await (await channel.get_queue(queue.name)).get()
            await taken.reject(requeue=True)

    await bus.publish([harmless])
    await bus.consume(queue, heard)

    await heard.until([killer.id, harmless.id])
    assert heard.handed_out == {killer.id: 19, harmless.id: 1}


async def test_a_message_is_a_persistent_cloudevent_in_binary_mode(
    rabbitmq: RabbitBroker, buses: Buses, queue: Queue
) -> None:
    bus = await buses.open(rabbitmq)
    await bus.declare([queue])
    message = a_message(queue, "order/7", version=3)

    await bus.publish([message])

    async with rabbitmq.channel() as channel:
        taken = await (await channel.get_queue(queue.name)).get(no_ack=True)
    assert taken.exchange == "ordereats.events"
    assert taken.routing_key == message.type
    assert taken.delivery_mode == aio_pika.DeliveryMode.PERSISTENT
    assert taken.content_type == "application/json"
    assert taken.message_id == str(message.id)
    taken.headers.pop("x-delivery-count", None)  # the broker's own
    taken.headers.pop("x-acquired-count", None)
    assert taken.headers == {
        "cloudEvents:specversion": "1.0",
        "cloudEvents:id": str(message.id),
        "cloudEvents:source": "testing",
        "cloudEvents:type": message.type,
        "cloudEvents:subject": "order/7",
        "cloudEvents:time": message.time.isoformat(),
        "cloudEvents:correlationid": "a-correlation-id",
        "cloudEvents:traceparent": message.traceparent,
        "cloudEvents:version": 3,
    }
    assert taken.body == message.data


async def test_a_queue_of_another_kind_is_refused_in_one_sentence(
    rabbitmq: RabbitBroker, buses: Buses, queue: Queue
) -> None:
    bus = await buses.open(rabbitmq)
    async with rabbitmq.channel() as channel:
        await channel.declare_queue(queue.name, durable=True)

    with pytest.raises(BusDownError, match="x-queue-type"):
        await bus.declare([queue])

    assert bus.state is BusState.UP


async def test_a_message_of_an_unknown_future_field_or_header_is_read(
    rabbitmq: RabbitBroker, buses: Buses, queue: Queue
) -> None:
    bus, heard = await buses.open(rabbitmq), Heard()
    await bus.declare([queue])
    await bus.consume(queue, heard)
    message = a_message(queue)
    headers: aio_pika.abc.HeadersType = {
        "cloudEvents:specversion": "1.0",
        "cloudEvents:id": str(message.id),
        "cloudEvents:source": "another program",
        "cloudEvents:type": message.type,
        "cloudEvents:subject": "order/7",
        "cloudEvents:time": "2026-01-02T03:04:05Z",
        "cloudEvents:correlationid": "c",
        "cloudEvents:version": 1,
        "cloudEvents:partitionkey": "later",
    }

    async with rabbitmq.channel() as channel:
        event = aio_pika.Message(b"{}", headers=headers)
        exchange = await channel.get_exchange("ordereats.events")
        await exchange.publish(event, message.type)

    await heard.until([message.id])
    assert heard.messages[0].source == "another program"


async def _is_consumed(rabbitmq: RabbitBroker, queue: Queue) -> bool:
    return await rabbitmq.consumers_of(queue) == 1
