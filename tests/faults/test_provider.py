"""The payment provider fails, vanishes or says no; the customer is charged at most once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from itertools import pairwise
from time import monotonic

import pytest

from support.platform import Answer, Platform, until
from support.traffic import steadily

pytestmark = pytest.mark.alone  # it is about time

OUTAGE_S = 10
LEAST_GAPS_S = (0.25, 0.5, 1, 2, 4)
"""Each pause is at least half of one that doubles; chance has the other half."""


async def test_a_provider_that_is_a_black_hole_slows_no_checkout_and_charges_each_once_later(
    platform: Platform,
) -> None:
    async def checkout() -> Answer:
        return await platform.post("/orders", platform.an_order())

    async def ps_shows_it() -> bool:
        shown = (await platform.parts())["payments"]["breakers"]
        return "authorize" in [each["kind"] for each in shown or ()]

    async def prometheus_is_told() -> bool:
        is_open = 'ordereats_breaker_state{callee="provider",kind="authorize",state="open"} 1.0'
        return is_open in await platform.metrics("payments")

    control = await platform.unconcerned()
    async with steadily({"checkout": checkout}, per_second=10, control=control) as traffic:
        await platform.fault("payments", "sandbox", "black-hole")
        during = await traffic.watch(40)
        await until(prometheus_is_told, within_s=5, what="/metrics to show an open breaker")
        await until(ps_shows_it, within_s=5, what="ordereats ps to show it")

    assert during.statuses("checkout") == {201: 40}
    assert during.slowest("checkout") < 0.3
    orders = [answer.body["id"] for answer in during.answers("checkout")]
    assert {await platform.status(each) for each in orders} == {"pending"}
    await platform.heal()
    for order_id in orders:
        await platform.until_status(order_id, "paid", within_s=60)
    charges = await platform.charges()
    assert {charges[each] for each in orders} == {1}


async def test_a_charge_whose_answer_was_lost_is_found_again_and_not_made_twice(
    platform: Platform,
) -> None:
    await platform.fault("payments", "sandbox", "limit-data", bytes=0)

    order_id = await platform.place()

    async def is_charged() -> bool:
        return order_id in await platform.charges()

    await until(is_charged, within_s=10, what="a charge")
    assert await platform.status(order_id) == "pending"
    await platform.heal()
    await platform.until_status(order_id, "paid", within_s=20)
    assert (await platform.charges())[order_id] == 1
    asked = await platform.asked_of_provider(order_id)
    assert (asked[0]["method"], asked[0]["status"]) == ("POST", 200)
    assert len(asked) > 1


async def test_a_provider_that_fails_for_ten_seconds_is_asked_rarely_and_never_by_all_at_once(
    platform: Platform,
) -> None:
    """The breaker is held closed: with it, the provider would be asked more rarely still."""
    async with breaker_held_closed(platform):
        await platform.misbehave(failStatus=503)
        orders = [await platform.place() for _ in range(8)]
        await asyncio.sleep(OUTAGE_S)
        assert {await platform.status(each) for each in orders} == {"pending"}
        await platform.misbehave()
        for order_id in orders:
            await platform.until_status(order_id, "paid", within_s=20)

    gaps = [_gaps_s(await platform.asked_of_provider(each)) for each in orders]
    for each in gaps:
        assert 2 <= len(each) <= 5
        assert all(gap > least - 0.1 for gap, least in zip(each, LEAST_GAPS_S, strict=False))
    for nth in list(zip(*gaps, strict=False))[1:]:
        assert max(nth) - min(nth) > 0.05
    charges = await platform.charges()
    assert {charges[each] for each in orders} == {1}


async def test_a_declined_card_ends_the_order_says_why_and_is_asked_once(
    platform: Platform,
) -> None:
    order_id = await platform.place(
        userId=await platform.a_customer(),
        paymentMethod="pm_card_visa_chargeDeclinedInsufficientFunds",
    )

    await platform.until_status(order_id, "declined")

    order = (await platform.get(f"/orders/{order_id}")).body
    assert order["reason"] == "insufficient_funds"
    (asked,) = await platform.asked_of_provider(order_id)
    assert asked["status"] == 402
    await platform.until_told(order_id, "not enough money")


async def test_a_killed_provider_holds_nothing_up_but_the_payment(platform: Platform) -> None:
    await platform.kill("sandbox")

    started = monotonic()
    order_id = await platform.place()

    assert monotonic() - started < 1
    await platform.start("sandbox")
    await platform.until_status(order_id, "paid", within_s=40)
    assert (await platform.charges())[order_id] == 1


@asynccontextmanager
async def breaker_held_closed(platform: Platform) -> AsyncIterator[None]:
    """Have payments ask the provider whatever comes of it, for the length of a block."""
    breaker = ("payments", "provider", "authorize")
    await platform.until_status(await platform.place(), "paid")  # there is one since it was asked
    await platform.hold_breaker(*breaker, "closed")
    try:
        yield
    finally:
        await platform.hold_breaker(*breaker, None)


def _gaps_s(asked: list[dict[str, object]]) -> list[float]:
    """How long it was from each time that an order's charge was asked for in vain to the next."""
    failed = [str(each["at"]) for each in asked if each["status"] == 503]
    at = sorted(datetime.fromisoformat(each).timestamp() for each in failed)
    return [later - earlier for earlier, later in pairwise(at)]
