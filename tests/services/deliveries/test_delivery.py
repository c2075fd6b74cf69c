"""The life of a delivery: every move there is, every one there is not, and who may make it."""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import product

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ordereats.chassis.errors import Conflict, IllegalMove
from ordereats.contracts.deliveries import DeliveryStatus, EstimatedFrom
from ordereats.contracts.events import Event
from ordereats.contracts.ids import CourierId, DeliveryId, OrderId, RestaurantId, UserId
from ordereats.contracts.money import Money
from ordereats.contracts.orders import CancelledBy, OrderAccepted, OrderCancelled
from ordereats.contracts.places import Location
from ordereats.services.deliveries.domain import delivery as rules
from ordereats.services.deliveries.domain import view
from ordereats.services.deliveries.domain.delivery import MOVES, Delivery
from ordereats.services.deliveries.domain.refusals import (
    NotReady,
    NotYours,
    OfferLapsed,
    TooFar,
)
from ordereats.services.deliveries.domain.times import Times

NOW = datetime(2026, 2, 28, 18, 30, tzinfo=UTC)
TIMES = Times(NOW + timedelta(minutes=20), NOW + timedelta(minutes=30))
FIND_WITHIN = timedelta(minutes=20)
COURIER, OTHER = CourierId(5), CourierId(6)
UNTIL = NOW + timedelta(seconds=45)
SEARCHING, OFFERED = DeliveryStatus.SEARCHING, DeliveryStatus.OFFERED
ASSIGNED, PICKED_UP = DeliveryStatus.ASSIGNED, DeliveryStatus.PICKED_UP
DELIVERED, CANCELLED = DeliveryStatus.DELIVERED, DeliveryStatus.CANCELLED

Act = Callable[[Delivery], Delivery]


def fact_of(act: Callable[[Delivery], tuple[Delivery, Event]]) -> Act:
    return lambda delivery: act(delivery)[0]


OFFER = fact_of(lambda it: rules.offer(it, COURIER, until=UNTIL, times=TIMES))
ACCEPT = fact_of(lambda it: rules.accept(it, COURIER, now=NOW, times=TIMES))
PICK_UP = fact_of(lambda it: rules.pick_up(it, COURIER, now=NOW, times=TIMES))
DROP_OFF = fact_of(lambda it: rules.drop_off(it, COURIER, now=NOW, away_m=10))

ACTS: dict[str, tuple[Act, DeliveryStatus, frozenset[DeliveryStatus]]] = {
    "offer": (OFFER, OFFERED, frozenset({SEARCHING})),
    "lapse": (rules.lapse, SEARCHING, frozenset({OFFERED})),
    "decline": (
        lambda it: rules.decline(it, COURIER, now=NOW),
        SEARCHING,
        frozenset({OFFERED}),
    ),
    "accept": (ACCEPT, ASSIGNED, frozenset({OFFERED})),
    "give back": (
        lambda it: rules.give_back(it, now=NOW, find_within=FIND_WITHIN),
        SEARCHING,
        frozenset({OFFERED, ASSIGNED}),
    ),
    "pick up": (PICK_UP, PICKED_UP, frozenset({ASSIGNED})),
    "drop off": (DROP_OFF, DELIVERED, frozenset({PICKED_UP})),
    "give up": (fact_of(rules.give_up), CANCELLED, frozenset({SEARCHING})),
    "cancel": (rules.cancel, CANCELLED, frozenset({SEARCHING, OFFERED, ASSIGNED, PICKED_UP})),
}
"""What is done to a delivery, what it becomes by that, and from where."""

PATHS: dict[DeliveryStatus, list[str]] = {
    SEARCHING: [],
    OFFERED: ["offer"],
    ASSIGNED: ["offer", "accept"],
    PICKED_UP: ["offer", "accept", "pick up"],
    DELIVERED: ["offer", "accept", "pick up", "drop off"],
    CANCELLED: ["cancel"],
}


