"""One example of every request and of every answer of the platform."""

from datetime import UTC, date, datetime
from decimal import Decimal

from ordereats.contracts import deliveries, kitchen, menus, orders, payments, restaurants
from ordereats.contracts.deliveries import DeliveryStatus, Vehicle
from ordereats.contracts.ids import (
    CourierId,
    DeliveryId,
    DishId,
    NotificationId,
    OrderId,
    PaymentId,
    RefundId,
    RestaurantId,
    TicketId,
    UserId,
)
from ordereats.contracts.kitchen import TicketStatus
from ordereats.contracts.menus import OrderedItem
from ordereats.contracts.notifications import Letter, Mail, Notification, Receiver
from ordereats.contracts.orders import CancelledBy, OrderStatus
from ordereats.contracts.payments import Account, PaymentStatus, RefundStatus
from ordereats.contracts.places import Location, Place
from ordereats.contracts.users import RegisterUser, User
from ordereats.contracts.wire import Answer, Body

NOW = datetime(2026, 2, 28, 18, 30, 15, 250_000, tzinfo=UTC)
HOLD_ID = "018f4e0e-7a66-7c3e-8b0a-0a1b2c3d4e5f"
USER, RESTAURANT, ORDER, PAYMENT = UserId(1), RestaurantId(2), OrderId(3), PaymentId(4)
COURIER, DELIVERY, DISH = CourierId(6), DeliveryId(7), DishId(8)
HERE = Location(60.1699, 24.9384)
HOME = Place("Mannerheimintie 1, Helsinki", HERE)
PRICE, NOTHING = Decimal("25.00"), Decimal("0.00")

PHO = OrderedItem(2, name="Pho")
LARGE, CHOICE = menus.ChosenOption("Size", "Large"), menus.Choice("Size", "Large")
LARGER = menus.NewOption("Large", Decimal("-1.50"))
SIZES = menus.NewOptionGroup("Size", (LARGER,), 1, 1)
SIZES_SHOWN = menus.OptionGroup("Size", (menus.Option("Large", Decimal("-1.50")),), 1, 1)
NEW_DISH = menus.NewDish("Pho", PRICE, DISH, "With beef", (SIZES,), portions_left=3)
NEW_SECTION = menus.NewSection("Soups", (NEW_DISH,))
SPAN, WEEKLY = restaurants.Span("23:00", "02:00"), restaurants.WeeklySpan(7, "11:00", "14:30")
SPECIAL = restaurants.SpecialDay(date(2026, 12, 24))
REQUESTS: list[Body] = [
    RegisterUser("Hieu", "hieu@test.com"),
    restaurants.OpenRestaurant("Pho Saigon", "Vietnamese", HOME, "pho@test.com"),
    SPAN,
    WEEKLY,
    SPECIAL,
    restaurants.Hours("Europe/Helsinki", (WEEKLY,), (SPECIAL,)),
    restaurants.Pause(NOW),
    NEW_DISH,
    NEW_SECTION,
    menus.NewMenu((NEW_SECTION,)),
    menus.ChangeDish(sold_out=True),
    PHO,
    menus.AskQuote((PHO,), HERE, Decimal("1.00")),
    menus.HoldPortions(HOLD_ID, (PHO,)),
    orders.PlaceOrder(USER, RESTAURANT, (PHO,), PRICE, deliver_to=HOME, notes="Third floor"),
    orders.CancelOrder(CancelledBy.OPERATOR, "A mistake"),
    kitchen.AcceptTicket(15),
    kitchen.DelayTicket(5),
    kitchen.RejectTicket("No more fish today", (DISH,)),
    kitchen.WithdrawOrder(RESTAURANT),
    deliveries.JoinAsCourier("Linh", Vehicle.SCOOTER),
    deliveries.Shift(online=True, location=HERE),
    deliveries.Position(HERE),
    deliveries.ByCourier(COURIER),
    deliveries.DropOff(COURIER, HERE),
    payments.AskRefund("Cold soup", Decimal("5.00")),
]

DISH_SHOWN = menus.Dish(DISH, "Pho", PRICE, None, (SIZES_SHOWN,), sold_out=False, portions_left=3)
SECTION = menus.Section("Soups", (DISH_SHOWN,))
LINE = menus.QuotedLine(1, "Pho", DISH, (LARGE,), PRICE, PRICE)
PARTS = orders.OrderPrice(PRICE, NOTHING, NOTHING, NOTHING, Decimal("3.00"))
POSTING = payments.Posting(Account.RESTAURANT, RESTAURANT, Decimal("21.25"))
PAID_OUT = payments.PayoutLine(ORDER, "capture", NOW, PRICE)
ANSWERS: list[Answer] = [
    LARGE,
    *SIZES_SHOWN.options,
    SIZES_SHOWN,
    User(USER, "Hieu", "hieu@test.com", NOW),
    restaurants.Restaurant(RESTAURANT, "Pho Saigon", None, NOW, HOME, is_open=False, opens_at=NOW),
    DISH_SHOWN,
    SECTION,
    menus.Menu(RESTAURANT, 2, (SECTION,)),
    LINE,
    menus.Quote(
        RESTAURANT, "Pho Saigon", (LINE,), PRICE, NOTHING, NOTHING, NOTHING, NOTHING, PRICE
    ),
    menus.Hold(HOLD_ID, RESTAURANT),
    PARTS,
    orders.Order(
        ORDER,
        USER,
        RESTAURANT,
        (LINE,),
        PARTS,
        PRICE,
        OrderStatus.DECLINED,
        NOW,
        NOW,
        version=2,
        reason="expired_card",
    ),
    orders.TimelineEntry(ORDER, 2, OrderStatus.PAID, NOW),
    kitchen.Ticket(TicketId(9), ORDER, RESTAURANT, TicketStatus.NEW, (), NOW, NOW, version=1),
    kitchen.Withdrawn(ORDER),
    deliveries.Courier(COURIER, "Linh", Vehicle.BICYCLE, is_online=True, created_at=NOW),
    deliveries.Delivery(
        DELIVERY,
        ORDER,
        RESTAURANT,
        DeliveryStatus.SEARCHING,
        NOW,
        is_ready=False,
        created_at=NOW,
        version=1,
        drop_off=HOME,
    ),
    payments.Payment(PAYMENT, ORDER, PRICE, PaymentStatus.REQUESTED, 0, NOW, NOTHING, NOTHING),
    payments.Refund(RefundId(5), PAYMENT, PRICE, RefundStatus.REQUESTED, "Cold soup", NOW),
    POSTING,
    payments.Journal(1, PAYMENT, ORDER, "capture", NOW, (POSTING,)),
    PAID_OUT,
    payments.Payout(Account.RESTAURANT, RESTAURANT, NOW, NOW, (PAID_OUT,), PRICE),
    Notification(NotificationId(5), Receiver.CUSTOMER, USER, ORDER, "Your order", "Hello.", NOW),
    Letter(NotificationId(5), "a@b.c", "Your order", "Hello.", NOW, Mail.KEPT),
]
ORDER_SHOWN = next(each for each in ANSWERS if isinstance(each, orders.Order))
