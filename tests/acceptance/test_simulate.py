"""A city at work, in every shape: all through the public API, and nothing off at the end."""

import pytest

from support.platform import SHAPES, Platform

HOURS = ("--orders-per-minute", "5", "--minutes", "100", "--speed", "240")
SHORT = ("--orders-per-minute", "5", "--minutes", "20", "--speed", "240")
"""Twenty orders a second: work for two cores, and no overload, of which other tests are."""


# In containers the journeys are enough: what a city adds is the same there.
@pytest.mark.parametrize("shape", SHAPES, ids=str, indirect=True, scope="session")
@pytest.mark.timeout(300)
async def test_each_order_of_a_city_ends_and_the_audit_is_clean(platform: Platform) -> None:
    # The whole of it once, where most is between the parts; less of it in the others.
    wanted, orders = (HOURS, 500) if platform.shape == SHAPES[-1] else (SHORT, 100)
    at = ("--url", platform.url)
    seeded = await platform.run("seed", "--couriers", "200", *at)
    assert "are new" in seeded

    again = await platform.run("seed", "--couriers", "200", *at)
    assert ": 0 are new" in again
    summary = await platform.run("simulate", "--couriers", "200", *wanted, *at)

    assert f"{orders} orders in" in summary
    assert "0 failed or unknown" in summary
    assert ": balanced" in summary
    await platform.run("audit")
