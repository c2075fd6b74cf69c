"""The life of a delivery: its states, its moves and who may make them. Pure."""

from collections.abc import Mapping
from datetime import datetime, timedelta

import msgspec

from ordereats.chassis.errors import IllegalMove
from ordereats.contracts.deliveries import (
    DeliveryAssigned,
    DeliveryDelivered,
    DeliveryOffered,
    DeliveryPickedUp,
    DeliveryStatus,
    DeliveryUnassigned,
    EstimatedFrom,
    Vehicle,
)
from ordereats.contracts.ids import CourierId, DeliveryId, OrderId, RestaurantId, UserId
from ordereats.contracts.orders import OrderAccepted, OrderCancelled
from ordereats.contracts.places import Place
from ordereats.services.deliveries.domain.refusals import (
    NotReady,
    NotYours,
    OfferLapsed,
    TooFar,
)
from ordereats.services.deliveries.domain.times import UNKNOWN_WAY_S, Times, expected, way_s

MOVES: Mapping[DeliveryStatus, frozenset[DeliveryStatus]] = {
    DeliveryStatus.SEARCHING: frozenset({DeliveryStatus.OFFERED, DeliveryStatus.CANCELLED}),
    DeliveryStatus.OFFERED: frozenset(
        {DeliveryStatus.ASSIGNED, DeliveryStatus.SEARCHING, DeliveryStatus.CANCELLED}
    ),
    DeliveryStatus.ASSIGNED: frozenset(
        {DeliveryStatus.PICKED_UP, DeliveryStatus.SEARCHING, DeliveryStatus.CANCELLED}
    ),
    DeliveryStatus.PICKED_UP: frozenset({DeliveryStatus.DELIVERED, DeliveryStatus.CANCELLED}),
    DeliveryStatus.DELIVERED: frozenset(),
    DeliveryStatus.CANCELLED: frozenset(),
}
"""Where a delivery may go from each state. What is not here is refused and changes nothing."""

SEARCH_AHEAD = timedelta(minutes=10)
"""How long before the food is promised the search begins, and with it the time that it has."""
LOOK_AGAIN = timedelta(seconds=10)
"""While the food cooks, how often it is seen at least who is free and how far they are."""
DROP_OFF_WITHIN_M = 300.0
"""How far from the address a courier may hand over: a block, and what satellites err by between
tall houses."""


class Delivery(msgspec.Struct, frozen=True):
    """One order on its way.

    Attributes:
        is_ready: whether the kitchen has said that the food waits.
        way_m: from the restaurant to the customer; None: not known.
        estimated_from: how that is known.
        courier_id: to whom it is offered or was given.
        search_at: while nobody has it: when it is looked, or looked again, who might.
        find_by: while nobody has it: then the search is given up.
        version: counts its moves, from 1; a fact about it carries the version after it.
        correlation_id: of the request that the order came with; jobs go on under it.
        traceparent: likewise.
    """

    id: DeliveryId
    order_id: OrderId
    restaurant_id: RestaurantId
    user_id: UserId
    status: DeliveryStatus
    ready_at: datetime
    search_at: datetime
    find_by: datetime
    created_at: datetime
    version: int
    correlation_id: str = ""
    traceparent: str | None = None
    is_ready: bool = False
    pick_up: Place | None = None
    drop_off: Place | None = None
    way_m: float | None = None
    estimated_from: EstimatedFrom | None = None
    courier_id: CourierId | None = None
    offered_until: datetime | None = None
    estimated_at: datetime | None = None
    latest_at: datetime | None = None
    picked_up_at: datetime | None = None
    delivered_at: datetime | None = None

    @property
    def is_over(self) -> bool:
        """Whether nothing happens to it any more."""
        return not MOVES[self.status]


def request(
    accepted: OrderAccepted,
    *,
    delivery_id: DeliveryId,
    now: datetime,
    find_within: timedelta,
    way_m: float | None,
    estimated_from: EstimatedFrom,
) -> Delivery:
    """A kitchen cooks: somebody is wanted to bring it."""
    search_at = _search_from(accepted.ready_at, now)
    times = expected(
        now=now,
        ready_at=accepted.ready_at,
        approach_s=UNKNOWN_WAY_S,
        carry_s=way_s(way_m, Vehicle.BICYCLE),
    )
    return Delivery(
        id=delivery_id,
        order_id=accepted.order_id,
        restaurant_id=accepted.restaurant_id,
        user_id=accepted.user_id,
        status=DeliveryStatus.SEARCHING,
        ready_at=accepted.ready_at,
        search_at=search_at,
        find_by=search_at + find_within,
        created_at=now,
        version=1,
        pick_up=accepted.pick_up,
        drop_off=accepted.drop_off,
        way_m=way_m,
        estimated_from=estimated_from,
        estimated_at=times.estimated_at,
        latest_at=times.latest_at,
    )


