"""An order finds a courier, and a courier the door, whoever else moves at the same time."""

from collections.abc import Awaitable
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from ordereats.chassis.clock import SystemClock
from ordereats.chassis.errors import DatabaseError, IllegalMove, NotFound
from ordereats.contracts.deliveries import (
    DeliveryAssigned,
    DeliveryDelivered,
    DeliveryOffered,
    DeliveryStatus,
    DeliveryUnassigned,
    DropOff,
)
from ordereats.contracts.ids import CourierId, DeliveryId
from ordereats.contracts.wire import decode
from ordereats.services.deliveries.domain.refusals import (
    NotReady,
    NotYours,
    OfferLapsed,
    TooFar,
)
from ordereats.services.deliveries.use_cases import couriers, deliveries, search
from services.deliveries.conftest import CUSTOMER, RESTAURANT, north_of

if TYPE_CHECKING:
    from services.deliveries.conftest import City

SEARCHING, OFFERED = DeliveryStatus.SEARCHING, DeliveryStatus.OFFERED
ASSIGNED, CANCELLED = DeliveryStatus.ASSIGNED, DeliveryStatus.CANCELLED


async def test_an_order_is_brought_to_the_door(city: "City") -> None:
    courier_id = await city.courier()
    await city.accepted(1)
    await city.ready(1)

    offered = await city.offered(1)
    accepted = await deliveries.accept(city.deps, offered.id, courier_id)
    taken = await deliveries.pick_up(city.deps, offered.id, courier_id)
    drop = DropOff(courier_id, north_of(CUSTOMER, 50))
    delivered = await deliveries.drop_off(city.deps, offered.id, drop)

    statuses = [each.status.value for each in (offered, accepted, taken, delivered)]
    assert statuses == ["offered", "assigned", "picked_up", "delivered"]
    assert [each.version for each in (offered, accepted, taken, delivered)] == [2, 3, 4, 5]
    assert delivered == await deliveries.get(city.deps, offered.id)
    assert await city.told() == ["offered", "assigned", "picked_up", "delivered"]


async def test_facts_tell_whose_order_it_is_under_its_correlation_id(city: "City") -> None:
    delivery_id, courier_id = await city.assigned(17)

    offered, assigned = await city.facts()

    assert (offered["subject"], offered["version"]) == (f"delivery/{delivery_id}", 2)
    assert (offered["correlation_id"], offered["source"]) == ("walk-17", "deliveries")
    told = decode(offered["data"].encode(), DeliveryOffered)
    assert (told.order_id, told.user_id, told.restaurant_id) == (17, 7, 3)
    assert (told.delivery_id, told.courier_id) == (delivery_id, courier_id)
    known = await city.delivery(17)
    assert decode(assigned["data"].encode(), DeliveryAssigned).latest_at == known.latest_at


async def test_a_fact_that_comes_again_changes_nothing(city: "City") -> None:
    await city.accepted()
    await city.ready()
    first = await city.delivery()

    await city.accepted(ready_in_s=3600)
    await city.ready()

    assert await city.delivery() == first


async def test_what_a_kitchen_says_before_its_order_was_heard_of_waits_for_that(
    city: "City",
) -> None:
    await city.ready()
    await city.delayed(ready_in_s=60)

    waiting = await city.deps.database.fetch("select state, last_error from inbox")
    said = ("waiting", "TooEarly: There is no delivery of order 1 yet.")
    assert [(row["state"], row["last_error"]) for row in waiting] == [said, said]


async def test_an_order_that_was_cancelled_before_its_acceptance_was_heard_is_never_brought(
    city: "City",
) -> None:
    await city.courier()

    await city.cancelled()
    await city.delayed(ready_in_s=60)
    await city.accepted()
    await city.ready()

    assert (await city.offered()).status is CANCELLED
    assert await city.facts() == []
    heard = await city.deps.database.fetch("select from inbox where state <> 'done'")
    assert heard == []


async def test_a_courier_who_comes_online_is_offered_what_already_waits(city: "City") -> None:
    await city.accepted()
    await city.offer()
    courier_id = await city.courier(at=None)

    await city.shift(courier_id, online=True, at=RESTAURANT)
    await city.offer()

    (offer,) = await deliveries.offered_to(city.deps, courier_id)
    assert (offer.order_id, offer.status, offer.courier_id) == (1, OFFERED, courier_id)
    assert offer.offered_until is not None
    left = offer.offered_until - SystemClock().now()
    assert timedelta(seconds=40) < left <= timedelta(seconds=45)


async def test_an_offer_that_lapses_goes_to_the_next_courier(city: "City") -> None:
    first = await city.courier()
    await city.accepted()
    assert (await city.offered()).courier_id == first
    second = await city.courier(at=north_of(RESTAURANT, 2000))

    await city.let_offers_lapse()
    await city.sweep()

    assert (await city.delivery()).status is SEARCHING
    assert (await city.offered()).courier_id == second
    assert await deliveries.offered_to(city.deps, first) == []


