"""What is taken away from RabbitMQ, or from the way to it, under a bus that runs."""

from collections.abc import AsyncIterator
from time import monotonic

import pytest

from chassis.messaging.brokers import (
    Buses,
    Heard,
    RabbitBroker,
    a_message,
    dead_letters_of,
    publish,
    until,
)
from ordereats.chassis.background import Background, Hint
from ordereats.chassis.clock import SystemClock
from ordereats.chassis.db.pool import Database
from ordereats.chassis.messaging.bus import Bus, BusDownError, BusState, Queue
from ordereats.chassis.messaging.connect import open_bus
from ordereats.chassis.messaging.outbox import Outbox
from ordereats.chassis.messaging.relay import Relay
from ordereats.contracts.events import type_of
from ordereats.topology.broker.queues import queues
from ordereats.topology.faults.control import Add, Clear
from ordereats.topology.faults.proxy import Proxy
from ordereats.topology.faults.toxics import BlackHole
from ordereats.topology.local.part import free_ports
from ordereats.topology.local.ways import ThroughProxy, address
from support.builders import a_fact, nothing, until_true
from support.vandal import Vandal


@pytest.fixture
async def management(rabbitmq: RabbitBroker) -> AsyncIterator[Vandal]:
    async with Vandal.open(str(rabbitmq.server.part.management)) as management:
        yield management


async def test_a_binding_that_is_deleted_comes_back_by_itself(
    rabbitmq: RabbitBroker, buses: Buses, queue: Queue, management: Vandal
) -> None:
    bus, heard = await buses.open(rabbitmq), Heard()
    await bus.consume(queue, heard)
    await until(lambda: all(each.is_consuming for each in bus.consumers()))
    (type_,) = queue.types
    await management.delete(f"bindings/%2F/e/ordereats.events/q/{queue.name}/{type_}")
    message = a_message(queue)

    refused = await bus.publish([message])

    assert "no queue takes" in refused[message.id]  # so its outbox keeps it
    await until_true(lambda: _is_taken(bus, queue), within_s=30)


@pytest.mark.parametrize("gone", ["queues/%2F", "bindings/%2F/e/ordereats.dead/q"])
async def test_the_place_of_the_dead_letters_is_made_again_when_one_comes(
    rabbitmq: RabbitBroker, buses: Buses, queue: Queue, management: Vandal, gone: str
) -> None:
    bus, heard = await buses.open(rabbitmq), Heard()
    await bus.consume(queue, heard)
    await until(lambda: all(each.is_consuming for each in bus.consumers()))
    await management.delete(f"{gone}/ordereats.dead{'/~' if 'bindings' in gone else ''}")

    await rabbitmq.put_garbage(queue, b"unreadable")

    async def is_bound() -> bool:
        return bool(await management.get("bindings/%2F/e/ordereats.dead/q/ordereats.dead"))

    await until_true(is_bound)
    (letter,) = await dead_letters_of(rabbitmq, queue)
    assert letter.body == b"unreadable"


@pytest.mark.alone  # the time is the claim
async def test_every_queue_has_a_consumer_within_10_s_after_the_broker_was_killed(
    rabbitmq: RabbitBroker, buses: Buses
) -> None:
    bus, heard = await buses.open(rabbitmq), Heard()
    for queue in queues():
        await bus.consume(queue, heard)
        await rabbitmq.settled(queue)
    await until(lambda: all(each.is_consuming for each in bus.consumers()), within_s=30)

    async with rabbitmq.killed():
        await until(lambda: not any(each.is_consuming for each in bus.consumers()))
    came_back = monotonic()

    await until(lambda: all(each.is_consuming for each in bus.consumers()), within_s=30)
    assert monotonic() - came_back < 10
    assert [await rabbitmq.consumers_of(queue) for queue in queues()] == [1] * len(queues())


