"""What deliveries reads from the environment, once."""

from dataclasses import dataclass
from datetime import timedelta

from ordereats.chassis.config import Environment


@dataclass(frozen=True, slots=True)
class Settings:
    """How long to wait for couriers.

    Attributes:
        offer_for: how long an offer stands; then it goes to the next courier.
        find_within: how long a courier is looked for; then the search is given up.
    """

    offer_for: timedelta
    find_within: timedelta

    @classmethod
    def read(cls, environment: Environment) -> "Settings":
        """Read them."""
        offer_s = environment.seconds("OFFER_SECONDS", 45, least=0.1, most=600)
        find_s = environment.seconds("FIND_COURIER_WITHIN_SECONDS", 1200, least=0.1, most=14_400)
        return cls(timedelta(seconds=offer_s), timedelta(seconds=find_s))
