"""A number in a header may be anything that anyone has written."""

import pytest

from ordereats.chassis.headers import whole_number


@pytest.mark.parametrize(("said", "number"), [("0", 0), ("20", 20), ("007", 7)])
def test_a_whole_number_is_read(said: str, number: int) -> None:
    assert whole_number(said) == number


@pytest.mark.parametrize(
    "said", [None, "", "-5", "+5", "1.5", "1e3", " 5", "soon", "\xb2", "\uff11"]
)
def test_anything_else_is_none(said: str | None) -> None:
    assert whole_number(said) is None


def test_digits_without_end_are_cut() -> None:
    assert whole_number("9" * 5000) == 999_999_999
