"""How long to wait for couriers is set by the environment, within reason."""

from datetime import timedelta

import pytest

from ordereats.chassis.config import Environment
from ordereats.chassis.errors import Misconfigured
from ordereats.services.deliveries.settings import Settings


def test_an_offer_stands_45_seconds_and_a_search_20_minutes() -> None:
    settings = Settings.read(Environment({}))

    assert settings == Settings(timedelta(seconds=45), timedelta(minutes=20))


def test_both_may_be_set() -> None:
    given = {"OFFER_SECONDS": "0.5", "FIND_COURIER_WITHIN_SECONDS": "3"}

    settings = Settings.read(Environment(given))

    assert settings == Settings(timedelta(seconds=0.5), timedelta(seconds=3))


@pytest.mark.parametrize("name", ["OFFER_SECONDS", "FIND_COURIER_WITHIN_SECONDS"])
@pytest.mark.parametrize("value", ["0", "-1", "soon", "nan", "1e9"])
def test_a_time_that_can_t_be_right_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(Misconfigured, match=name):
        Settings.read(Environment({name: value}))
