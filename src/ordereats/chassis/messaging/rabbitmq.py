"""The bus on RabbitMQ: quorum queues, confirmed publishing, consumers that come back."""

import asyncio
from collections.abc import Mapping, Sequence
from uuid import UUID

from ordereats.chassis.background import Background
from ordereats.chassis.certificates import Certificates
from ordereats.chassis.messaging.bus import BusState, ConsumerState, Handler, Message, Queue
from ordereats.chassis.messaging.rabbitmq_consumer import Consumer
from ordereats.chassis.messaging.rabbitmq_link import Link
from ordereats.chassis.messaging.rabbitmq_publisher import Publisher
from ordereats.chassis.messaging.sessions import ended


class RabbitBus:
    """`Bus` on RabbitMQ 3.10 and later.

    The order of one subject holds for one consumer of a queue. With several, RabbitMQ deals out
    messages in turn, so that two of one subject may be handled at the same time: events carry the
    entity's version for that.

    Two connections, because the broker blocks those that publish when it runs out of memory or
    disk, and consumers have to go on.
    """

    def __init__(
        self,
        url: str,
        *,
        name: str,
        background: Background,
        prefetch: int = 50,
        certificates: Certificates | None = None,
    ) -> None:
        """Prepare; connects to nothing.

        Args:
            url: `amqp://…` or `amqps://…`.
            name: who connects, for the broker's own list of its clients.
            background: owns the tasks.
            prefetch: messages of one queue that are here at the same time.
            certificates: is told when the broker's is not trusted.
        """
        self._background = background
        self._prefetch = prefetch
        self._publishing = Link(url, name=f"{name} publishes", certificates=certificates)
        self._consuming = Link(url, name=f"{name} consumes", certificates=certificates)
        self._publisher = Publisher(self._publishing)
        self._consumers: dict[Consumer, asyncio.Task[None]] = {}
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def state(self) -> BusState:
        """Whether messages are taken, and each queue of ours exists to take them.

        A consumer that is lost is found again by itself; its queue keeps what comes meanwhile.
        """
        if not all(consumer.is_declared for consumer in self._consumers):
            return BusState.DOWN
        return self._publisher.state

    def consumers(self) -> Sequence[ConsumerState]:
        """Those of this process."""
        return [consumer.state for consumer in self._consumers]

    async def start(self) -> None:
        """Begin to connect."""
        for link in (self._publishing, self._consuming):
            self._tasks.append(self._background.start(link.run(), name=f"bus: {link.name}"))
        self._tasks.append(self._background.start(self._publisher.run(), name="bus: publisher"))

    async def declare(self, queues: Sequence[Queue]) -> None:
        """Make the queues and their routes exist."""
        await self._publisher.declare(queues)

    async def publish(self, messages: Sequence[Message]) -> Mapping[UUID, str]:
        """Publish a batch, persistent, and wait until the broker has confirmed all of it."""
        return await self._publisher.publish(messages)

    async def consume(self, queue: Queue, handler: Handler) -> None:
        """Begin to consume a queue."""
        consumer = Consumer(
            queue, handler, self._consuming, self._publisher, prefetch=self._prefetch
        )
        task = self._background.start(consumer.run(), name=f"bus: consumer of {queue.name}")
        self._consumers[consumer] = task

    async def stop_consuming(self) -> None:
        """Hand back what was not begun, at once, and wait for the handlers that run."""
        await asyncio.gather(*(consumer.stop() for consumer in self._consumers))
        if self._consumers:
            await asyncio.wait(self._consumers.values())

    async def close(self) -> None:
        """Let go of both connections. A handler that still runs is cancelled."""
        await ended(self._consumers.values())  # first: their channels stand on a connection
        await ended(reversed(self._tasks))
