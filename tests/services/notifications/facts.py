"""Facts about one order, of customer 1 at restaurant 2, brought by courier 3."""

from datetime import UTC, datetime
from typing import Any

from ordereats.contracts.deliveries import DeliveryAssigned, DeliveryOffered
from ordereats.contracts.ids import (
    CourierId,
    DeliveryId,
    OrderId,
    PaymentId,
    RefundId,
    RestaurantId,
    TicketId,
    UserId,
)
from ordereats.contracts.kitchen import (
    TicketCancelled,
    TicketCreated,
    TicketDelayed,
    TicketExpired,
)
from ordereats.contracts.money import Money
from ordereats.contracts.orders import (
    CancelledBy,
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
from ordereats.services.notifications.domain import Fact

ORDER, USER, RESTAURANT, COURIER = OrderId(17), UserId(1), RestaurantId(2), CourierId(3)
TICKET, DELIVERY, PAYMENT = TicketId(4), DeliveryId(5), PaymentId(6)
TOTAL = Money(2500)
AT = datetime(2026, 11, 22, 18, 5, tzinfo=UTC)
LATER = datetime(2026, 11, 22, 18, 20, tzinfo=UTC)

HIEU = UserCreated(USER, "Hieu", "hieu@test.com")
PHO = RestaurantChanged(RESTAURANT, "Pho Saigon", None, email="kitchen@pho.test")

PLACED = OrderPlaced(ORDER, USER, RESTAURANT, TOTAL, "pm_card_visa")
PAID = OrderPaid(ORDER, USER, RESTAURANT, TOTAL)
CREATED = TicketCreated(TICKET, ORDER, RESTAURANT, AT)
DELAYED = TicketDelayed(TICKET, ORDER, RESTAURANT, LATER)
OFFERED = DeliveryOffered(DELIVERY, ORDER, RESTAURANT, USER, COURIER, AT)
ASSIGNED = DeliveryAssigned(DELIVERY, ORDER, RESTAURANT, USER, COURIER, AT, LATER)
REFUNDED = PaymentRefunded(PAYMENT, ORDER, USER, RefundId(1), Money(500), "cold food")

FACTS: list[Fact] = [
    PLACED,
    PAID,
    OrderAccepted(ORDER, USER, RESTAURANT, TOTAL, AT),
    OrderReady(ORDER, USER, RESTAURANT),
    OrderPickedUp(ORDER, USER, RESTAURANT, COURIER),
    OrderDelivered(ORDER, USER, RESTAURANT, COURIER, TOTAL),
    OrderDeclined(ORDER, USER, RESTAURANT, "insufficient_funds"),
    OrderRejected(ORDER, USER, RESTAURANT, "no more duck"),
    OrderExpired(ORDER, USER, RESTAURANT),
    OrderCancelled(ORDER, USER, RESTAURANT, CancelledBy.OPERATOR),
    CREATED,
    DELAYED,
    TicketExpired(TICKET, ORDER, RESTAURANT),
    TicketCancelled(ORDER, RESTAURANT),
    OFFERED,
    ASSIGNED,
    PaymentCaptured(PAYMENT, ORDER, USER, TOTAL),
    PaymentVoided(PAYMENT, ORDER, USER),
    REFUNDED,
]
"""One of every kind that is told."""


def cancelled(by: CancelledBy = CancelledBy.OPERATOR, **changes: Any) -> OrderCancelled:
    given: dict[str, Any] = {
        "order_id": ORDER,
        "user_id": USER,
        "restaurant_id": RESTAURANT,
        "by": by,
        **changes,
    }
    return OrderCancelled(**given)