async def test_who_let_an_offer_lapse_is_asked_again_when_there_is_nobody_else(
    city: "City",
) -> None:
    courier_id = await city.courier()
    await city.accepted()

    for _ in range(3):
        assert (await city.offered()).courier_id == courier_id
        await city.let_offers_lapse()
        await city.sweep()


async def test_who_declines_is_not_asked_again_but_whoever_comes_is(city: "City") -> None:
    unwilling = await city.courier()
    await city.accepted()
    offered = await city.offered()

    declined = await deliveries.decline(city.deps, offered.id, unwilling)

    assert (declined.status, declined.courier_id) == (SEARCHING, None)
    assert (await city.offered()).status is SEARCHING
    willing = await city.courier(at=north_of(RESTAURANT, 3000))
    assert (await city.offered()).courier_id == willing


async def test_an_offer_that_has_lapsed_is_not_accepted_though_nobody_has_swept_yet(
    city: "City",
) -> None:
    courier_id = await city.courier()
    await city.accepted()
    offered = await city.offered()
    await city.let_offers_lapse()

    with pytest.raises(OfferLapsed):
        await deliveries.accept(city.deps, offered.id, courier_id)

    assert await deliveries.offered_to(city.deps, courier_id) == []
    assert (await city.delivery()).version == offered.version


async def test_an_offer_is_for_one_courier(city: "City") -> None:
    await city.courier()
    await city.accepted()
    offered = await city.offered()
    other = await city.courier()

    for answer in (deliveries.accept, deliveries.decline):
        with pytest.raises(NotYours):
            await answer(city.deps, offered.id, other)

    assert await city.delivery() == offered


async def test_food_is_picked_up_when_it_waits_and_by_its_courier(city: "City") -> None:
    courier_id = await city.courier()
    await city.accepted()
    delivery_id = (await city.offered()).id
    await deliveries.accept(city.deps, delivery_id, courier_id)

    with pytest.raises(NotReady):
        await deliveries.pick_up(city.deps, delivery_id, courier_id)
    await city.ready()
    with pytest.raises(NotYours):
        await deliveries.pick_up(city.deps, delivery_id, await city.courier())

    taken = await deliveries.pick_up(city.deps, delivery_id, courier_id)
    assert taken.picked_up_at is not None


async def test_food_is_handed_over_by_its_courier_and_near_the_address(city: "City") -> None:
    delivery_id, courier_id = await city.assigned()
    await deliveries.pick_up(city.deps, delivery_id, courier_id)

    far, near = north_of(CUSTOMER, 320), north_of(CUSTOMER, 280)
    with pytest.raises(TooFar):
        await deliveries.drop_off(city.deps, delivery_id, DropOff(courier_id, far))
    with pytest.raises(TooFar):  # where they were seen last, a moment ago
        await deliveries.drop_off(city.deps, delivery_id, DropOff(courier_id))
    stranger = await city.courier()
    with pytest.raises(NotYours):
        await deliveries.drop_off(city.deps, delivery_id, DropOff(stranger, near))

    await deliveries.drop_off(city.deps, delivery_id, DropOff(courier_id, near))
    facts = await city.facts()
    assert decode(facts[-1]["data"].encode(), DeliveryDelivered).courier_id == courier_id
    assert (await couriers.get(city.deps, courier_id)).location == near


async def test_food_is_handed_over_with_the_position_or_not_at_all(city: "City") -> None:
    delivery_id, courier_id = await city.assigned()
    await deliveries.pick_up(city.deps, delivery_id, courier_id)
    drop = DropOff(courier_id, CUSTOMER)

    await city.deps.database.execute(
        "alter table courier_positions add constraint full_disk check (lat < 0) not valid"
    )
    with pytest.raises(DatabaseError):
        await deliveries.drop_off(city.deps, delivery_id, drop)
    await city.deps.database.execute("alter table courier_positions drop constraint full_disk")

    delivered = await deliveries.drop_off(city.deps, delivery_id, drop)
    assert delivered.status is DeliveryStatus.DELIVERED


async def test_an_old_position_does_not_keep_anyone_from_handing_over(city: "City") -> None:
    delivery_id, courier_id = await city.assigned()
    await deliveries.pick_up(city.deps, delivery_id, courier_id)
    await city.deps.database.execute(
        "update courier_positions set at = now() - interval '3 minutes'"
    )

    delivered = await deliveries.drop_off(city.deps, delivery_id, DropOff(courier_id))

    assert delivered.status is DeliveryStatus.DELIVERED


