"""Couriers who forgot to go offline are asked three times, and then no more."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from ordereats.contracts import deliveries as contract
from ordereats.contracts.deliveries import DeliveryStatus
from ordereats.contracts.ids import CourierId, DeliveryId
from ordereats.services.deliveries.domain.refusals import OfferLapsed
from ordereats.services.deliveries.use_cases import couriers, deliveries
from ordereats.services.deliveries.use_cases.deps import Deps
from services.deliveries.conftest import RESTAURANT, north_of

if TYPE_CHECKING:
    from services.deliveries.conftest import City

Answer = Callable[[Deps, DeliveryId, CourierId], Awaitable[contract.Delivery]]


async def let_lapse(city: "City") -> None:
    """Let everyone who can be asked be asked, and nobody answer."""
    await city.offer()
    await city.let_offers_lapse()
    await city.sweep()


async def is_online(city: "City", courier_id: CourierId) -> bool:
    return (await couriers.get(city.deps, courier_id)).is_online


async def test_who_lets_three_offers_in_a_row_lapse_is_offline_until_they_come_again(
    city: "City",
) -> None:
    ghost = await city.courier()
    await city.accepted()

    with capture_logs() as logs:
        seen = []
        for _ in range(3):
            await let_lapse(city)
            seen.append(await is_online(city, ghost))

    assert seen == [True, True, False]
    assert [each for each in logs if each["event"] == "shift_ended_unanswered"] == [
        {"event": "shift_ended_unanswered", "log_level": "warning", "courier_id": ghost}
    ]
    assert (await city.offered()).status is DeliveryStatus.SEARCHING
    await city.shift(ghost, online=True, at=RESTAURANT)
    await let_lapse(city)
    assert await is_online(city, ghost)
    assert (await city.offered()).courier_id == ghost


async def test_couriers_who_forgot_to_go_offline_keep_no_order_from_the_others(
    city: "City",
) -> None:
    ghosts = [await city.courier() for _ in range(3)]
    for order_id in (1, 2, 3):
        await city.accepted(order_id)
    working = await city.courier(at=north_of(RESTAURANT, 2000))
    await city.shift(working, online=False)

    for _ in range(3):
        await let_lapse(city)
    await city.shift(working, online=True, at=north_of(RESTAURANT, 2000))
    await city.accepted(4)
    for order_id in (1, 2, 3):
        await city.cancelled(order_id)

    assert (await city.offered(4)).courier_id == working
    assert not any([await is_online(city, each) for each in ghosts])


@pytest.mark.parametrize("answer", [deliveries.accept, deliveries.decline])
async def test_an_answer_ends_the_row(city: "City", answer: Answer) -> None:
    courier_id = await city.courier()
    await city.accepted(1)
    for _ in range(2):
        await let_lapse(city)

    await answer(city.deps, (await city.offered(1)).id, courier_id)
    await city.cancelled(1)
    await city.accepted(2)
    for _ in range(2):
        await let_lapse(city)

    assert await is_online(city, courier_id)


async def test_an_answer_that_comes_too_late_does_not_end_the_row(city: "City") -> None:
    ghost = await city.courier()
    await city.accepted()
    for _ in range(2):
        await let_lapse(city)

    late = await city.offered()
    await city.let_offers_lapse()
    with pytest.raises(OfferLapsed):
        await deliveries.accept(city.deps, late.id, ghost)
    await city.sweep()

    assert not await is_online(city, ghost)
