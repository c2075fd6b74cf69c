"""What restaurants reads from the environment, once."""

from dataclasses import dataclass

from ordereats.chassis.config import Environment
from ordereats.chassis.errors import Misconfigured


@dataclass(frozen=True, slots=True)
class Settings:
    """Fees and limits; amounts in hundredths, shares in 1/10,000.

    Attributes:
        delivery_base: for any delivery.
        delivery_per_km: added for each kilometre.
        reach_m: how far away is delivered, as the crow flies.
        service_share: of the dishes.
        service_least: at least that.
        service_most: at most that.
        tax_share: of the tax that prices and fees include; the default is Finland's for food.
        held_for_s: how long portions are kept for an order that is being placed.
    """

    delivery_base: int
    delivery_per_km: int
    reach_m: int
    service_share: int
    service_least: int
    service_most: int
    tax_share: int
    held_for_s: float

    @classmethod
    def read(cls, environment: Environment) -> "Settings":
        """Read them.

        Raises:
            Misconfigured: one is out of its bounds, or the least service fee above the most.
        """

        def amount(name: str, default: int) -> int:
            return environment.whole(name, default, least=0, most=100_000)

        settings = cls(
            delivery_base=amount("DELIVERY_FEE_BASE_MINOR", 290),
            delivery_per_km=amount("DELIVERY_FEE_PER_KM_MINOR", 80),
            reach_m=environment.whole("DELIVERY_REACH_M", 10_000, least=100, most=1_000_000),
            service_share=amount("SERVICE_FEE_BASIS_POINTS", 500),
            service_least=amount("SERVICE_FEE_LEAST_MINOR", 50),
            service_most=amount("SERVICE_FEE_MOST_MINOR", 300),
            tax_share=amount("TAX_BASIS_POINTS", 1_350),
            held_for_s=environment.seconds("PORTIONS_HELD_S", 900, least=1, most=86_400),
        )
        if settings.service_least > settings.service_most:
            raise Misconfigured(
                "SERVICE_FEE_LEAST_MINOR must be at most SERVICE_FEE_MOST_MINOR"
                f" ({settings.service_most}), not {settings.service_least}."
            )
        return settings