async def test_when_nobody_is_found_in_time_it_is_told_and_the_search_ends(city: "City") -> None:
    await city.accepted()
    await city.let_searches_be_over()

    await city.sweep()

    assert (await city.delivery()).status is CANCELLED
    (fact,) = await city.facts()
    assert decode(fact["data"].encode(), DeliveryUnassigned).order_id == 1
    assert fact["correlation_id"] == "walk-1"
    await city.courier()
    assert (await city.offered()).status is CANCELLED
    await city.sweep()
    assert await city.told() == ["unassigned"]


async def test_a_cancelled_order_frees_its_courier(city: "City") -> None:
    delivery_id, courier_id = await city.assigned(1)
    await city.accepted(2)

    await city.cancelled(1)
    await city.cancelled(1)

    assert (await city.delivery(1)).status is CANCELLED
    assert (await city.offered(2)).courier_id == courier_id
    with pytest.raises(IllegalMove):
        await deliveries.pick_up(city.deps, delivery_id, courier_id)


async def test_a_cancelled_order_that_was_delivered_before_stays_delivered(city: "City") -> None:
    delivery_id, courier_id = await city.assigned()
    await deliveries.pick_up(city.deps, delivery_id, courier_id)
    await deliveries.drop_off(city.deps, delivery_id, DropOff(courier_id, CUSTOMER))

    await city.cancelled()

    assert (await city.delivery()).status is DeliveryStatus.DELIVERED


async def test_who_leaves_gives_back_what_they_have_not_picked_up(city: "City") -> None:
    _, leaving = await city.assigned()
    staying = await city.courier(at=north_of(RESTAURANT, 1000))

    left = await city.shift(leaving, online=False)

    assert (left.is_online, left.delivery_id) == (False, None)
    given_back = await city.delivery()
    assert (given_back.status, given_back.courier_id) == (SEARCHING, None)
    assert (await city.offered()).courier_id == staying


async def test_who_has_food_in_hand_does_not_leave(city: "City") -> None:
    delivery_id, courier_id = await city.assigned()
    await deliveries.pick_up(city.deps, delivery_id, courier_id)

    with pytest.raises(IllegalMove):
        await city.shift(courier_id, online=False)

    courier = await couriers.get(city.deps, courier_id)
    assert (courier.is_online, courier.delivery_id) == (True, delivery_id)


async def test_nobody_is_asked_long_before_the_food_is_ready(city: "City") -> None:
    await city.courier()
    await city.accepted(ready_in_s=300)

    assert (await city.offered()).status is SEARCHING
    await city.ready()
    assert (await city.offered()).status is OFFERED


async def test_while_food_cooks_it_is_looked_every_ten_seconds_who_might_bring_it(
    city: "City",
) -> None:
    await city.courier()
    await city.accepted(1, ready_in_s=300)
    await city.accepted(2, ready_in_s=64)

    await city.offer()

    rows = await city.deps.database.fetch(
        "select extract(epoch from search_at - now())::float as in_s from deliveries order by id"
    )
    assert 9 < rows[0]["in_s"] <= 10
    assert 3 < rows[1]["in_s"] < 4  # then the courier, who stands there, is asked


async def test_orders_for_which_there_is_nobody_keep_no_other_from_their_turn(
    city: "City",
) -> None:
    far_away = north_of(RESTAURANT, 200_000)
    for order_id in range(1, search.MOST_WAITING + 1):
        await city.accepted(order_id, pick_up=far_away, drop_off=far_away)
    courier_id = await city.courier()
    await city.accepted(1000)

    await city.offer()

    assert (await city.offered(1000)).courier_id == courier_id


async def test_a_kitchen_that_is_late_moves_all_times(city: "City") -> None:
    await city.accepted(ready_in_s=60)
    before = await city.delivery()

    await city.delayed(ready_in_s=1260)
    await city.delayed(ready_in_s=30)

    after = await city.delivery()
    assert before.estimated_at is not None
    assert after.estimated_at is not None
    assert after.latest_at is not None
    assert before.find_by is not None
    assert after.find_by is not None
    moved = after.ready_at - before.ready_at
    assert timedelta(seconds=1199) < moved < timedelta(seconds=1201)
    assert after.estimated_at - before.estimated_at == moved
    assert after.find_by - before.find_by > timedelta(minutes=9)


async def test_a_restaurant_whose_place_is_not_known_finds_a_courier_too(city: "City") -> None:
    courier_id = await city.courier()
    await city.accepted(pick_up=None, drop_off=None)

    assert (await city.offered()).courier_id == courier_id


async def test_what_is_not_there_is_not_found(city: "City") -> None:
    nowhere: list[Awaitable[object]] = [
        deliveries.get(city.deps, DeliveryId(99)),
        deliveries.accept(city.deps, DeliveryId(99), CourierId(1)),
        deliveries.offered_to(city.deps, CourierId(99)),
        couriers.get(city.deps, CourierId(99)),
        couriers.move(city.deps, CourierId(99), RESTAURANT),
        city.shift(CourierId(99), online=False),
    ]
    for each in nowhere:
        with pytest.raises(NotFound):
            await each
