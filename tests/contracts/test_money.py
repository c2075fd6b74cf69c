"""Money is exact: from what was sent, in every sum, and on the wire."""

from contextlib import suppress
from decimal import Decimal
from fractions import Fraction

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ordereats.contracts.money import MAX_MINOR, AmountError, Money
from ordereats.contracts.wire import decode, encode

MINORS = st.integers(min_value=0, max_value=MAX_MINOR)
ZEROS = st.integers(min_value=0, max_value=40)


@given(MINORS, st.integers(min_value=0, max_value=9))  # of 20 digits, the largest has 11 already
def test_a_decimal_becomes_exactly_that_many_hundredths(minor: int, zeros: int) -> None:
    units, hundredths = divmod(minor, 100)

    money = Money.of(Decimal(f"{units}.{hundredths:02}{'0' * zeros}"))

    assert (money.minor, type(money.minor)) == (minor, int)


@given(st.decimals())
def test_of_all_decimals_money_is_exactly_the_amount_or_refuses_it(amount: Decimal) -> None:
    with suppress(AmountError):
        money = Money.of(amount)

        assert Fraction(money.minor, 100) == Fraction(amount)


@given(MINORS, st.integers(min_value=1, max_value=9), ZEROS)
def test_what_is_finer_than_a_hundredth_is_refused(minor: int, digit: int, zeros: int) -> None:
    units, hundredths = divmod(minor, 100)

    with pytest.raises(AmountError, match="decimals"):
        Money.of(Decimal(f"{units}.{hundredths:02}{'0' * zeros}{digit}"))


@pytest.mark.parametrize(
    "sent",
    [
        *["NaN", "sNaN", "-NaN", "Infinity", "-Infinity"],
        *["-0.01", "-1", "-1e999999", "1e-9999999", "-1e-9999999", "0.001", "25.001"],
        *["100000000.01", "1e9", "1e999999", "1e999999999", "9" * 5000],
    ],
    ids=lambda sent: sent[:20],
)
@pytest.mark.timeout(2)
def test_what_is_no_amount_is_refused_and_at_once(sent: str) -> None:
    with pytest.raises(AmountError):
        Money.of(Decimal(sent))


@given(st.one_of(st.integers(max_value=-1), st.integers(min_value=MAX_MINOR + 1)))
def test_money_has_bounds(minor: int) -> None:
    with pytest.raises(AmountError):
        Money(minor)


@pytest.mark.parametrize("minor", [25.0, 25.5, float("nan"), Decimal(25), True, "25"], ids=repr)
def test_money_never_meets_a_float_or_anything_but_an_integer(minor: int) -> None:
    with pytest.raises(TypeError):
        Money(minor)


@given(st.lists(st.integers(min_value=0, max_value=MAX_MINOR // 20), max_size=20))
def test_a_sum_is_the_sum_of_its_parts(parts: list[int]) -> None:
    assert sum(map(Money, parts), Money(0)) == Money(sum(parts))


def test_a_sum_beyond_the_bound_is_refused() -> None:
    with pytest.raises(AmountError):
        Money(MAX_MINOR) + Money(1)


def test_currencies_do_not_mix() -> None:
    assert Money(1, "EUR") != Money(1, "SEK")
    with pytest.raises(ValueError, match="EUR and SEK"):
        Money(1, "EUR") + Money(1, "SEK")


def test_money_never_changes() -> None:
    money = Money(2500)

    with pytest.raises(AttributeError):
        money.minor = 1
    with pytest.raises(AttributeError):
        del money.minor
    assert money == Money(2500)


@given(MINORS)
def test_money_travels_as_a_decimal_string_with_both_places(minor: int) -> None:
    sent = encode(Money(minor))

    units, hundredths = divmod(minor, 100)
    assert sent == b'{"amount":"%d.%02d","currency":"EUR"}' % (units, hundredths)
    assert decode(sent, Money) == Money(minor)


@pytest.mark.parametrize(
    "sent",
    [
        b'{"amount":25.00,"currency":"EUR"}',
        b'{"amount":"NaN","currency":"EUR"}',
        b'{"amount":"-1","currency":"EUR"}',
        b'{"amount":"25.001","currency":"EUR"}',
        b'{"amount":"twenty","currency":"EUR"}',
        b'{"amount":"","currency":"EUR"}',
        b'{"amount":null,"currency":"EUR"}',
        b'{"amount":"25.00"}',
        b'{"amount":"25.00","currency":null}',
        b'{"amount":"25.00","currency":7}',
        b'{"currency":"EUR"}',
        b'"25.00"',
        b"[]",
        b"null",
    ],
)
def test_what_is_no_money_on_the_wire_is_a_validation_error(sent: bytes) -> None:
    with pytest.raises(msgspec.ValidationError):
        decode(sent, Money)
