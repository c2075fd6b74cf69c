"""A neighbour is slow, and nobody waits for it long: the breaker is what sees to that."""

import re
from time import monotonic

import psutil
import pytest

from support.cast import Restaurant
from support.platform import Answer, Platform
from support.served import Served
from support.traffic import steadily

pytestmark = pytest.mark.alone  # it is about time

DEADLINE_S = 3.0
QUICK_S = 0.3
A_SECOND = 10
"""Orders; each is more than 50 ms of CPU until it is paid for, and here are two cores."""


@pytest.mark.parametrize(
    ("ms", "reason"),
    [
        pytest.param(1500, r"of \d+ calls 0 failed, [1-9]\d* were slow", id="slow"),
        pytest.param(2000, r"of \d+ calls [1-9]\d* failed, [1-9]\d* were slow", id="too slow"),
    ],
)
async def test_while_restaurants_is_slow_checkout_is_in_time_and_others_do_not_notice(
    platform: Platform, known: Restaurant, ms: int, reason: str
) -> None:
    """A call has two seconds: who takes less is slow, who takes more fails as well."""
    began = monotonic()

    await holds_while_restaurants_is_slow(platform, known, ms=ms, orders=platform.url)

    history = (await platform.breaker("orders", "restaurants", "quote"))["history"]
    since = [each for each in history if each["agoS"] < monotonic() - began]
    opened = [each["reason"] for each in since if each["to"] == "open"]
    assert opened
    assert all(re.fullmatch(reason, each) for each in opened), opened


async def test_without_breakers_checkout_is_as_slow_as_restaurants(
    platform: Platform, known: Restaurant
) -> None:
    """The same check fails where it says what a breaker saves.

    The deadline alone would hold without one; that half of the checkouts take less than 0.3 s
    would not.
    """
    process = psutil.Process((await platform.parts())["orders"]["pid"])
    without = {**process.environ(), "PORT": "0", "BREAKERS": "off"}

    async with Served.start("orders", folder=platform.home, **without) as unprotected:
        with pytest.raises(AssertionError, match="checkout is slow"):
            await holds_while_restaurants_is_slow(
                platform, known, ms=1500, orders=f"http://127.0.0.1:{unprotected.port}"
            )
        assert await unprotected.stop() == 0


async def holds_while_restaurants_is_slow(
    platform: Platform, known: Restaurant, *, ms: int, orders: str
) -> None:
    """Check what a customer may expect of orders, which answers there."""
    earlier = await known.order()

    async def checkout() -> Answer:
        patience = {"X-Deadline-Ms": str(int(DEADLINE_S * 1000))}
        return await platform.post("/orders", known.an_order(), headers=patience, at=orders)

    async def read_order() -> Answer:
        return await platform.get(f"/orders/{earlier}", at=orders)

    async def read_user() -> Answer:
        return await platform.get(f"/users/{platform.user_id}")

    kinds = {"checkout": checkout, "order": read_order, "user": read_user}
    control = await platform.unconcerned()
    async with steadily(kinds, per_second=A_SECOND, control=control) as traffic:
        before = await traffic.watch(30)
        await platform.fault("orders", "restaurants", "latency", ms=ms)
        at_first = await traffic.watch(50)
        from_then_on = await traffic.watch(30)

    # Half of them: from time to time a few are sent to see whether it is well again.
    assert from_then_on.median("checkout") < QUICK_S, "checkout is slow"
    for each in (at_first, from_then_on):
        assert each.statuses("checkout").keys() == {201}
        assert each.slowest("checkout") < DEADLINE_S
    for each in (at_first, from_then_on):
        assert not each.slowed(before, "order")
        assert not each.slowed(before, "user")
