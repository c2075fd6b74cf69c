"""Events in for notifications: what has happened, and what those whom it concerns are called."""

from ordereats.chassis.db.pool import Transaction
from ordereats.chassis.messaging.subscriptions import Subscription, effect, subscribe, versioned
from ordereats.contracts.deliveries import DeliveryAssigned, DeliveryOffered
from ordereats.contracts.kitchen import (
    TicketCancelled,
    TicketCreated,
    TicketDelayed,
    TicketExpired,
)
from ordereats.contracts.orders import (
    OrderAccepted,
    OrderCancelled,
    OrderDeclined,
    OrderDelivered,
    OrderExpired,
    OrderPaid,
    OrderPickedUp,
    OrderPlaced,
    OrderReady,
    OrderRejected,
)
from ordereats.contracts.payments import PaymentCaptured, PaymentRefunded, PaymentVoided
from ordereats.contracts.restaurants import RestaurantChanged
from ordereats.contracts.users import UserCreated
from ordereats.services.notifications import use_cases
from ordereats.services.notifications.domain import Fact


def subscriptions(deps: use_cases.Deps) -> list[Subscription]:
    """What notifications hears."""

    async def tell(tx: Transaction, fact: Fact) -> None:
        await use_cases.tell(deps, tx, fact)

    async def cancelled(tx: Transaction, fact: OrderCancelled, version: int) -> None:
        await use_cases.tell_cancelled(deps, tx, fact, version)

    order = [
        effect(OrderPlaced, tell),
        effect(OrderPaid, tell),
        effect(OrderAccepted, tell),
        effect(OrderReady, tell),
        effect(OrderPickedUp, tell),
        effect(OrderDelivered, tell),
        effect(OrderDeclined, tell),
        effect(OrderRejected, tell),
        effect(OrderExpired, tell),
        versioned(OrderCancelled, cancelled),
    ]
    ticket = [
        effect(TicketCreated, tell),
        effect(TicketDelayed, tell),
        effect(TicketExpired, tell),
        effect(TicketCancelled, tell),
    ]
    delivery = [effect(DeliveryOffered, tell), effect(DeliveryAssigned, tell)]
    payment = [
        effect(PaymentCaptured, tell),
        effect(PaymentVoided, tell),
        effect(PaymentRefunded, tell),
    ]
    return [
        subscribe("notifications", "order", order),
        subscribe("notifications", "ticket", ticket),
        subscribe("notifications", "delivery", delivery),
        subscribe("notifications", "payment", payment),
        subscribe("notifications", "user", [effect(UserCreated, use_cases.meet)]),
        subscribe("notifications", "restaurant", [versioned(RestaurantChanged, use_cases.learn)]),
    ]
