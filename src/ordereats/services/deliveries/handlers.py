"""Events in for deliveries: what becomes of orders, and kitchens that are late."""

from ordereats.chassis.db.pool import Transaction
from ordereats.chassis.messaging.subscriptions import Subscription, effect, subscribe
from ordereats.contracts.kitchen import TicketDelayed
from ordereats.contracts.orders import OrderAccepted, OrderCancelled, OrderReady
from ordereats.services.deliveries.use_cases import deliveries
from ordereats.services.deliveries.use_cases.deps import Deps


def subscriptions(deps: Deps) -> list[Subscription]:
    """What deliveries hears."""

    async def accepted(tx: Transaction, event: OrderAccepted) -> None:
        await deliveries.request(deps, tx, event)

    async def ready(tx: Transaction, event: OrderReady) -> None:
        await deliveries.food_is_ready(deps, tx, event.order_id)

    async def cancelled(tx: Transaction, event: OrderCancelled) -> None:
        await deliveries.cancel(deps, tx, event)

    async def delayed(tx: Transaction, event: TicketDelayed) -> None:
        await deliveries.delay(deps, tx, event)

    return [
        subscribe(
            "deliveries",
            "order",
            [
                effect(OrderAccepted, accepted),
                effect(OrderReady, ready),
                effect(OrderCancelled, cancelled),
            ],
        ),
        subscribe("deliveries", "ticket", [effect(TicketDelayed, delayed)]),
    ]
