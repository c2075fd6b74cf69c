"""Every event is pinned: its golden file holds the very bytes that consumers are to understand."""

import pkgutil
from collections.abc import Iterable, Mapping
from importlib import import_module
from pathlib import Path

import msgspec
import pytest

from ordereats import contracts
from ordereats.contracts.events import Event, event_types, type_of
from ordereats.contracts.ids import OrderId, PaymentId, RestaurantId, UserId
from ordereats.contracts.money import Money
from ordereats.contracts.orders import OrderDeclined, OrderPaid, OrderPlaced
from ordereats.contracts.payments import PaymentAuthorized, PaymentDeclined
from ordereats.contracts.restaurants import RestaurantChanged
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
EXAMPLES: dict[str, Event] = {
    type_of(event): event
    for event in [
        OrderPlaced(ORDER, USER, RESTAURANT, Money(2500), "pm_card_visa"),
        OrderPaid(ORDER, USER, RESTAURANT, Money(10**10)),
        OrderDeclined(ORDER, USER, RESTAURANT, "insufficient_funds"),
        PaymentAuthorized(PaymentId(5), ORDER, Money(1)),
        PaymentDeclined(PaymentId(5), ORDER, "insufficient_funds"),
        RestaurantChanged(RESTAURANT, "Phở Sài Gòn", None),
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
