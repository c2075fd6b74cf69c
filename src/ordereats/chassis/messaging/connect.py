"""Chooses the bus by its address. It imports only the transport that is chosen."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from urllib.parse import urlsplit

from ordereats.chassis.background import Background
from ordereats.chassis.certificates import Certificates
from ordereats.chassis.errors import Misconfigured
from ordereats.chassis.messaging.bus import Bus, Message, Queue

_POSTGRES = ("postgres", "postgresql")
_RABBITMQ = ("amqp", "amqps")
SCHEMES = (*_RABBITMQ, *_POSTGRES)
"""Of the addresses that name a bus."""


def open_bus(
    url: str, *, name: str, background: Background, certificates: Certificates | None = None
) -> Bus:
    """Make the bus that an address stands for; `start` it next.

    Args:
        url: `amqp://…` or `amqps://…`: RabbitMQ; `postgres://…` or `postgresql://…`: a queue in
            that database.
        name: who connects, for the broker's own list of its clients.
        background: owns the bus's tasks; has to outlive `close`.
        certificates: is told when the broker's is not trusted.

    Raises:
        Misconfigured: no bus speaks that scheme.
    """
    scheme = urlsplit(url).scheme
    if scheme in _RABBITMQ:
        from ordereats.chassis.messaging.rabbitmq import RabbitBus  # noqa: PLC0415  # start-up time

        return RabbitBus(url, name=name, background=background, certificates=certificates)
    if scheme in _POSTGRES:
        from ordereats.chassis.messaging.postgres import PostgresBus  # noqa: PLC0415  # as above

        return PostgresBus(url, name=name, background=background)
    raise _unknown(url)


def open_tail(
    url: str, queues: Sequence[Queue]
) -> AbstractAsyncContextManager[AsyncIterator[Message]]:
    """Listen, for the length of a block, to what passes from now on. It is nobody's loss.

    Who is too slow misses the oldest: nobody waits for who listens, and nothing of this is left
    when it ends, however it ends. The fact is empty where it does not fit (PostgreSQL: 8 kB).

    Args:
        url: as above.
        queues: of all services. What goes into none of them is not heard.

    Raises:
        Misconfigured: as above.
        BusDownError: no broker; also while listening.
    """
    scheme = urlsplit(url).scheme
    if scheme in _RABBITMQ:
        from ordereats.chassis.messaging import rabbitmq_tail  # noqa: PLC0415  # as above

        return rabbitmq_tail.tail(url, queues)
    if scheme in _POSTGRES:
        from ordereats.chassis.messaging import postgres, postgres_tail  # noqa: PLC0415  # as above

        return postgres_tail.tail(url, channel=postgres.CHANNEL)
    raise _unknown(url)


def _unknown(url: str) -> Misconfigured:
    scheme = urlsplit(url).scheme
    return Misconfigured(
        f"BROKER_URL must be an address such as amqp://… or postgres://…, not {scheme or url}://…."
    )
