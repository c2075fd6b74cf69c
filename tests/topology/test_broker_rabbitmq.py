"""A real RabbitMQ gets what it must have, says what it has not, and keeps services apart."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit

import aio_pika
import pytest
from aio_pika.abc import AbstractChannel
from aiormq.exceptions import ChannelAccessRefused

from chassis.messaging.brokers import a_message, publish, until
from ordereats.chassis.background import Background
from ordereats.chassis.errors import Misconfigured
from ordereats.chassis.messaging.bus import BusDownError, BusState, Message
from ordereats.chassis.messaging.connect import open_bus
from ordereats.topology.broker.applying import apply
from ordereats.topology.broker.checking import Flaw, check, differences, idle
from ordereats.topology.broker.definitions import Definitions, definitions
from ordereats.topology.broker.management import Management
from ordereats.topology.broker.queues import queues
from ordereats.topology.local.part import Process
from ordereats.topology.local.rabbitmq import accounts
from support.rabbitmq import rabbitmq
from support.vandal import Vandal

EVENTS, PAID = "ordereats.events", "ordereats.order.paid.v1"
KITCHEN = "queues/%2F/kitchen.order"


@pytest.fixture(scope="module")
async def rabbitmq_server(
    session_folder: Path, missing: Callable[[str], NoReturn]
) -> AsyncIterator[Process]:
    """One of its own: a queue that others lost by a kill answers nobody, nor does what asks it."""
    async with rabbitmq(session_folder / "rabbitmq-operated", missing) as server:
        yield server


@pytest.fixture
def wanted(rabbitmq_server: Process) -> Definitions:
    return definitions(queues(), accounts(password_of(rabbitmq_server)))


@pytest.fixture
async def management(rabbitmq_server: Process, wanted: Definitions) -> AsyncIterator[Vandal]:
    assert rabbitmq_server.part.management
    async with Vandal.open(rabbitmq_server.part.management) as management:
        yield management
        await apply(management, wanted)  # the tests of this file share the server


@pytest.fixture
def orders_url(rabbitmq_server: Process) -> str:
    """Give the address of the service orders' own user."""
    (password,) = [
        each.password for each in accounts(password_of(rabbitmq_server)) if each.name == "orders"
    ]
    return f"amqp://orders:{password}@127.0.0.1:{urlsplit(rabbitmq_server.url).port}/"


@pytest.fixture
async def orders(orders_url: str) -> AsyncIterator[aio_pika.abc.AbstractConnection]:
    async with await aio_pika.connect(orders_url) as connection:
        yield connection


def password_of(server: Process) -> str:
    return server.url.split(":")[2].partition("@")[0]


async def told(management: Management, wanted: Definitions) -> list[str]:
    return [str(each) for each in await differences(management, wanted)]


async def test_a_broker_that_has_just_started_has_all_but_consumers(
    management: Vandal, wanted: Definitions
) -> None:
    await apply(management, wanted)  # another test may have taken something away

    assert await told(management, wanted) == []
    assert await apply(management, wanted) == []


async def test_what_was_taken_away_or_changed_is_told_and_mended(
    management: Vandal, wanted: Definitions
) -> None:
    await management.delete(
        "bindings/%2F/e/ordereats.events/q/orders.user/ordereats.user.created.v1"
    )
    await management.delete(KITCHEN)
    await management.put("policies/%2F/ordereats", {"pattern": "x", "definition": {"expires": 9}})
    await management.put("users/orders", {"password": "x", "tags": ""})

    assert await told(management, wanted) == [
        "user orders is different (password_hash)",
        "policy ordereats is different (pattern, apply-to, definition)",
        "queue kitchen.order is missing",
        "binding of ordereats.order.cancelled.v1 to kitchen.order is missing",
        "binding of ordereats.order.paid.v1 to kitchen.order is missing",
        "binding of ordereats.order.picked_up.v1 to kitchen.order is missing",
        "binding of ordereats.user.created.v1 to orders.user is missing",
    ]
    assert len(await apply(management, wanted)) == 7
    assert await told(management, wanted) == []


async def test_what_is_beside_it_stays(management: Vandal, wanted: Definitions) -> None:
    of_an_older_version = {"routing_key": "ordereats.order.old.v1"}
    await management.post("bindings/%2F/e/ordereats.events/q/kitchen.order", of_an_older_version)

    await apply(management, wanted)

    path = "bindings/%2F/e/ordereats.events/q/kitchen.order/ordereats.order.old.v1"
    assert await management.get(path)
    await management.delete(path)


async def test_a_queue_of_another_kind_is_not_touched(
    management: Vandal, wanted: Definitions
) -> None:
    await management.delete(KITCHEN)
    await management.put(KITCHEN, {"durable": True, "arguments": {}})

    assert "queue kitchen.order is different (arguments)" in await told(management, wanted)
    with pytest.raises(Misconfigured, match="by hand"):
        await apply(management, wanted)

    await management.delete(KITCHEN)