def never(cancelled: OrderCancelled, *, delivery_id: DeliveryId, now: datetime) -> Delivery:
    """An order ended before anything was to be brought; should it be accepted late, nobody goes."""
    return Delivery(
        id=delivery_id,
        order_id=cancelled.order_id,
        restaurant_id=cancelled.restaurant_id,
        user_id=cancelled.user_id,
        status=DeliveryStatus.CANCELLED,
        ready_at=now,
        search_at=now,
        find_by=now,
        created_at=now,
        version=1,
    )


def food_is_ready(delivery: Delivery, *, now: datetime) -> Delivery:
    """The kitchen says that it waits. What is over stays as it is."""
    if delivery.is_over:
        return delivery
    return msgspec.structs.replace(delivery, is_ready=True, search_at=min(now, delivery.search_at))


def delay(
    delivery: Delivery, *, ready_at: datetime, now: datetime, find_within: timedelta
) -> Delivery:
    """The kitchen needs longer: everything moves by as much. Said again, nothing does.

    Heard only when the food is ready, it changes no more than it would have before.
    """
    by = ready_at - delivery.ready_at
    if delivery.is_over or by <= timedelta():
        return delivery
    search_at = _search_from(ready_at, now)
    return msgspec.structs.replace(
        delivery,
        ready_at=ready_at,
        search_at=delivery.search_at if delivery.is_ready else search_at,
        find_by=max(search_at + find_within, delivery.find_by),
        estimated_at=delivery.estimated_at and delivery.estimated_at + by,
        latest_at=delivery.latest_at and delivery.latest_at + by,
    )


def offer(
    delivery: Delivery, courier_id: CourierId, *, until: datetime, times: Times
) -> tuple[Delivery, DeliveryOffered]:
    """Ask a courier."""
    offered = _move(
        delivery,
        DeliveryStatus.OFFERED,
        courier_id=courier_id,
        offered_until=until,
        estimated_at=times.estimated_at,
        latest_at=times.latest_at,
    )
    fact = DeliveryOffered(
        delivery_id=offered.id,
        order_id=offered.order_id,
        restaurant_id=offered.restaurant_id,
        user_id=offered.user_id,
        courier_id=courier_id,
        until=until,
    )
    return offered, fact


def lapse(delivery: Delivery) -> Delivery:
    """The courier said nothing in time."""
    _check_status(delivery, DeliveryStatus.OFFERED, to=DeliveryStatus.SEARCHING)
    return _move(delivery, DeliveryStatus.SEARCHING, courier_id=None, offered_until=None)


def decline(delivery: Delivery, courier_id: CourierId, *, now: datetime) -> Delivery:
    """The courier said no.

    Raises:
        IllegalMove: nothing of it is offered.
        NotYours: it is offered to another.
        OfferLapsed: too late; it goes to the next anyway.
    """
    _check_offer(delivery, courier_id, to=DeliveryStatus.SEARCHING, now=now)
    return _move(delivery, DeliveryStatus.SEARCHING, courier_id=None, offered_until=None)


def accept(
    delivery: Delivery, courier_id: CourierId, *, now: datetime, times: Times
) -> tuple[Delivery, DeliveryAssigned]:
    """The courier said yes.

    Raises:
        IllegalMove: nothing of it is offered.
        NotYours: it is offered to another.
        OfferLapsed: too late.
    """
    _check_offer(delivery, courier_id, to=DeliveryStatus.ASSIGNED, now=now)
    assigned = _move(
        delivery,
        DeliveryStatus.ASSIGNED,
        offered_until=None,
        estimated_at=times.estimated_at,
        latest_at=times.latest_at,
    )
    fact = DeliveryAssigned(
        delivery_id=assigned.id,
        order_id=assigned.order_id,
        restaurant_id=assigned.restaurant_id,
        user_id=assigned.user_id,
        courier_id=courier_id,
        estimated_at=times.estimated_at,
        latest_at=times.latest_at,
    )
    return assigned, fact


def postpone(delivery: Delivery, *, until: datetime, now: datetime) -> Delivery:
    """Nobody has to leave for it yet: it is looked again by then, and every `LOOK_AGAIN`."""
    return msgspec.structs.replace(delivery, search_at=min(until, now + LOOK_AGAIN))


def give_back(delivery: Delivery, *, now: datetime, find_within: timedelta) -> Delivery:
    """The courier stops working before they have the food; the search begins anew."""
    if delivery.status not in {DeliveryStatus.OFFERED, DeliveryStatus.ASSIGNED}:
        raise _illegal(delivery, DeliveryStatus.SEARCHING)
    search_at = _search_from(delivery.ready_at, now)
    return _move(
        delivery,
        DeliveryStatus.SEARCHING,
        courier_id=None,
        offered_until=None,
        search_at=search_at,
        find_by=max(search_at + find_within, delivery.find_by),
    )


