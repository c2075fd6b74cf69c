"""What kitchen reads from the environment, once."""

from dataclasses import dataclass

from ordereats.chassis.config import Environment


@dataclass(frozen=True, slots=True)
class Settings:
    """How long kitchens have.

    Attributes:
        accept_within_s: to accept or reject a ticket; then it expires.
    """

    accept_within_s: float

    @classmethod
    def read(cls, environment: Environment) -> "Settings":
        """Read them.

        Raises:
            Misconfigured: no such time.
        """
        return cls(environment.seconds("ACCEPT_WITHIN_SECONDS", 300, least=1, most=86_400))
