"""Each transport of the bus on a real broker, so that one suite runs on both."""

from collections.abc import AsyncIterator

import pytest

from chassis.messaging.brokers import Broker, Buses, PostgresBroker, RabbitBroker
from ordereats.chassis.background import Background
from ordereats.topology.local.part import Process


@pytest.fixture
def rabbitmq(rabbitmq_server: Process) -> RabbitBroker:
    return RabbitBroker(rabbitmq_server, rabbitmq_server.url)


@pytest.fixture
def postgres_queue(postgres_server: Process, database_url: str) -> PostgresBroker:
    return PostgresBroker(postgres_server, database_url)


@pytest.fixture(params=["rabbitmq", "postgres_queue"])
def broker(request: pytest.FixtureRequest) -> Broker:
    """Give each transport in turn."""
    broker = request.getfixturevalue(request.param)
    assert isinstance(broker, Broker)
    return broker


@pytest.fixture
async def background() -> AsyncIterator[Background]:
    async with Background.open() as background:
        yield background


@pytest.fixture
async def buses(background: Background) -> AsyncIterator[Buses]:
    buses = Buses(background)
    yield buses
    await buses.close()