def an_acceptance(ready_in: timedelta = timedelta(minutes=15)) -> OrderAccepted:
    return OrderAccepted(
        order_id=OrderId(17),
        user_id=UserId(7),
        restaurant_id=RestaurantId(3),
        total=Money(2500),
        ready_at=NOW + ready_in,
    )


def a_delivery(status: DeliveryStatus = SEARCHING, **changes: object) -> Delivery:
    """A delivery that has gone the shortest way to a state, with food that waits."""
    delivery = rules.request(
        an_acceptance(),
        delivery_id=DeliveryId(9),
        now=NOW,
        find_within=FIND_WITHIN,
        way_m=1800,
        estimated_from=EstimatedFrom.STREETS,
    )
    delivery = rules.food_is_ready(delivery, now=NOW)
    for name in PATHS[status]:
        delivery = ACTS[name][0](delivery)
    return msgspec.structs.replace(delivery, **changes)


def test_every_state_has_its_moves_and_every_move_its_act() -> None:
    made = {(origin, to) for _, to, origins in ACTS.values() for origin in origins}

    assert set(MOVES) == set(DeliveryStatus)
    assert made == {(origin, to) for origin, its in MOVES.items() for to in its}


@pytest.mark.parametrize(("status", "name"), list(product(DeliveryStatus, ACTS)))
def test_an_act_is_done_where_the_table_has_it_and_else_refused(
    status: DeliveryStatus, name: str
) -> None:
    act, to, origins = ACTS[name]
    delivery = a_delivery(status)

    if status in origins:
        moved = act(delivery)
        assert (moved.status, moved.version) == (to, delivery.version + 1)
    else:
        with pytest.raises(Conflict) as refused:
            act(delivery)
        assert isinstance(refused.value, IllegalMove | OfferLapsed)
    assert delivery == a_delivery(status)


@given(st.lists(st.sampled_from(list(ACTS)), max_size=30))
def test_on_any_walk_the_version_counts_the_moves_and_a_courier_is_there_when_needed(
    walk: list[str],
) -> None:
    delivery, moves = a_delivery(), 0

    for name in walk:
        act, to, origins = ACTS[name]
        before = delivery
        with suppress(Conflict):
            delivery = act(delivery)
        moves += before.status in origins
        assert delivery.status == (to if before.status in origins else before.status)
        assert delivery.version == 1 + moves
        assert (delivery.offered_until is not None) == (delivery.status is OFFERED)
        if delivery.status is SEARCHING:
            assert delivery.courier_id is None
        elif delivery.status is not CANCELLED:
            assert delivery.courier_id == COURIER


@pytest.mark.parametrize("end", [DELIVERED, CANCELLED])
def test_what_has_ended_stays_as_it_is_whatever_the_kitchen_says(end: DeliveryStatus) -> None:
    delivery = a_delivery(end, is_ready=False)
    later = NOW + timedelta(hours=1)

    assert delivery.is_over
    assert rules.food_is_ready(delivery, now=NOW) == delivery
    assert rules.delay(delivery, ready_at=later, now=NOW, find_within=FIND_WITHIN) == delivery


def test_another_courier_can_do_nothing() -> None:
    refused: list[Callable[[], object]] = [
        lambda: rules.accept(a_delivery(OFFERED), OTHER, now=NOW, times=TIMES),
        lambda: rules.decline(a_delivery(OFFERED), OTHER, now=NOW),
        lambda: rules.pick_up(a_delivery(ASSIGNED), OTHER, now=NOW, times=TIMES),
        lambda: rules.drop_off(a_delivery(PICKED_UP), OTHER, now=NOW, away_m=None),
    ]
    for act in refused:
        with pytest.raises(NotYours):
            act()


