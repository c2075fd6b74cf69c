"""What tests of messages stand on."""

import pytest

from chassis.messaging.brokers import a_queue
from ordereats.chassis.db.pool import Database
from ordereats.chassis.messaging.bus import Queue
from support.consumer import Consumer


@pytest.fixture
def queue() -> Queue:
    """Give a queue that no other test has, with one type."""
    return a_queue()


@pytest.fixture
async def consumer(database: Database) -> Consumer:
    await database.execute("create table noted (order_id bigint not null, email text unique)")
    return Consumer(database)
