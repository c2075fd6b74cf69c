"""Events in for payments: an order is the reason to ask for money."""

from ordereats.chassis.db.pool import Transaction
from ordereats.chassis.messaging.inbox import Subscription, effect, subscribe
from ordereats.contracts.orders import OrderPlaced
from ordereats.services.payments import use_cases


def subscriptions(deps: use_cases.Deps) -> list[Subscription]:
    """What payments hears."""

    async def placed(tx: Transaction, event: OrderPlaced) -> None:
        await use_cases.request(deps, tx, event)

    return [subscribe("payments", "order", [effect(OrderPlaced, placed)])]
