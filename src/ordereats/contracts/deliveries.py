"""What deliveries says: couriers, and who brings what."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from msgspec import Meta

from ordereats.contracts.events import Event
from ordereats.contracts.ids import CourierId, DeliveryId, OrderId, RestaurantId, UserId
from ordereats.contracts.places import Location, Place
from ordereats.contracts.wire import Answer, Body, Text


class Vehicle(StrEnum):
    """What a courier moves on."""

    BICYCLE = "bicycle"
    SCOOTER = "scooter"
    CAR = "car"
    FOOT = "foot"


class DeliveryStatus(StrEnum):
    """Where a delivery is in its own life."""

    SEARCHING = "searching"
    OFFERED = "offered"
    ASSIGNED = "assigned"
    PICKED_UP = "picked_up"
    DELIVERED = "delivered"
    CANCELLED = "cancelled"


class EstimatedFrom(StrEnum):
    """How the length of the way to the customer is known."""

    STREETS = "streets"
    CROW_FLIES = "crow_flies"
    """The straight line, with a detour as is usual: where no streets are known."""
    USUAL = "usual"
    """As long as most ways are: where a place is not known."""


class JoinAsCourier(Body, frozen=True):
    """Someone who brings food."""

    name: Annotated[str, Meta(min_length=1, max_length=100, pattern=Text)]
    vehicle: Vehicle = Vehicle.BICYCLE


class Courier(Answer, frozen=True):
    """Someone who brings food.

    Attributes:
        is_online: on shift, and so offered deliveries.
        location: last known.
        delivery_id: what they are bringing now.
    """

    id: CourierId
    name: str
    vehicle: Vehicle
    is_online: bool
    created_at: datetime
    location: Location | None = None
    seen_at: datetime | None = None
    delivery_id: DeliveryId | None = None


class Shift(Body, frozen=True):
    """Whether a courier works now, and where they are; coming online requires a location."""

    online: bool
    location: Location | None = None


class Position(Body, frozen=True):
    """Where a courier is now."""

    location: Location


class ByCourier(Body, frozen=True):
    """Who does it: the courier to whom the delivery was offered or given."""

    courier_id: CourierId


class DropOff(Body, frozen=True):
    """Who hands it over, and where they stand; too far from the address is refused."""

    courier_id: CourierId
    location: Location | None = None


class Delivery(Answer, frozen=True):
    """One order on its way.

    Attributes:
        position: of its courier, last known.
        ready_at: when the kitchen promises the food.
        is_ready: whether the kitchen has said that it waits.
        offered_until: while offered: then it goes to the next courier.
        find_by: while nobody has it: then the search is given up.
        estimated_at: when the customer most likely has it.
        latest_at: by when the customer has it in nine of ten cases.
        estimated_from: what both times go by, so that whoever shows them can say how good they are.
        version: counts its moves, from 1.
    """

    id: DeliveryId
    order_id: OrderId
    restaurant_id: RestaurantId
    status: DeliveryStatus
    ready_at: datetime
    is_ready: bool
    created_at: datetime
    version: int
    pick_up: Place | None = None
    drop_off: Place | None = None
    courier_id: CourierId | None = None
    position: Location | None = None
    offered_until: datetime | None = None
    find_by: datetime | None = None
    estimated_at: datetime | None = None
    latest_at: datetime | None = None
    estimated_from: EstimatedFrom | None = None
    picked_up_at: datetime | None = None
    delivered_at: datetime | None = None


class DeliveryOffered(Event, frozen=True, tag="ordereats.delivery.offered.v1"):
    """A courier was asked."""

    delivery_id: DeliveryId
    order_id: OrderId
    restaurant_id: RestaurantId
    user_id: UserId
    courier_id: CourierId
    until: datetime


class DeliveryAssigned(Event, frozen=True, tag="ordereats.delivery.assigned.v1"):
    """A courier said yes."""

    delivery_id: DeliveryId
    order_id: OrderId
    restaurant_id: RestaurantId
    user_id: UserId
    courier_id: CourierId
    estimated_at: datetime
    latest_at: datetime


class DeliveryPickedUp(Event, frozen=True, tag="ordereats.delivery.picked_up.v1"):
    """A courier has the food."""

    delivery_id: DeliveryId
    order_id: OrderId
    restaurant_id: RestaurantId
    user_id: UserId
    courier_id: CourierId


class DeliveryDelivered(Event, frozen=True, tag="ordereats.delivery.delivered.v1"):
    """The customer has the food."""

    delivery_id: DeliveryId
    order_id: OrderId
    restaurant_id: RestaurantId
    user_id: UserId
    courier_id: CourierId


class DeliveryUnassigned(Event, frozen=True, tag="ordereats.delivery.unassigned.v1"):
    """Nobody was found in time; the search is over."""

    delivery_id: DeliveryId
    order_id: OrderId
    restaurant_id: RestaurantId
    user_id: UserId
