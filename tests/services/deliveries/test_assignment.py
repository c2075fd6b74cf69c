"""Who is asked to bring what: the best of all pairings, not the first that comes to mind."""

from datetime import UTC, datetime, timedelta
from itertools import permutations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ordereats.contracts.deliveries import EstimatedFrom, Vehicle
from ordereats.contracts.ids import CourierId, DeliveryId, OrderId, RestaurantId, UserId
from ordereats.contracts.money import Money
from ordereats.contracts.orders import OrderAccepted
from ordereats.contracts.places import Location
from ordereats.services.deliveries.domain import delivery as rules
from ordereats.services.deliveries.domain.assignment import (
    FARTHEST_S,
    Candidate,
    Free,
    Pair,
    assign,
    cost_s,
)
from ordereats.services.deliveries.domain.delivery import Delivery
from ordereats.services.deliveries.domain.times import SPEED_M_S

NOW = datetime(2026, 2, 28, 18, 30, tzinfo=UTC)
HERE = Location(60.17, 24.94)
Waiting = list[tuple[Delivery, list[Candidate]]]


def a_delivery(number: int = 1, *, ready_in_s: float = 0, is_ready: bool = True) -> Delivery:
    accepted = OrderAccepted(
        order_id=OrderId(number),
        user_id=UserId(7),
        restaurant_id=RestaurantId(3),
        total=Money(2500),
        ready_at=NOW + timedelta(seconds=ready_in_s),
    )
    delivery = rules.request(
        accepted,
        delivery_id=DeliveryId(number),
        now=NOW,
        find_within=timedelta(minutes=20),
        way_m=1000,
        estimated_from=EstimatedFrom.STREETS,
    )
    return msgspec.structs.replace(delivery, is_ready=is_ready)


def a_candidate(
    number: int = 1, way_m: float | None = 0, *, lapses: int = 0, vehicle: Vehicle = Vehicle.BICYCLE
) -> Candidate:
    return Candidate(Free(CourierId(number), vehicle, HERE), way_m, lapses)


def asked(waiting: Waiting) -> dict[int, int]:
    """Which courier is asked to bring which delivery."""
    pairs = assign(waiting, now=NOW)
    return {pair.delivery.id: pair.candidate.courier.id for pair in pairs}


def test_the_first_who_is_free_is_not_the_right_one_if_only_they_are_near_to_another() -> None:
    # Courier 1 is the nearest of both. Given to order 1, as the first who is free, they leave order
    # 2 with a way of 4 km; given to order 2, order 1 has to wait for 500 m only.
    waiting = [
        (a_delivery(1), [a_candidate(1, 100), a_candidate(2, 500)]),
        (a_delivery(2), [a_candidate(1, 200), a_candidate(2, 4000)]),
    ]

    assert asked(waiting) == {1: 2, 2: 1}


def test_as_many_as_possible_are_asked() -> None:
    waiting = [
        (a_delivery(1), [a_candidate(1, 0), a_candidate(2, 5000)]),
        (a_delivery(2), [a_candidate(1, 10)]),
    ]

    assert asked(waiting) == {1: 2, 2: 1}


def test_of_too_many_orders_the_one_that_waits_longest_goes_first() -> None:
    waiting = [
        (a_delivery(1, ready_in_s=-60), [a_candidate(1, 100)]),
        (a_delivery(2, ready_in_s=-600), [a_candidate(1, 100)]),
    ]

    assert asked(waiting) == {2: 1}


def test_who_let_an_offer_lapse_is_asked_only_when_there_is_nobody_else() -> None:
    lapsed, willing = a_candidate(1, 0, lapses=1), a_candidate(2, 6000)

    assert asked([(a_delivery(), [lapsed, willing])]) == {1: 2}
    assert asked([(a_delivery(), [lapsed])]) == {1: 1}


def test_nobody_is_asked_to_go_farther_than_half_an_hour() -> None:
    farthest_m = FARTHEST_S * SPEED_M_S[Vehicle.FOOT]

    assert asked([(a_delivery(), [a_candidate(1, farthest_m - 1, vehicle=Vehicle.FOOT)])])
    assert not asked([(a_delivery(), [a_candidate(1, farthest_m + 1, vehicle=Vehicle.FOOT)])])


def test_a_way_that_is_not_known_keeps_nobody_from_being_asked() -> None:
    assert asked([(a_delivery(), [a_candidate(1, None)])]) == {1: 1}


@pytest.mark.parametrize(("ready_in_s", "is_asked"), [(159, True), (161, False), (-10, True)])
def test_while_the_food_cooks_its_nearest_courier_is_asked_when_they_have_to_leave(
    ready_in_s: float, *, is_asked: bool
) -> None:
    # 100 s on the way, and a minute to answer. The one who is far would have had to leave before.
    near, far = a_candidate(1, 420), a_candidate(2, 4200)
    cooking = a_delivery(ready_in_s=ready_in_s, is_ready=False)

    assert asked([(cooking, [near, far])]) == ({1: 1} if is_asked else {})


def test_food_that_is_ready_before_its_time_is_fetched_at_once() -> None:
    assert asked([(a_delivery(ready_in_s=900), [a_candidate()])]) == {1: 1}


def test_who_is_too_slow_for_the_way_to_the_customer_is_not_the_first_choice() -> None:
    walker, rider = a_candidate(1, 100, vehicle=Vehicle.FOOT), a_candidate(2, 400)

    assert asked([(a_delivery(), [walker, rider])]) == {1: 2}


def test_nobody_and_nothing_is_no_fault() -> None:
    assert assign([], now=NOW) == []
    assert assign([(a_delivery(), [])], now=NOW) == []


ways = st.lists(
    st.lists(st.integers(min_value=0, max_value=5000), min_size=4, max_size=4),
    min_size=1,
    max_size=4,
)


@given(ways)
def test_no_other_pairing_is_cheaper(metres: list[list[int]]) -> None:
    waiting: Waiting = [
        (a_delivery(row), [a_candidate(column, way) for column, way in enumerate(its)])
        for row, its in enumerate(metres, start=1)
    ]

    pairs = assign(waiting, now=NOW)

    every = [
        sum(
            round(cost_s(Pair(delivery, candidates[chosen]), now=NOW))
            for (delivery, candidates), chosen in zip(waiting, choice, strict=True)
        )
        for choice in permutations(range(4), len(waiting))
    ]
    assert len(pairs) == len(waiting)
    assert len({pair.candidate.courier.id for pair in pairs}) == len(pairs)
    assert sum(round(cost_s(pair, now=NOW)) for pair in pairs) == min(every)