def test_an_offer_stands_until_its_time_and_no_longer() -> None:
    late = UNTIL + timedelta(microseconds=1)

    rules.accept(a_delivery(OFFERED), COURIER, now=UNTIL, times=TIMES)
    with pytest.raises(OfferLapsed):
        rules.accept(a_delivery(OFFERED), COURIER, now=late, times=TIMES)
    with pytest.raises(OfferLapsed):
        rules.decline(a_delivery(OFFERED), COURIER, now=late)


def test_food_that_is_not_ready_is_not_picked_up() -> None:
    with pytest.raises(NotReady):
        rules.pick_up(a_delivery(ASSIGNED, is_ready=False), COURIER, now=NOW, times=TIMES)


@pytest.mark.parametrize(("away_m", "is_refused"), [(None, False), (300, False), (300.1, True)])
def test_food_is_handed_over_within_300_metres_as_far_as_known(
    away_m: float | None, *, is_refused: bool
) -> None:
    delivery = a_delivery(PICKED_UP)

    if is_refused:
        with pytest.raises(TooFar):
            rules.drop_off(delivery, COURIER, now=NOW, away_m=away_m)
    else:
        delivered, _ = rules.drop_off(delivery, COURIER, now=NOW, away_m=away_m)
        assert delivered.delivered_at == NOW


@pytest.mark.parametrize(
    ("ready_in_min", "found_by_min"), [(-5, 20), (0, 20), (10, 20), (15, 25), (60, 70)]
)
def test_the_search_has_its_time_from_ten_minutes_before_the_food_is_promised(
    ready_in_min: int, found_by_min: int
) -> None:
    delivery = rules.request(
        an_acceptance(timedelta(minutes=ready_in_min)),
        delivery_id=DeliveryId(9),
        now=NOW,
        find_within=FIND_WITHIN,
        way_m=None,
        estimated_from=EstimatedFrom.USUAL,
    )

    assert delivery.find_by == NOW + timedelta(minutes=found_by_min)
    assert delivery.search_at == delivery.find_by - FIND_WITHIN


def test_a_kitchen_that_is_late_moves_every_time_by_as_much() -> None:
    delivery = a_delivery(is_ready=False)
    later = delivery.ready_at + timedelta(minutes=10)

    moved = rules.delay(delivery, ready_at=later, now=NOW, find_within=FIND_WITHIN)

    assert moved.ready_at == later
    assert moved.estimated_at is not None
    assert delivery.estimated_at is not None
    assert moved.estimated_at - delivery.estimated_at == timedelta(minutes=10)
    again = rules.delay(moved, ready_at=delivery.ready_at, now=NOW, find_within=FIND_WITHIN)
    assert again == moved


def test_who_gives_it_back_gives_the_search_new_time_and_never_less() -> None:
    delivery = a_delivery(ASSIGNED)
    later = delivery.find_by + timedelta(minutes=5)

    given_back = rules.give_back(delivery, now=later, find_within=FIND_WITHIN)
    at_once = rules.give_back(delivery, now=NOW, find_within=timedelta(minutes=1))

    assert (given_back.search_at, given_back.find_by) == (later, later + FIND_WITHIN)
    assert at_once.find_by == delivery.find_by


def test_an_order_that_ends_before_it_is_accepted_is_cancelled_from_the_start() -> None:
    cancelled = OrderCancelled(OrderId(17), UserId(7), RestaurantId(3), CancelledBy.CUSTOMER)

    never = rules.never(cancelled, delivery_id=DeliveryId(9), now=NOW)

    assert (never.status, never.version, never.is_over) == (CANCELLED, 1, True)


@pytest.mark.parametrize("status", list(DeliveryStatus))
def test_a_courier_is_seen_only_while_they_are_on_the_way(status: DeliveryStatus) -> None:
    here = Location(60.17, 24.94)

    shown = view.shown(a_delivery(status), here)

    assert shown.position == (here if status in {ASSIGNED, PICKED_UP} else None)
    assert (shown.find_by is None) == (status not in {SEARCHING, OFFERED})
