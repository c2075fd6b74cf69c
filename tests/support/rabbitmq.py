"""A real RabbitMQ for tests, on a free port and in a folder of its own."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NoReturn

from ordereats.topology.local.part import CannotStart, Process, free_ports
from ordereats.topology.local.rabbitmq import RabbitMQ


@asynccontextmanager
async def rabbitmq(folder: Path, missing: Callable[[str], NoReturn]) -> AsyncIterator[Process]:
    """Run one for the length of a block. It keeps its port and its data when it is killed."""
    try:
        part = RabbitMQ(folder).part(port=free_ports(1)[0])
        server = Process(part, folder.with_suffix(".log"))
        await server.start()
    except CannotStart as reason:
        missing(str(reason))
    yield server
    await server.stop()