async def test_an_unknown_password_is_a_sentence(rabbitmq_server: Process) -> None:
    url = str(rabbitmq_server.part.management).replace(password_of(rabbitmq_server), "wrong")
    async with Vandal.open(url) as management:
        with pytest.raises(Misconfigured, match="does not know this user"):
            await management.get("overview")


async def test_a_queue_that_was_just_made_works_and_waits_for_its_consumer(
    management: Vandal, wanted: Definitions
) -> None:
    await management.delete(KITCHEN)
    await apply(management, wanted)

    found = [each for each in await check(management, wanted) if each.thing.path == KITCHEN]

    assert [each.flaw for each in found] == [Flaw.UNHEARD]


WORKS: dict[str, object] = {"state": "running", "messages": 0}
LOST_ON_3: dict[str, object] = {}
LOST_ON_4: dict[str, object] = {"state": "running"}


def a_found_queue(name: str, told: dict[str, object]) -> dict[str, object]:
    """What the management says of a queue: also a lost one has a leader that is online."""
    return {"name": name, "leader": "a", "members": ["a"], "online": ["a"], **told}


@pytest.mark.parametrize(
    ("kitchen", "others", "said"),
    [
        (WORKS, WORKS, None),
        (LOST_ON_3, WORKS, "no count of messages"),
        (LOST_ON_4, WORKS, "no count of messages"),
        ({"state": "minority", "messages": 0}, WORKS, "minority"),
        (LOST_ON_3, LOST_ON_3, None),  # nobody gathers them
    ],
)
def test_a_queue_that_is_not_counted_while_others_are_does_not_work(
    kitchen: dict[str, object], others: dict[str, object], said: str | None
) -> None:
    found = [a_found_queue("kitchen.order", kitchen), a_found_queue("of.others", others)]

    findings = [str(each) for each in idle(definitions(queues(), []).things, found)]

    assert findings == ([f"queue kitchen.order {Flaw.IDLE} ({said})"] if said else [])


async def test_an_exchange_that_is_gone_comes_back_by_apply_and_services_go_on_by_themselves(
    management: Vandal, wanted: Definitions, orders_url: str
) -> None:
    async with Background.open() as background:
        bus = open_bus(orders_url, name="test", background=background)
        await bus.start()
        (queue,) = [each for each in queues() if each.name == "orders.user"]
        await bus.consume(queue, _hear)
        await until(lambda: all(each.is_consuming for each in bus.consumers()))
        await management.delete(f"exchanges/%2F/{EVENTS}")
        with pytest.raises(BusDownError):
            await bus.publish([a_message(queue)])
        await until(lambda: bus.state is BusState.DOWN)

        await apply(management, wanted)

        await publish(bus, [a_message(queue)])
        await until(lambda: all(each.is_consuming for each in bus.consumers()))
        await bus.stop_consuming()
        await bus.close()


async def test_a_service_uses_its_own_queues_and_publishes(
    orders: aio_pika.abc.AbstractConnection,
) -> None:
    channel = await orders.channel(on_return_raises=True)
    own = await channel.declare_queue(
        "orders.later", durable=True, arguments={"x-queue-type": "quorum"}
    )
    events = await channel.declare_exchange(EVENTS, "topic", passive=True)
    await own.bind(events, "ordereats.testing.later.v1")

    await events.publish(aio_pika.Message(b"fact"), "ordereats.testing.later.v1")

    async with own.iterator(timeout=10) as messages:
        async for message in messages:
            await message.ack()
            assert message.body == b"fact"
            break
    await own.delete(if_unused=False, if_empty=False)


@pytest.mark.parametrize(
    "what", ["read", "consume", "purge", "delete", "bind", "exchange", "declare", "dead letters"]
)
async def test_a_service_can_neither_read_anothers_queue_nor_delete_what_is_shared(
    orders: aio_pika.abc.AbstractConnection, what: str
) -> None:
    channel = await orders.channel()

    with pytest.raises(ChannelAccessRefused) as refused:
        await _attempt(channel, what)

    assert "ACCESS_REFUSED" in str(refused.value)


async def _attempt(channel: AbstractChannel, what: str) -> None:
    kitchen = await channel.get_queue("kitchen.order", ensure=False)
    match what:
        case "read":
            await kitchen.get(fail=False)
        case "consume":
            await kitchen.consume(_taken)
        case "purge":
            await kitchen.purge()
        case "delete":
            await kitchen.delete()
        case "bind":
            await kitchen.bind(EVENTS, PAID)
        case "exchange":
            await channel.exchange_delete(EVENTS)
        case "declare":
            await channel.declare_queue("kitchen.mine", durable=True)
        case _:
            await (await channel.get_queue("ordereats.dead", ensure=False)).get(fail=False)


async def _taken(_message: aio_pika.abc.AbstractIncomingMessage) -> None:
    """Never called."""


async def _hear(_message: Message, _handed_out: int) -> None:
    """Nothing is made of it."""
