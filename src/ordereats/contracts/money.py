"""Money: an integer of minor units with a currency. It never meets a float."""

from decimal import Decimal
from typing import final

CURRENCY = "EUR"
"""The platform's one currency (ISO 4217). Its minor unit is a hundredth."""

MAX_MINOR = 10**10
"""One hundred million; above it an amount is a mistake, and far below the limits of every store."""


class AmountError(ValueError):
    """What was given can't be an amount of money; the text says why, for the person who sent it."""


@final
class Money:
    """An amount. Immutable.

    No dataclass, because the codec would then write its fields: on the wire money is a decimal
    string.

    Attributes:
        minor: in hundredths; never negative, at most `MAX_MINOR`.
        currency: ISO 4217.
    """

    __slots__ = ("currency", "minor")

    minor: int
    currency: str

    def __init__(self, minor: int, currency: str = CURRENCY) -> None:
        if type(minor) is not int:
            raise TypeError(f"minor units are an integer, not {minor!r}")
        if not 0 <= minor <= MAX_MINOR:
            raise AmountError(f"must be between 0 and {MAX_MINOR // 100:,}")
        if not (len(currency) == 3 and currency.isascii() and currency.isupper()):
            raise AmountError("must have a currency such as EUR")
        object.__setattr__(self, "minor", minor)
        object.__setattr__(self, "currency", currency)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"money is immutable: {name} can't become {value}")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"money is immutable: {name} stays")

    @classmethod
    def of(cls, amount: Decimal, currency: str = CURRENCY) -> "Money":
        """Take a decimal amount exactly.

        Raises:
            AmountError: not finite, negative, too large, or finer than the minor unit.
        """
        if not amount.is_finite():
            raise AmountError("must be a finite number")
        # Before any arithmetic: 1e999999 is cheap to send.
        if amount and amount.adjusted() > 10:
            raise AmountError(f"must be between 0 and {MAX_MINOR // 100:,}")
        if amount and (amount.adjusted() < -2 or len(amount.as_tuple().digits) > 100):
            raise AmountError("must have at most 2 decimals")
        numerator, denominator = (amount or Decimal(0)).as_integer_ratio()
        minor, finer = divmod(numerator * 100, denominator)
        if finer:
            raise AmountError("must have at most 2 decimals")
        return cls(minor, currency)

    @property
    def amount(self) -> Decimal:
        """The decimal with both places, as answers show it: `25.00`."""
        return Decimal(self.minor).scaleb(-2)

    def __add__(self, other: "Money") -> "Money":
        if self.currency != other.currency:
            raise ValueError(f"{self.currency} and {other.currency} don't add up")
        return Money(self.minor + other.minor, self.currency)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Money):
            return NotImplemented
        return (self.minor, self.currency) == (other.minor, other.currency)

    def __hash__(self) -> int:
        return hash((self.minor, self.currency))

    def __repr__(self) -> str:
        return f"Money({self.minor}, {self.currency!r})"

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}"
