"""What happens when somebody says nothing: nobody waits for ever.

In the smallest shape and in the largest: it needs a platform of its own, which has less patience.
"""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from support.cast import Restaurant
from support.platform import SHAPES, Platform, Shape, until

pytestmark = pytest.mark.parametrize(
    "shape", [SHAPES[0], SHAPES[-1]], ids=str, indirect=True, scope="session"
)


@pytest.fixture(scope="module")
async def hurried(shape: Shape, session_folder: Path) -> AsyncIterator[Platform]:
    """Give a platform on which nobody has time."""
    home = session_folder / f"{shape}-hurried"
    settings = {"ACCEPT_WITHIN_SECONDS": "3", "FIND_COURIER_WITHIN_SECONDS": "1"}
    async with Platform.up(shape, home, **settings) as started:
        await started.furnish()
        yield started


async def money(platform: Platform, order_id: int) -> str:
    (payment,) = (await platform.get(f"/payments?orderId={order_id}")).body
    return str(payment["status"])


async def test_an_order_that_no_kitchen_accepts_expires_costs_nothing_and_survives_a_restart(
    hurried: Platform,
) -> None:
    restaurant = await Restaurant.opened(hurried)
    order_id = await restaurant.order()
    ticket = await restaurant.ticket(order_id)
    program = "kitchen" if hurried.shape.topology == "services" else "monolith"

    await hurried.kill(program)
    await hurried.start(program)

    await hurried.until_status(order_id, "expired", within_s=20)

    async def voided() -> bool:
        return await money(hurried, order_id) == "voided"

    await until(voided, within_s=10, what="the reservation to be let go")
    late = await hurried.post(f"/kitchen/tickets/{ticket['id']}/accept", {"prepMinutes": 5})
    assert late.status == 409
    await hurried.until_told(order_id, "nothing")


async def test_an_order_for_which_no_courier_is_found_is_cancelled_and_given_back(
    hurried: Platform,
) -> None:
    restaurant = await Restaurant.opened(hurried)
    order_id = await restaurant.order()
    await restaurant.accepts(order_id)

    await hurried.until_status(order_id, "cancelled", within_s=90)

    order = (await hurried.get(f"/orders/{order_id}")).body
    assert (order["reason"], order["cancelledBy"]) == ("no_courier", "platform")

    async def given_back() -> bool:
        return await money(hurried, order_id) == "refunded"

    await until(given_back, within_s=10, what="the money to be given back")
    await hurried.until_told(order_id, "courier")
