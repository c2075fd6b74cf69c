"""Whoever moves at the same moment, one of them wins, and no courier has two deliveries."""

import asyncio
from typing import TYPE_CHECKING

from ordereats.chassis.errors import Conflict, DatabaseError
from ordereats.contracts.deliveries import Delivery, DeliveryStatus, DropOff
from ordereats.contracts.ids import CourierId
from ordereats.services.deliveries.store import couriers
from ordereats.services.deliveries.store import deliveries as store
from ordereats.services.deliveries.use_cases import couriers as courier_cases
from ordereats.services.deliveries.use_cases import deliveries
from services.deliveries.conftest import CUSTOMER, RESTAURANT, north_of

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


async def test_only_couriers_who_are_asked_are_locked_meanwhile(city: "City") -> None:
    for metres in (0, 500, 1000):
        await city.courier(at=north_of(RESTAURANT, metres))
    await city.accepted(ready_in_s=300)
    before = await _locks(city)

    await city.offer()
    nobody = await _locks(city)
    await city.ready()
    asked = (await city.offered()).courier_id

    assert nobody == before
    after = await _locks(city)
    assert {each for each in after if after[each] != before[each]} == {asked}


async def test_a_courier_who_is_just_leaving_is_not_asked_and_holds_nobody_up(
    city: "City",
) -> None:
    leaving = await city.courier()
    await city.accepted(1)

    async with city.deps.database.transaction() as tx:
        await couriers.lock_courier(tx, leaving)
        await city.offer()
        await couriers.set_online(tx, leaving, online=False)

    assert (await city.offered()).status is SEARCHING


async def test_answers_leaving_and_lapsing_at_once_never_wait_in_a_circle(city: "City") -> None:
    for order_id in range(1, 21):
        courier_id = await city.courier()
        await city.deps.database.execute("update couriers set lapses = 2")
        await city.accepted(order_id)
        delivery_id = (await city.offered(order_id)).id
        await city.let_offers_lapse()

        answers = await asyncio.gather(
            city.sweep(),
            deliveries.accept(city.deps, delivery_id, courier_id),
            city.shift(courier_id, online=False),
            deliveries.decline(city.deps, delivery_id, courier_id),
            city.sweep(),
            return_exceptions=True,
        )

        assert [each for each in answers if isinstance(each, DatabaseError)] == []
        assert not (await city.delivery(order_id)).courier_id
        await city.cancelled(order_id)
        await city.shift(courier_id, online=False)


async def test_handing_over_and_leaving_at_once_never_wait_in_a_circle(city: "City") -> None:
    for order_id in range(1, 21):
        delivery_id, courier_id = await city.assigned(order_id)
        await deliveries.pick_up(city.deps, delivery_id, courier_id)

        answers = await asyncio.gather(
            deliveries.drop_off(city.deps, delivery_id, DropOff(courier_id, CUSTOMER)),
            city.shift(courier_id, online=False, at=CUSTOMER),
            courier_cases.move(city.deps, courier_id, CUSTOMER),
            return_exceptions=True,
        )

        assert [each for each in answers if isinstance(each, DatabaseError)] == []
        assert (await city.delivery(order_id)).status is DeliveryStatus.DELIVERED
        await city.shift(courier_id, online=False)


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


async def _locks(city: "City") -> dict[CourierId, int]:
    """Who locked each courier's row last, also if the lock is gone."""
    rows = await city.deps.database.fetch("select id, xmax::text::bigint as locker from couriers")
    return {row["id"]: row["locker"] for row in rows}
