"""What orders reads from the environment, once."""

from dataclasses import dataclass
from datetime import timedelta

from ordereats.chassis.config import Environment


@dataclass(frozen=True, slots=True)
class Settings:
    """Limits of orders.

    Attributes:
        pay_within: how long an order may be pending; then it expires.
        answer_within: how long a paid order waits to hear of its kitchen; then it is taken back. It
            is the safety net, and so longer than the kitchen's own `ACCEPT_WITHIN_SECONDS`.
        customers_known_for: how long what users said last is used after it was confirmed, when
            users can't be asked.
        menus_known_for: likewise of restaurants, which tell their hours a week ahead, at least.
        most_streams: how many clients may follow orders in one process at the same time.
    """

    pay_within: timedelta
    answer_within: timedelta
    customers_known_for: timedelta
    menus_known_for: timedelta
    most_streams: int

    @classmethod
    def read(cls, environment: Environment) -> "Settings":
        """Read them.

        Raises:
            Misconfigured: one can't be right.
        """
        pay_s = environment.seconds("PAY_WITHIN_SECONDS", 1800, least=1, most=86_400)
        answer_s = environment.seconds("ANSWER_WITHIN_SECONDS", 1800, least=1, most=172_800)
        customers_s = environment.seconds(
            "CUSTOMERS_KNOWN_FOR_SECONDS", 7_776_000, least=1, most=31_536_000
        )
        menus_s = environment.seconds("MENUS_KNOWN_FOR_SECONDS", 604_800, least=1, most=604_800)
        return cls(
            pay_within=timedelta(seconds=pay_s),
            answer_within=timedelta(seconds=answer_s),
            customers_known_for=timedelta(seconds=customers_s),
            menus_known_for=timedelta(seconds=menus_s),
            most_streams=environment.whole("ORDER_STREAMS_MAX", 1000, least=1, most=100_000),
        )
