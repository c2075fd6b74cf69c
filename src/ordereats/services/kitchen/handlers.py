"""Events in for kitchen: it follows the order."""

from ordereats.chassis.db.pool import Transaction
from ordereats.chassis.messaging.subscriptions import Subscription, effect, subscribe
from ordereats.contracts.orders import OrderCancelled, OrderPaid, OrderPickedUp
from ordereats.services.kitchen import use_cases


def subscriptions(deps: use_cases.Deps) -> list[Subscription]:
    """What kitchen hears."""

    async def paid(tx: Transaction, event: OrderPaid) -> None:
        await use_cases.create(deps, tx, event)

    async def cancelled(tx: Transaction, event: OrderCancelled) -> None:
        await use_cases.cancel(tx, event.order_id, event.restaurant_id)

    async def picked_up(tx: Transaction, event: OrderPickedUp) -> None:
        await use_cases.hand_over(tx, event.order_id)

    return [
        subscribe(
            "kitchen",
            "order",
            [
                effect(OrderPaid, paid),
                effect(OrderCancelled, cancelled),
                effect(OrderPickedUp, picked_up),
            ],
        )
    ]
