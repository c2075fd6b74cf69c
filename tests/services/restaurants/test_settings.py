"""What restaurants reads from the environment."""

from dataclasses import asdict

import msgspec
import pytest

from ordereats.chassis.config import Environment
from ordereats.chassis.errors import Misconfigured
from ordereats.contracts.pricing import Tariff
from ordereats.services.restaurants.settings import Settings


def test_without_any_the_tariff_is_the_one_that_the_rules_name() -> None:
    settings = asdict(Settings.read(Environment({})))

    assert settings.pop("held_for_s") == 15 * 60
    assert settings == msgspec.structs.asdict(Tariff())


def test_a_service_fee_whose_least_is_above_its_most_is_refused() -> None:
    given = Environment({"SERVICE_FEE_LEAST_MINOR": "301"})

    with pytest.raises(Misconfigured, match="SERVICE_FEE_LEAST_MINOR must be at most"):
        Settings.read(given)


@pytest.mark.parametrize(
    "name",
    ["DELIVERY_FEE_BASE_MINOR", "DELIVERY_REACH_M", "TAX_BASIS_POINTS", "PORTIONS_HELD_S"],
)
def test_a_value_that_can_not_be_right_is_named(name: str) -> None:
    with pytest.raises(Misconfigured, match=name):
        Settings.read(Environment({name: "-1"}))
