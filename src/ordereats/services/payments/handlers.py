"""Events in for payments: the order says what is wanted of its money, deliveries who has earned."""

from ordereats.chassis.db.pool import Transaction
from ordereats.chassis.messaging.subscriptions import Subscription, effect, subscribe
from ordereats.contracts.deliveries import DeliveryDelivered
from ordereats.contracts.orders import (
    OrderAccepted,
    OrderCancelled,
    OrderExpired,
    OrderPlaced,
    OrderRejected,
)
from ordereats.services.payments.use_cases import follow
from ordereats.services.payments.use_cases.deps import Deps


def subscriptions(deps: Deps) -> list[Subscription]:
    """What payments hears."""

    async def placed(tx: Transaction, event: OrderPlaced) -> None:
        await follow.request(deps, tx, event)

    async def accepted(tx: Transaction, event: OrderAccepted) -> None:
        await follow.take(deps, tx, event.order_id)

    async def rejected(tx: Transaction, event: OrderRejected) -> None:
        await follow.release(deps, tx, event.order_id, reason="order_rejected")

    async def expired(tx: Transaction, event: OrderExpired) -> None:
        await follow.release(deps, tx, event.order_id, reason="order_expired")

    async def cancelled(tx: Transaction, event: OrderCancelled) -> None:
        await follow.release(deps, tx, event.order_id, reason="order_cancelled")

    async def delivered(tx: Transaction, event: DeliveryDelivered) -> None:
        await follow.pay_courier(deps, tx, event.order_id, event.courier_id)

    order = [
        effect(OrderPlaced, placed),
        effect(OrderAccepted, accepted),
        effect(OrderRejected, rejected),
        effect(OrderExpired, expired),
        effect(OrderCancelled, cancelled),
    ]
    return [
        subscribe("payments", "order", order),
        subscribe("payments", "delivery", [effect(DeliveryDelivered, delivered)]),
    ]
