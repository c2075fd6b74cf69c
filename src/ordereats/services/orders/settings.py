"""What orders reads from the environment, once."""

from dataclasses import dataclass
from datetime import timedelta

from ordereats.chassis.config import Environment


@dataclass(frozen=True, slots=True)
class Settings:
    """Limits of orders.

    Attributes:
        pay_within: how long an order may be pending; then it expires.
        most_streams: how many clients may follow orders in one process at the same time.
    """

    pay_within: timedelta
    most_streams: int

    @classmethod
    def read(cls, environment: Environment) -> "Settings":
        """Read them.

        Raises:
            Misconfigured: one can't be right.
        """
        seconds = environment.seconds("PAY_WITHIN_SECONDS", 1800, least=1, most=86_400)
        return cls(
            pay_within=timedelta(seconds=seconds),
            most_streams=environment.whole("ORDER_STREAMS_MAX", 1000, least=1, most=100_000),
        )
