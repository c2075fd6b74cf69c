"""Every event is pinned: its golden file holds the very bytes that consumers are to understand."""

import pkgutil
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from importlib import import_module
from pathlib import Path

import msgspec
import pytest

from ordereats import contracts
from ordereats.contracts.baskets import ListedDish
from ordereats.contracts.deliveries import (
    DeliveryAssigned,
    DeliveryDelivered,
    DeliveryOffered,
    DeliveryPickedUp,
    DeliveryUnassigned,
)
from ordereats.contracts.events import Event, event_types, type_of
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
from ordereats.contracts.menus import Option, OptionGroup, PriceParts
from ordereats.contracts.money import Money
from ordereats.contracts.openings import Opening
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
from ordereats.contracts.wire import decode, encode

GOLDEN = Path(__file__).with_name("golden")

for module in pkgutil.iter_modules(contracts.__path__):
    import_module(f"ordereats.contracts.{module.name}")  # so that no event is overlooked
EVENTS = {
    name: event
    for name, event in event_types().items()
    if event.__module__.startswith("ordereats.")  # other tests make some of their own
}

ORDER, USER, RESTAURANT = OrderId(17), UserId(1), RestaurantId(2**63 - 1)
PAYMENT, COURIER, DELIVERY, TICKET = PaymentId(5), CourierId(3), DeliveryId(8), TicketId(9)
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
KITCHEN = Place("Mannerheimintie 1, Helsinki", Location(60.1699, 24.9384))
PRICE = PriceParts(Money(2000), Money(290), Money(110), Money(100))
SIZE = OptionGroup("Size", (Option("small", Decimal("-1.00")), Option("large")), 1, 1)
PHO = ListedDish(DishId(4), "Phở", Money(1250), (SIZE,), sold_out=True, is_limited=True)
TEA = ListedDish(DishId(6), "Tea", Money(200))
ON_ITS_WAY = (DELIVERY, ORDER, RESTAURANT, USER)
EXAMPLES: dict[str, Event] = {
    type_of(event): event
    for event in [
        OrderPlaced(
            ORDER,
            USER,
            RESTAURANT,
            Money(2500),
            "pm_card_visa",
            PRICE,
            "018f4e0e-7a66-7c3e-8b0a-0a1b2c3d4e5f",
        ),
        OrderPaid(
            ORDER,
            USER,
            RESTAURANT,
            Money(10**10),
            (OrderedDish(2, "Phở", DishId(4), ("Size: large",)),),
            "No coriander",
        ),
        OrderAccepted(ORDER, USER, RESTAURANT, Money(2500), NOON, KITCHEN, Place("Kaivokatu 2")),
        OrderReady(ORDER, USER, RESTAURANT),
        OrderPickedUp(ORDER, USER, RESTAURANT, COURIER),
        OrderDelivered(ORDER, USER, RESTAURANT, COURIER, Money(2500)),
        OrderDeclined(ORDER, USER, RESTAURANT, "insufficient_funds"),
        OrderRejected(ORDER, USER, RESTAURANT, "No more fish today"),
        OrderExpired(ORDER, USER, RESTAURANT),
        OrderCancelled(ORDER, USER, RESTAURANT, CancelledBy.PLATFORM, "no_courier"),
        PaymentAuthorized(PAYMENT, ORDER, Money(1)),
        PaymentDeclined(PAYMENT, ORDER, "insufficient_funds"),
        PaymentCaptured(PAYMENT, ORDER, USER, Money(2500)),
        PaymentVoided(PAYMENT, ORDER, USER),
        PaymentRefunded(PAYMENT, ORDER, USER, RefundId(2), Money(500), "Cold soup"),
        TicketCreated(TICKET, ORDER, RESTAURANT, NOON),
        TicketAccepted(TICKET, ORDER, RESTAURANT, NOON),
        TicketDelayed(TICKET, ORDER, RESTAURANT, NOON),
        TicketRejected(TICKET, ORDER, RESTAURANT, "No more fish today", (DishId(4),)),
        TicketExpired(TICKET, ORDER, RESTAURANT),
        TicketReady(TICKET, ORDER, RESTAURANT),
        TicketCancelled(ORDER, RESTAURANT),
        DeliveryOffered(*ON_ITS_WAY, COURIER, NOON),
        DeliveryAssigned(*ON_ITS_WAY, COURIER, NOON, NOON + timedelta(minutes=9)),
        DeliveryPickedUp(*ON_ITS_WAY, COURIER),
        DeliveryDelivered(*ON_ITS_WAY, COURIER),
        DeliveryUnassigned(*ON_ITS_WAY),
        RestaurantChanged(RESTAURANT, "Phở Sài Gòn", None, KITCHEN, "pho@test.com"),
        MenuChanged(
            PriceList(RESTAURANT, 7, "Phở Sài Gòn", KITCHEN, Tariff(), (PHO, TEA)),
            (Opening(NOON, NOON + timedelta(hours=9)),),
            NOON + timedelta(minutes=20),
            NOON,
        ),
        UserCreated(USER, "Hiếu", "hieu@test.com"),
    ]
}


def test_every_event_has_an_example() -> None:
    assert set(EXAMPLES) == set(EVENTS)


def test_every_event_has_a_golden_file_and_every_golden_file_an_event() -> None:
    assert _unpaired(EVENTS, GOLDEN.iterdir()) == set()


def test_an_event_without_a_golden_file_is_noticed() -> None:
    without = [each for each in GOLDEN.iterdir() if "order.placed" not in each.name]

    assert _unpaired(EVENTS, without) == {"ordereats.order.placed.v1.json"}


def test_a_golden_file_without_an_event_is_noticed() -> None:
    files = [*GOLDEN.iterdir(), GOLDEN / "ordereats.order.eaten.v1.json"]

    assert _unpaired(EVENTS, files) == {"ordereats.order.eaten.v1.json"}


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_event_is_written_as_its_golden_file_has_it(name: str) -> None:
    assert _pretty(EXAMPLES[name]) == _golden(name)


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_event_is_read_from_its_golden_file(name: str) -> None:
    assert decode(_golden(name).encode(), type(EXAMPLES[name])) == EXAMPLES[name]


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_event_is_the_same_after_a_journey(name: str) -> None:
    assert decode(encode(EXAMPLES[name]), type(EXAMPLES[name])) == EXAMPLES[name]


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_consumer_ignores_fields_that_a_newer_publisher_adds(name: str) -> None:
    newer = msgspec.json.decode(_golden(name)) | {"addedLater": {"deep": [1, 2.5, None]}}

    assert decode(msgspec.json.encode(newer), type(EXAMPLES[name])) == EXAMPLES[name]


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_consumer_refuses_another_event_than_the_one_it_reads(name: str) -> None:
    other = next(each for each in EXAMPLES.values() if type_of(each) != name)

    with pytest.raises(msgspec.ValidationError, match="Invalid value"):
        decode(encode(other), type(EXAMPLES[name]))


def _unpaired(events: Mapping[str, type[Event]], files: Iterable[Path]) -> set[str]:
    """The golden files that are missing, and those that are left over."""
    return {f"{name}.json" for name in events} ^ {each.name for each in files}


def _golden(name: str) -> str:
    return (GOLDEN / f"{name}.json").read_text(encoding="utf-8")


def _pretty(event: Event) -> str:
    """The bytes on the wire, with line breaks for whoever reviews them."""
    return msgspec.json.format(encode(event), indent=2).decode() + "\n"