def pick_up(
    delivery: Delivery, courier_id: CourierId, *, now: datetime, times: Times
) -> tuple[Delivery, DeliveryPickedUp]:
    """The courier takes the food.

    Raises:
        IllegalMove: nobody has accepted it, or it was taken before.
        NotYours: another courier brings it.
        NotReady: the kitchen still cooks.
    """
    _check_status(delivery, DeliveryStatus.ASSIGNED, to=DeliveryStatus.PICKED_UP)
    _check_courier(delivery, courier_id)
    if not delivery.is_ready:
        raise NotReady(f"The food of delivery {delivery.id} is not ready yet.")
    taken = _move(
        delivery,
        DeliveryStatus.PICKED_UP,
        picked_up_at=now,
        estimated_at=times.estimated_at,
        latest_at=times.latest_at,
    )
    fact = DeliveryPickedUp(
        delivery_id=taken.id,
        order_id=taken.order_id,
        restaurant_id=taken.restaurant_id,
        user_id=taken.user_id,
        courier_id=courier_id,
    )
    return taken, fact


def drop_off(
    delivery: Delivery, courier_id: CourierId, *, now: datetime, away_m: float | None
) -> tuple[Delivery, DeliveryDelivered]:
    """The customer has it.

    Args:
        delivery: which.
        courier_id: who says so.
        now: the time.
        away_m: how far they stand from the address, as the crow flies; None: not known.

    Raises:
        IllegalMove: they don't have the food.
        NotYours: another courier has it.
        TooFar: more than `DROP_OFF_WITHIN_M`.
    """
    _check_status(delivery, DeliveryStatus.PICKED_UP, to=DeliveryStatus.DELIVERED)
    _check_courier(delivery, courier_id)
    if away_m is not None and away_m > DROP_OFF_WITHIN_M:
        raise TooFar(f"It is {away_m:.0f} m to the address, more than {DROP_OFF_WITHIN_M:.0f} m.")
    delivered = _move(delivery, DeliveryStatus.DELIVERED, delivered_at=now)
    fact = DeliveryDelivered(
        delivery_id=delivered.id,
        order_id=delivered.order_id,
        restaurant_id=delivered.restaurant_id,
        user_id=delivered.user_id,
        courier_id=courier_id,
    )
    return delivered, fact


def cancel(delivery: Delivery) -> Delivery:
    """The order has ended before it was delivered."""
    return _move(delivery, DeliveryStatus.CANCELLED, offered_until=None)


def give_up(delivery: Delivery) -> tuple[Delivery, DeliveryUnassigned]:
    """Nobody was found in time."""
    _check_status(delivery, DeliveryStatus.SEARCHING, to=DeliveryStatus.CANCELLED)
    fact = DeliveryUnassigned(
        delivery_id=delivery.id,
        order_id=delivery.order_id,
        restaurant_id=delivery.restaurant_id,
        user_id=delivery.user_id,
    )
    return cancel(delivery), fact


def _search_from(ready_at: datetime, now: datetime) -> datetime:
    return max(now, ready_at - SEARCH_AHEAD)


def _check_offer(
    delivery: Delivery, courier_id: CourierId, *, to: DeliveryStatus, now: datetime
) -> None:
    if delivery.status is DeliveryStatus.SEARCHING:
        raise OfferLapsed(f"Delivery {delivery.id} is not offered any more.")
    _check_status(delivery, DeliveryStatus.OFFERED, to=to)
    _check_courier(delivery, courier_id)
    if delivery.offered_until is not None and now > delivery.offered_until:
        raise OfferLapsed(f"The offer of delivery {delivery.id} has lapsed.")


def _check_courier(delivery: Delivery, courier_id: CourierId) -> None:
    if delivery.courier_id != courier_id:
        raise NotYours(f"Delivery {delivery.id} is another courier's.")


def _check_status(delivery: Delivery, status: DeliveryStatus, *, to: DeliveryStatus) -> None:
    if delivery.status is not status:
        raise _illegal(delivery, to)


def _move(delivery: Delivery, to: DeliveryStatus, **changes: object) -> Delivery:
    if to not in MOVES[delivery.status]:
        raise _illegal(delivery, to)
    return msgspec.structs.replace(delivery, status=to, version=delivery.version + 1, **changes)


def _illegal(delivery: Delivery, to: DeliveryStatus) -> IllegalMove:
    return IllegalMove(f"Delivery {delivery.id} is {delivery.status} and can't become {to}.")
