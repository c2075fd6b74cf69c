"""How values become bytes and come back: one codec for HTTP, events and stored answers."""

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar, cast

import msgspec
from msgspec import Struct

from ordereats.contracts.money import Money

T = TypeVar("T")


Text = r"^[^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f][^\x00-\x1f\x7f]*$(?!\n)"
"""A pattern: something to read, and no control characters, which PostgreSQL and logs don't take.
(`$` alone would let a line end follow; the lookahead means the same to every kind of regex.)"""


class Body(Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """What is asked of us. An unknown field is refused: someone should hear of the mistake."""


class Answer(Struct, frozen=True, rename="camel"):
    """What we say. A reader ignores fields that it does not know, so that fields can be added."""


def encode(value: object) -> bytes:
    """JSON, camelCase; `Money` as `{"amount": "25.00", "currency": "EUR"}`."""
    return _ENCODER.encode(value)


def decode(data: bytes, kind: type[T]) -> T:
    """Read one value of a type.

    Raises:
        msgspec.ValidationError: well-formed, but not of that type; names the path.
        msgspec.DecodeError: not JSON.
    """
    decoder = _DECODERS.get(kind)
    if decoder is None:
        decoder = _DECODERS[kind] = msgspec.json.Decoder(kind, dec_hook=from_plain)
    return cast("T", decoder.decode(data))


def to_plain(value: object) -> object:
    """What the codec writes for a type that it does not know by itself."""
    if isinstance(value, Money):
        return {"amount": value.amount, "currency": value.currency}
    raise NotImplementedError(f"{type(value).__name__} has no form on the wire")


def from_plain(kind: type, value: Any) -> object:
    """The reverse of `to_plain`."""
    if kind is Money:
        match value:
            case {"amount": str(amount), "currency": str(currency)}:
                return _money(amount, currency)
        raise ValueError("Expected money: an amount as a decimal string, and a currency")
    raise NotImplementedError(f"{kind.__name__} has no form on the wire")


def _money(amount: str, currency: str) -> Money:
    try:
        return Money.of(Decimal(amount), currency)
    except InvalidOperation:
        raise ValueError("Expected a decimal string") from None


_ENCODER = msgspec.json.Encoder(enc_hook=to_plain, decimal_format="string")
_DECODERS: dict[Callable[..., object], msgspec.json.Decoder[Any]] = {}