async def test_a_full_queue_refuses_and_takes_again_when_there_is_room(
    rabbitmq: RabbitBroker, buses: Buses, queue: Queue, management: Vandal
) -> None:
    bus, heard = await buses.open(rabbitmq), Heard()
    await bus.declare([queue])
    policy = f"policies/%2F/{queue.name}"
    definition = {"max-length-bytes": 1000, "overflow": "reject-publish"}
    body = {"pattern": f"^{queue.name}$", "priority": 9, "definition": definition}
    await management.put(policy, body)
    refused: list[str] = []

    async def is_full() -> bool:
        refused.extend((await bus.publish([a_message(queue, data=b"x" * 400)])).values())
        return bool(refused)

    await until_true(is_full)

    assert refused == ["the broker refused it"]
    assert bus.state is BusState.UP
    await bus.consume(queue, heard)
    await until_true(lambda: _is_taken(bus, queue))
    await management.delete(policy)


@pytest.mark.alone  # as above
async def test_a_broker_that_falls_silent_is_down_and_comes_back(
    rabbitmq: RabbitBroker, background: Background, queue: Queue
) -> None:
    ways, heard = ThroughProxy(lambda: free_ports(1)[0]), Heard()
    through = address(ways, "test", "rabbitmq", rabbitmq.url)
    async with Proxy.open(ways.taken, free_ports(1)[0]) as proxy:
        bus = open_bus(through, name="test", background=background)
        await bus.start()
        await bus.consume(queue, heard)
        await until(lambda: all(each.is_consuming for each in bus.consumers()))
        await publish(bus, [a_message(queue)])
        await until(lambda: len(heard.messages) == 1)
        fell_silent = monotonic()
        await proxy.obey(Add("test", "rabbitmq", BlackHole()))

        with pytest.raises(BusDownError, match="not confirmed in time"):
            await bus.publish([a_message(queue)])
        await until(lambda: bus.state is BusState.DOWN, within_s=1)
        await until(lambda: not any(each.is_consuming for each in bus.consumers()), within_s=30)
        assert monotonic() - fell_silent < 30  # the heartbeat alone would have taken 33 s

        await proxy.obey(Clear())
        await publish(bus, [a_message(queue, "order/2")], within_s=30)
        await until(lambda: "order/2" in {each.subject for each in heard.messages}, within_s=30)
        assert all(each.is_consuming for each in bus.consumers())
        await bus.stop_consuming()
        await bus.close()


async def test_facts_wait_in_the_outbox_through_a_memory_alarm_and_flow_when_it_clears(
    rabbitmq: RabbitBroker, buses: Buses, database: Database
) -> None:
    bus, heard = await buses.open(rabbitmq), Heard()
    queue = Queue("testing.alarmed", (type_of(type(a_fact())),))
    await bus.consume(queue, heard)
    relay = Relay(database, bus, SystemClock(), hint=Hint())
    await _commit(database, "order/1")
    await until_true(lambda: _relayed(relay, heard, 1))
    await rabbitmq.control("set_vm_memory_high_watermark", "0")
    try:
        await _commit(database, "order/2", "order/3")
        for _ in range(2):
            await relay.run_once()
        assert bus.state is BusState.BLOCKED
        assert all(each.is_consuming for each in bus.consumers())
        assert len(heard.messages) == 1
    finally:
        await rabbitmq.control("set_vm_memory_high_watermark", "0.6")

    await until_true(lambda: _relayed(relay, heard, 3), within_s=30)
    assert {each.subject for each in heard.messages} == {"order/1", "order/2", "order/3"}


async def _commit(database: Database, *subjects: str) -> None:
    outbox = Outbox("orders", SystemClock(), nothing)
    async with database.transaction() as tx:
        messages = [outbox.message(a_fact(), subject=each, version=1) for each in subjects]
        await outbox.add_all(tx, messages)


async def _relayed(relay: Relay, heard: Heard, count: int) -> bool:
    await relay.run_once()
    return len({each.id for each in heard.messages}) >= count


async def _is_taken(bus: Bus, queue: Queue) -> bool:
    return await bus.publish([a_message(queue)]) == {}
