"""Whoever moves at the same moment, one of them wins, and no courier has two deliveries."""

import asyncio
from typing import TYPE_CHECKING

from ordereats.chassis.errors import Conflict
from ordereats.contracts.deliveries import Delivery, DeliveryStatus
from ordereats.services.deliveries.store import deliveries as store
from ordereats.services.deliveries.use_cases import deliveries

if TYPE_CHECKING:
    from services.deliveries.conftest import City

SEARCHING, CANCELLED = DeliveryStatus.SEARCHING, DeliveryStatus.CANCELLED


async def test_of_two_who_accept_at_once_one_wins(city: "City") -> None:
    for order_id in range(1, 11):
        holder, other = await city.courier(), await city.courier(at=None)
        await city.accepted(order_id)
        delivery_id = (await city.offered(order_id)).id

        answers = await asyncio.gather(
            *(deliveries.accept(city.deps, delivery_id, each) for each in (holder, other, holder)),
            return_exceptions=True,
        )

        assert sum(isinstance(each, Delivery) for each in answers) == 1
        assert sum(isinstance(each, Conflict) for each in answers) == 2
        assert (await city.delivery(order_id)).courier_id == holder


async def test_two_processes_at_once_never_give_a_courier_two_deliveries(city: "City") -> None:
    for order_id in range(1, 31):
        await city.accepted(order_id)
    ids = [await city.courier() for _ in range(20)]

    for _ in range(3):
        await asyncio.gather(*(city.offer() for _ in range(4)))

    taken = [(await city.delivery(order_id)).courier_id for order_id in range(1, 31)]
    assert sorted(each for each in taken if each is not None) == sorted(ids)
    assert len(await city.facts()) == 20


async def test_while_another_process_offers_this_one_does_not(city: "City") -> None:
    await city.courier()
    await city.accepted()

    async with city.deps.database.transaction() as tx:
        assert await store.take_turn(tx)
        await city.offer()

    assert (await city.delivery()).status is SEARCHING
    assert (await city.offered()).status is DeliveryStatus.OFFERED


async def test_accepting_against_cancelling_leaves_no_courier_on_the_way_to_nothing(
    city: "City",
) -> None:
    for order_id in range(1, 21):
        courier_id = await city.courier()
        await city.accepted(order_id)
        delivery_id = (await city.offered(order_id)).id

        await asyncio.gather(
            deliveries.accept(city.deps, delivery_id, courier_id),
            city.cancelled(order_id),
            return_exceptions=True,
        )

        assert (await city.delivery(order_id)).status is CANCELLED
        await city.shift(courier_id, online=False)


async def test_accepting_against_leaving_leaves_nothing_with_who_has_left(city: "City") -> None:
    for order_id in range(1, 21):
        courier_id = await city.courier()
        await city.accepted(order_id)
        delivery_id = (await city.offered(order_id)).id

        await asyncio.gather(
            deliveries.accept(city.deps, delivery_id, courier_id),
            city.shift(courier_id, online=False),
            return_exceptions=True,
        )

        assert (await city.delivery(order_id)).status is SEARCHING
        await city.cancelled(order_id)
