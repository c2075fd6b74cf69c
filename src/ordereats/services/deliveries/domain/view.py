"""What the world sees of a delivery. Pure."""

from ordereats.contracts import deliveries as contract
from ordereats.contracts.deliveries import DeliveryStatus
from ordereats.contracts.places import Location
from ordereats.services.deliveries.domain.delivery import Delivery


def shown(delivery: Delivery, position: Location | None) -> contract.Delivery:
    """A delivery as it is shown: where the courier is, only while they are on the way."""
    is_on_the_way = delivery.status in {DeliveryStatus.ASSIGNED, DeliveryStatus.PICKED_UP}
    is_sought = delivery.status in {DeliveryStatus.SEARCHING, DeliveryStatus.OFFERED}
    return contract.Delivery(
        id=delivery.id,
        order_id=delivery.order_id,
        restaurant_id=delivery.restaurant_id,
        status=delivery.status,
        ready_at=delivery.ready_at,
        is_ready=delivery.is_ready,
        created_at=delivery.created_at,
        version=delivery.version,
        pick_up=delivery.pick_up,
        drop_off=delivery.drop_off,
        courier_id=delivery.courier_id,
        position=position if is_on_the_way else None,
        offered_until=delivery.offered_until,
        find_by=delivery.find_by if is_sought else None,
        estimated_at=delivery.estimated_at,
        latest_at=delivery.latest_at,
        estimated_from=delivery.estimated_from,
        picked_up_at=delivery.picked_up_at,
        delivered_at=delivery.delivered_at,
    )
