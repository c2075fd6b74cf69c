"""Events in for restaurants: what became of portions, and of dishes that ran out."""

from typing import TypeAlias

from ordereats.chassis.db.pool import Transaction
from ordereats.chassis.messaging.subscriptions import Subscription, effect, subscribe
from ordereats.contracts.kitchen import TicketRejected
from ordereats.contracts.orders import (
    OrderCancelled,
    OrderDeclined,
    OrderExpired,
    OrderPlaced,
    OrderRejected,
)
from ordereats.services.restaurants.use_cases import baskets, menus
from ordereats.services.restaurants.use_cases.deps import Deps

Ended: TypeAlias = OrderDeclined | OrderRejected | OrderExpired | OrderCancelled


def subscriptions(deps: Deps) -> list[Subscription]:
    """What restaurants hears."""

    async def placed(tx: Transaction, event: OrderPlaced) -> None:
        if event.hold_id is not None:
            await baskets.confirm(deps, tx, event.hold_id, event.order_id)

    async def ended(tx: Transaction, event: Ended) -> None:
        await baskets.release(deps, tx, event.order_id, event.restaurant_id)

    async def rejected(tx: Transaction, event: TicketRejected) -> None:
        if event.sold_out:
            await menus.mark_sold_out(deps, tx, event.restaurant_id, event.sold_out)

    return [
        subscribe(
            "restaurants",
            "order",
            [
                effect(OrderPlaced, placed),
                effect(OrderDeclined, ended),
                effect(OrderRejected, ended),
                effect(OrderExpired, ended),
                effect(OrderCancelled, ended),
            ],
        ),
        subscribe("restaurants", "ticket", [effect(TicketRejected, rejected)]),
    ]
