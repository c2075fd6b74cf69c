"""A city at work, in every shape: 500 orders through the public API, and nothing off at the end."""

import pytest

from support.platform import Platform

FAST = ("--orders-per-minute", "100", "--minutes", "5", "--speed", "120", "--couriers", "200")


@pytest.mark.timeout(300)
async def test_of_500_orders_in_a_city_each_ends_and_the_audit_is_clean(platform: Platform) -> None:
    at = ("--url", platform.url)
    seeded = await platform.run("seed", "--couriers", "200", *at)
    assert "are new" in seeded

    again = await platform.run("seed", "--couriers", "200", *at)
    assert ": 0 are new" in again
    summary = await platform.run("simulate", *FAST, *at)

    assert "500 orders in" in summary
    assert "0 failed or unknown" in summary
    assert ": balanced" in summary
    await platform.run("audit")
