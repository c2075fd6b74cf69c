"""Events in for notifications: whom to tell, and what has happened."""

from ordereats.chassis.db.pool import Transaction
from ordereats.chassis.messaging.inbox import Subscription, effect, subscribe
from ordereats.contracts.orders import OrderDeclined, OrderPaid, OrderPlaced
from ordereats.contracts.restaurants import RestaurantChanged
from ordereats.contracts.users import UserCreated
from ordereats.services.notifications import use_cases
from ordereats.services.notifications.domain import OrderFact


def subscriptions(deps: use_cases.Deps) -> list[Subscription]:
    """What notifications hears."""

    async def tell(tx: Transaction, fact: OrderFact) -> None:
        await use_cases.tell(deps, tx, fact)

    return [
        subscribe(
            "notifications",
            "order",
            [effect(OrderPlaced, tell), effect(OrderPaid, tell), effect(OrderDeclined, tell)],
        ),
        subscribe("notifications", "user", [effect(UserCreated, use_cases.meet)]),
        subscribe("notifications", "restaurant", [effect(RestaurantChanged, use_cases.learn)]),
    ]
