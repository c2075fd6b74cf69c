"""Events in for orders: what payments found out."""

from ordereats.chassis.db.pool import Transaction
from ordereats.chassis.messaging.inbox import Subscription, effect, subscribe
from ordereats.contracts.payments import PaymentAuthorized, PaymentDeclined
from ordereats.services.orders import use_cases


def subscriptions(deps: use_cases.Deps) -> list[Subscription]:
    """What orders hears."""

    async def authorized(tx: Transaction, event: PaymentAuthorized) -> None:
        await use_cases.pay(deps, tx, event.order_id)

    async def declined(tx: Transaction, event: PaymentDeclined) -> None:
        await use_cases.decline(deps, tx, event.order_id, event.reason)

    return [
        subscribe(
            "orders",
            "payment",
            [effect(PaymentAuthorized, authorized), effect(PaymentDeclined, declined)],
        )
    ]
