"""Who listens hears what passes from now on, changes nothing by it and leaves nothing behind."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from chassis.messaging.brokers import Broker, Buses, a_message, a_queue, publish
from ordereats.chassis.errors import Misconfigured
from ordereats.chassis.messaging import postgres_tail, rabbitmq_tail
from ordereats.chassis.messaging.bus import Bus, BusDownError, Message, Queue
from ordereats.chassis.messaging.connect import open_tail
from ordereats.chassis.messaging.postgres_tail import Overheard


async def until_heard(bus: Bus, queue: Queue, messages: AsyncIterator[Message]) -> None:
    """Publish until it is heard: a bus may not know yet that somebody listens."""
    mark = a_message(queue, "the mark")

    async def hear() -> None:
        assert (await anext(messages)).subject == "the mark"

    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        hearing = tasks.create_task(hear())
        while not hearing.done():
            await publish(bus, [mark])
            await asyncio.wait((hearing,), timeout=0.1)


async def heard(messages: AsyncIterator[Message], last: Message) -> list[Message]:
    """Everything up to this one, but the marks."""
    found: list[Message] = []
    async with asyncio.timeout(10):
        while not found or found[-1].id != last.id:
            found.append(await anext(messages))
    return [each for each in found if each.subject != "the mark"]


async def test_what_is_published_is_heard_as_it_was_and_what_was_before_is_not(
    broker: Broker, buses: Buses, queue: Queue
) -> None:
    bus = await buses.open(broker)
    await bus.declare([queue])
    before, now = a_message(queue), [a_message(queue, f"order/{n}") for n in range(20)]
    await publish(bus, [before])

    async with open_tail(broker.url, [queue]) as messages:
        await until_heard(bus, queue, messages)
        await publish(bus, now)

        assert await heard(messages, now[-1]) == now


async def test_a_fact_that_is_long_is_heard_of(broker: Broker, buses: Buses, queue: Queue) -> None:
    bus = await buses.open(broker)
    await bus.declare([queue])
    long = a_message(queue, data=b'"%s"' % (b"x" * 100_000))

    async with open_tail(broker.url, [queue]) as messages:
        await until_heard(bus, queue, messages)
        await publish(bus, [long])

        (found,) = await heard(messages, long)

    assert (found.id, found.subject) == (long.id, long.subject)
    assert found.data in {long.data, b""}


async def test_what_no_service_takes_is_refused_as_if_nobody_listened(
    broker: Broker, buses: Buses, queue: Queue
) -> None:
    """Else the relay would forget an event that its consumer's queue has not heard yet."""
    bus, nobodys = await buses.open(broker), a_queue()
    await bus.declare([queue])
    async with open_tail(broker.url, [queue, nobodys]) as messages:
        await until_heard(bus, queue, messages)

        assert [*await bus.publish([a_message(nobodys)])] != []


async def test_who_does_not_read_holds_nobody_up_and_misses_the_oldest(
    broker: Broker, buses: Buses, queue: Queue
) -> None:
    bus = await buses.open(broker)
    await bus.declare([queue])
    most = max(postgres_tail.MOST_WAITING, rabbitmq_tail.MOST_WAITING + rabbitmq_tail.PREFETCH)
    flood = [a_message(queue, f"order/{n}") for n in range(2 * most)]
    async with open_tail(broker.url, [queue]) as messages:
        await until_heard(bus, queue, messages)

        await publish(bus, flood)

        found = await heard(messages, flood[-1])
    assert len(found) < len(flood)
    assert found == sorted(found, key=lambda each: int(each.subject.partition("/")[2]))


async def test_a_broker_that_is_away_is_said(broker: Broker) -> None:
    scheme = broker.url.partition(":")[0]

    with pytest.raises(BusDownError):
        async with open_tail(f"{scheme}://nobody@127.0.0.1:9/nothing", []):
            pass


def test_an_address_that_names_no_bus_is_said() -> None:
    with pytest.raises(Misconfigured, match="BROKER_URL"):
        open_tail("http://somewhere", [])


def test_while_nobody_listens_nothing_is_kept(queue: Queue) -> None:
    overheard = Overheard()

    overheard.note([a_message(queue)])
    before = overheard.take()
    overheard.asked()
    overheard.note([a_message(queue)])

    assert (before, len(overheard.take()), overheard.take()) == ([], 1, [])
