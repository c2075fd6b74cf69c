"""Chooses where a broker's dead letters lie by its address. It imports only what is chosen."""

from ordereats.topology.dead_letters.letter import BrokerStore


def at_broker(url: str) -> BrokerStore:
    """Their store.

    Args:
        url: `amqp://…`, or `postgres://…`.
    """
    if url.startswith("amqp"):
        from ordereats.topology.dead_letters.on_rabbitmq import OnRabbitMQ  # noqa: PLC0415  # time

        return OnRabbitMQ(url)
    from ordereats.topology.dead_letters.on_postgres import OnPostgres  # noqa: PLC0415  # as above

    return OnPostgres(url)
