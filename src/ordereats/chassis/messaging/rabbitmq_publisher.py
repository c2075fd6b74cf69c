"""Publishing to RabbitMQ: each message confirmed by the broker, or not taken. It keeps nothing."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any
from uuid import UUID

import aio_pika
import structlog
from aio_pika.abc import AbstractChannel, HeadersType
from aio_pika.exceptions import DeliveryError, PublishError

from ordereats.chassis.clock import SystemClock
from ordereats.chassis.failpoints import Failpoint
from ordereats.chassis.messaging.bus import BusDownError, BusState, Message, Queue
from ordereats.chassis.messaging.cloudevents import CONTENT_TYPE, headers_of
from ordereats.chassis.messaging.rabbitmq_link import (
    DEAD,
    EVENTS,
    SETUP_S,
    SILENT_AFTER_S,
    Link,
    closed,
    declare_queue,
    look_until,
    make_exchanges,
    need_exchanges,
)
from ordereats.chassis.messaging.sessions import again_and_again, is_being_cancelled

log = structlog.get_logger(__name__)

CONNECTED_WITHIN_S = 2.0
CONFIRMED_WITHIN_S = 8.0
ONE_CONFIRMED = Failpoint(
    "publish.one_confirmed",
    "The broker has one message of a batch; nothing is known of the others.",
    fails=ConnectionError,
)
BLOCKED_SEEN_S = 0.1
"""How soon a publish that is under way sees that the broker has blocked the connection."""


class Publisher:
    """Publishes on a connection of its own, for an alarm blocks it, and acks must go on."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._channel: AbstractChannel | None = None
        self._is_open = asyncio.Event()

    @property
    def state(self) -> BusState:
        """Whether messages are taken now, as far as the broker has told."""
        if self._link.is_blocked:  # the channel may be lost to its silence
            return BusState.BLOCKED
        return BusState.DOWN if self._channel is None else BusState.UP

    async def run(self) -> None:
        """Keep a channel open. Never returns."""
        await again_and_again(self._session, what="publisher", name=self._link.name)

    async def declare(self, queues: Sequence[Queue]) -> None:
        """Make the queues and their routes exist.

        Raises:
            BusDownError: no broker, or it refuses; a queue of that name may be of another kind.
        """
        await self._open_channel()
        try:
            async with asyncio.timeout(SETUP_S):
                # A channel of its own: a refusal closes it.
                channel = (await self._link.connection()).channel(publisher_confirms=False)
                try:
                    await channel.initialize()
                    for queue in queues:
                        await declare_queue(channel, queue)
                finally:
                    await closed(channel)
        except (Exception, asyncio.CancelledError) as error:
            if is_being_cancelled():
                raise
            raise BusDownError(f"queues are not declared: {error!r}") from error

    async def publish(self, messages: Sequence[Message]) -> Mapping[UUID, str]:
        """Publish a batch and wait for all of its confirms, as `Bus.publish` says."""
        unique = {message.id: message for message in messages}
        reasons = await self._confirmed([partial(_send, message=each) for each in unique.values()])
        return {id_: reason for id_, reason in zip(unique, reasons, strict=True) if reason}

    async def bury(self, body: bytes, headers: HeadersType, message_id: str | None) -> None:
        """Put a message among the dead letters.

        Raises:
            BusDownError: it is not known to be there.
        """
        letter = aio_pika.Message(
            body,
            headers=headers,
            content_type=CONTENT_TYPE,
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
            message_id=message_id,
            timestamp=SystemClock().now(),
        )
        (reason,) = await self._confirmed(
            [partial(_confirmed, message=letter, exchange=DEAD, routing_key="")]
        )
        if reason:
            await self._make_place_for_the_dead()
            raise BusDownError(f"a dead letter was not taken: {reason}")

    async def _make_place_for_the_dead(self) -> None:
        """Their queue, or its binding, may have been deleted; the letter is brought once more."""
        try:
            async with asyncio.timeout(SETUP_S):
                await make_exchanges(await self._link.connection())
        except (Exception, asyncio.CancelledError) as error:
            if is_being_cancelled():
                raise
            log.warning("dead_letters_have_no_place", name=self._link.name, error=repr(error))

    async def _confirmed(
        self, sends: Sequence[Callable[[AbstractChannel], Awaitable[str | None]]]
    ) -> list[str | None]:
        self._refuse_if_blocked()
        channel = await self._open_channel()
        batch = asyncio.gather(*(send(channel) for send in sends), return_exceptions=True)
        try:
            async with asyncio.timeout(CONFIRMED_WITHIN_S):
                while not batch.done():
                    await asyncio.wait((batch,), timeout=BLOCKED_SEEN_S)
                    if not batch.done():
                        self._refuse_if_blocked()
        except TimeoutError:
            self._link.drop("it does not confirm")
            raise BusDownError("the broker has not confirmed in time") from None
        finally:
            if not batch.done():
                batch.cancel()
                await asyncio.wait((batch,))
                if not batch.cancelled():
                    batch.exception()  # looked at, or asyncio complains that nobody did
        results = batch.result()
        for result in results:
            if isinstance(result, BaseException):
                raise BusDownError(f"the channel was lost: {result!r}") from result
        return [result for result in results if not isinstance(result, BaseException)]

    async def _open_channel(self) -> AbstractChannel:
        try:
            async with asyncio.timeout(CONNECTED_WITHIN_S):
                while self._channel is None:
                    await self._is_open.wait()
        except TimeoutError:
            raise BusDownError("no connection to the broker") from None
        return self._channel

    def _refuse_if_blocked(self) -> None:
        if self._link.is_blocked:
            raise BusDownError("the broker takes no messages: it has a memory or disk alarm")

    async def _session(self, begun: Callable[[], None]) -> None:
        lost = asyncio.Event()
        connection = await self._link.connection(lost)
        channel = connection.channel(publisher_confirms=True, on_return_raises=True)
        channel.close_callbacks.add(lambda *_: lost.set())
        try:
            async with asyncio.timeout(SETUP_S):
                await need_exchanges(connection)
                await channel.initialize()
            self._channel = channel
            self._is_open.set()
            begun()
            await look_until(lost, partial(self._look, channel))
        finally:
            self._is_open.clear()
            self._channel = None
            await closed(channel)

    async def _look(self, channel: AbstractChannel) -> None:
        """Ask something: an exchange that is gone closes the channel, a silent broker is left."""
        if self._link.is_blocked:
            return  # it reads nothing from a connection that it has blocked
        try:
            async with asyncio.timeout(SILENT_AFTER_S):
                await channel.declare_exchange(EVENTS, "topic", passive=True)
        except TimeoutError:
            if not self._link.is_blocked:  # meanwhile
                self._link.drop("it does not answer")


async def _send(channel: AbstractChannel, message: Message) -> str | None:
    reason = await _confirmed(
        channel,
        aio_pika.Message(
            message.data,
            headers=dict(headers_of(message)),
            content_type=CONTENT_TYPE,
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
            message_id=str(message.id),
        ),
        exchange=EVENTS,
        routing_key=message.type,
    )
    await ONE_CONFIRMED.reached()
    return reason


async def _confirmed(
    channel: AbstractChannel, message: aio_pika.Message, *, exchange: str, routing_key: str
) -> str | None:
    """Publish and wait for the broker's word; the reason if it did not take the message.

    Below `Exchange.publish`, which waits for the socket to drain after each message.
    """
    broker: Any = await channel.get_underlay_channel()  # its types leave `wait` out
    try:
        await broker.basic_publish(
            message.body,
            exchange=exchange,
            routing_key=routing_key,
            properties=message.properties,
            mandatory=True,
            wait=False,
        )
    except PublishError:
        return f"no queue takes {routing_key or exchange}"
    except DeliveryError:
        return "the broker refused it"
    except (TypeError, ValueError) as error:
        return f"it can't be sent: {error}"
    return None
