"""What services are told in the life of an order, of a restaurant and of a user, in its order."""

from datetime import UTC, datetime, timedelta

from ordereats.chassis.messaging.bus import Message
from ordereats.contracts.deliveries import (
    DeliveryAssigned,
    DeliveryDelivered,
    DeliveryOffered,
    DeliveryPickedUp,
    DeliveryUnassigned,
)
from ordereats.contracts.events import Event
from ordereats.contracts.ids import (
    CourierId,
    DeliveryId,
    DishId,
    OrderId,
    PaymentId,
    RefundId,
    RestaurantId,
    TicketId,
    UserId,
)
from ordereats.contracts.kitchen import (
    TicketAccepted,
    TicketCancelled,
    TicketCreated,
    TicketDelayed,
    TicketExpired,
    TicketReady,
    TicketRejected,
)
from ordereats.contracts.money import Money
from ordereats.contracts.orders import (
    CancelledBy,
    OrderAccepted,
    OrderCancelled,
    OrderDeclined,
    OrderDelivered,
    OrderedDish,
    OrderExpired,
    OrderPaid,
    OrderPickedUp,
    OrderPlaced,
    OrderReady,
    OrderRejected,
)
from ordereats.contracts.payments import (
    PaymentAuthorized,
    PaymentCaptured,
    PaymentDeclined,
    PaymentRefunded,
    PaymentVoided,
)
from ordereats.contracts.places import Location, Place
from ordereats.contracts.pricing import PriceList, Tariff
from ordereats.contracts.restaurants import MenuChanged, RestaurantChanged
from ordereats.contracts.users import UserCreated
from support.builders import a_message

HOLD = "018f4e0e-7a66-7c3e-8b0a-0a1b2c3d4e5f"
DISH = DishId(1)
TOTAL, AT = Money(2500), datetime(2035, 2, 28, 18, 30, tzinfo=UTC)
LATER, LATEST = AT + timedelta(minutes=5), AT + timedelta(minutes=15)
KITCHEN, HOME = Place("Kitchen", Location(60.17, 24.94)), Place("Home", Location(60.175, 24.945))
COURIER, OTHER = CourierId(6), CourierId(7)
ABOUT = OrderId(1), UserId(1), RestaurantId(1)
RIDE = DeliveryId(1), OrderId(1), RestaurantId(1), UserId(1)
TICKET = TicketId(1), OrderId(1), RestaurantId(1)

_PLACED = OrderPlaced(*ABOUT, TOTAL, "pm_card_visa", None, HOLD)
_PAID = OrderPaid(*ABOUT, TOTAL, (OrderedDish(2, "Pho", DISH),))
_ACCEPTED = OrderAccepted(*ABOUT, TOTAL, AT, KITCHEN, HOME)
_AUTHORIZED = PaymentAuthorized(PaymentId(1), OrderId(1), TOTAL)
_CAPTURED = PaymentCaptured(PaymentId(1), OrderId(1), UserId(1), TOTAL)
_VOIDED = PaymentVoided(PaymentId(1), OrderId(1), UserId(1))
_REFUNDED = PaymentRefunded(
    PaymentId(1), OrderId(1), UserId(1), RefundId(1), TOTAL, "order_cancelled"
)
_TO_THE_KITCHEN = [_PLACED, _AUTHORIZED, _PAID, TicketCreated(*TICKET, AT)]
_COOKED = [*_TO_THE_KITCHEN, TicketAccepted(*TICKET, AT), _ACCEPTED, _CAPTURED]


def _prices(version: int) -> PriceList:
    return PriceList(RestaurantId(1), version, f"Pho {version}", KITCHEN, Tariff(), None)


LIVES: dict[str, list[Event]] = {
    "delivered": [
        *_COOKED,
        DeliveryOffered(*RIDE, COURIER, AT),
        DeliveryAssigned(*RIDE, COURIER, AT, LATER),
        TicketReady(*TICKET),
        OrderReady(*ABOUT),
        DeliveryPickedUp(*RIDE, COURIER),
        OrderPickedUp(*ABOUT, COURIER),
        DeliveryDelivered(*RIDE, COURIER),
        OrderDelivered(*ABOUT, COURIER, TOTAL),
    ],
    "delayed and delivered": [
        *_COOKED,
        TicketDelayed(*TICKET, LATER),
        TicketDelayed(*TICKET, LATEST),
        TicketReady(*TICKET),
        OrderReady(*ABOUT),
        DeliveryPickedUp(*RIDE, COURIER),
        OrderPickedUp(*ABOUT, COURIER),
    ],
    "declined": [
        _PLACED,
        PaymentDeclined(PaymentId(1), OrderId(1), "insufficient_funds"),
        OrderDeclined(*ABOUT, "insufficient_funds"),
    ],
    "rejected": [
        *_TO_THE_KITCHEN,
        TicketRejected(*TICKET, "No more fish", (DISH,)),
        OrderRejected(*ABOUT, "No more fish"),
        _VOIDED,
    ],
    "expired": [*_TO_THE_KITCHEN, TicketExpired(*TICKET), OrderExpired(*ABOUT), _VOIDED],
    "never paid": [_PLACED, OrderExpired(*ABOUT), _VOIDED],
    "cancelled before it was paid": [
        _PLACED,
        OrderCancelled(*ABOUT, CancelledBy.CUSTOMER, "changed my mind"),
        _VOIDED,
    ],
    "cancelled before it was accepted": [
        *_TO_THE_KITCHEN,
        TicketCancelled(OrderId(1), RestaurantId(1)),
        OrderCancelled(*ABOUT, CancelledBy.CUSTOMER, "changed my mind"),
        _VOIDED,
    ],
    "cancelled while it was brought": [
        *_COOKED,
        DeliveryAssigned(*RIDE, COURIER, AT, LATER),
        TicketReady(*TICKET),
        OrderReady(*ABOUT),
        OrderCancelled(*ABOUT, CancelledBy.OPERATOR, "A mistake"),
        _REFUNDED,
    ],
    "nobody to bring it": [
        *_COOKED,
        TicketDelayed(*TICKET, LATER),
        DeliveryUnassigned(*RIDE),
        OrderCancelled(*ABOUT, CancelledBy.PLATFORM, "no_courier"),
        _REFUNDED,
    ],
    "of a restaurant": [
        RestaurantChanged(RestaurantId(1), "Pho", None, KITCHEN, "pho@test.com"),
        RestaurantChanged(RestaurantId(1), "Pho Saigon", None, KITCHEN, "pho@test.com"),
        RestaurantChanged(RestaurantId(1), "Pho Hanoi", None, KITCHEN, None),
        *(
            MenuChanged(
                PriceList(RestaurantId(1), version, name, KITCHEN, Tariff(), None), None, None, at
            )
            for version, name, at in [
                (1, "Pho", AT),
                (2, "Pho Saigon", LATER),
                (3, "Hanoi", LATEST),
            ]
        ),
    ],
    "of a user": [UserCreated(UserId(1), "Hieu", "hieu@test.com")],
}


def messages(life: str) -> list[Message]:
    """The facts of a life as they are sent: each with its subject and the version after it."""
    versions: dict[str, int] = {}
    sent = []
    for fact in LIVES[life]:
        subject = f"{type(fact).__struct_config__.tag}".split(".")[1] + "/1"
        versions[subject] = versions.get(subject, 0) + 1
        message = a_message(
            fact, subject=subject, version=versions[subject], correlation_id="the-walk"
        )
        sent.append(message)
    return sent
