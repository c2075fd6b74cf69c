"""What kitchen reads from the environment."""

import pytest

from ordereats.chassis.config import Environment
from ordereats.chassis.errors import Misconfigured
from ordereats.services.kitchen.settings import Settings


def test_without_a_word_a_kitchen_has_five_minutes() -> None:
    assert Settings.read(Environment({})).accept_within_s == 300


def test_it_has_the_time_that_is_given() -> None:
    assert Settings.read(Environment({"ACCEPT_WITHIN_SECONDS": "2.5"})).accept_within_s == 2.5


@pytest.mark.parametrize("given", ["0", "-1", "soon", "nan", "90000"])
def test_a_time_that_can_not_be_right_is_refused_by_name(given: str) -> None:
    with pytest.raises(Misconfigured, match="ACCEPT_WITHIN_SECONDS must be a number of seconds"):
        Settings.read(Environment({"ACCEPT_WITHIN_SECONDS": given}))
