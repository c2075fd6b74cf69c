"""Chooses the bus by its address. It imports only the transport that is chosen."""

from urllib.parse import urlsplit

from ordereats.chassis.background import Background
from ordereats.chassis.errors import Misconfigured
from ordereats.chassis.messaging.bus import Bus


def open_bus(url: str, *, name: str, background: Background) -> Bus:
    """Make the bus that an address stands for; `start` it next.

    Args:
        url: `amqp://…` or `amqps://…`: RabbitMQ; `postgres://…` or `postgresql://…`: a queue in
            that database.
        name: who connects, for the broker's own list of its clients.
        background: owns the bus's tasks; has to outlive `close`.

    Raises:
        Misconfigured: no bus speaks that scheme.
    """
    scheme = urlsplit(url).scheme
    if scheme in ("amqp", "amqps"):
        from ordereats.chassis.messaging.rabbitmq import RabbitBus  # noqa: PLC0415  # start-up time

        return RabbitBus(url, name=name, background=background)
    if scheme in ("postgres", "postgresql"):
        from ordereats.chassis.messaging.postgres import PostgresBus  # noqa: PLC0415  # as above

        return PostgresBus(url, name=name, background=background)
    raise Misconfigured(
        f"BROKER_URL must be an address such as amqp://… or postgres://…, not {scheme or url}://…."
    )
