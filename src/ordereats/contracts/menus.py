"""What restaurants says of its dishes: menus, and what a basket of them costs."""

from decimal import Decimal
from typing import Annotated

from msgspec import Meta, Struct

from ordereats.contracts.calls import Call
from ordereats.contracts.ids import DishId, HoldId, RestaurantId
from ordereats.contracts.money import CURRENCY, Money
from ordereats.contracts.places import Location, Place
from ordereats.contracts.wire import Answer, Body, Text

Label = Annotated[str, Meta(min_length=1, max_length=100, pattern=Text)]
Prose = Annotated[str, Meta(min_length=1, max_length=500, pattern=Text)]
Price = Annotated[
    Decimal, Meta(description="At most 2 decimals, not negative; a JSON number or a string.")
]
Portions = Annotated[int, Meta(ge=0, le=10_000)]


class Option(Answer, frozen=True):
    """One thing to choose in a group.

    Attributes:
        price_delta: what it adds to the dish; negative: what it takes off.
    """

    name: Label
    price_delta: Annotated[
        Decimal, Meta(description="At most 2 decimals; a JSON number or a string.")
    ] = Decimal("0.00")


class OptionGroup(Answer, frozen=True):
    """Options of which at least `min` and at most `max` are chosen."""

    name: Label
    options: Annotated[tuple[Option, ...], Meta(min_length=1, max_length=50)]
    min: Annotated[int, Meta(ge=0, le=50)] = 0
    max: Annotated[int, Meta(ge=1, le=50)] = 1


class NewOption(Option, frozen=True, forbid_unknown_fields=True):
    """An option of a menu that is being written."""


class NewOptionGroup(OptionGroup, frozen=True, forbid_unknown_fields=True):
    """A group of options of a menu that is being written."""

    options: Annotated[tuple[NewOption, ...], Meta(min_length=1, max_length=50)]


class NewDish(Body, frozen=True):
    """A dish of a menu that is being written.

    Attributes:
        id: of a dish that the menu already has; without it, one of the same name is meant.
        portions_left: how many can still be sold; None: as many as are wanted.
    """

    name: Label
    price: Price
    id: DishId | None = None
    description: Prose | None = None
    option_groups: Annotated[tuple[NewOptionGroup, ...], Meta(max_length=20)] = ()
    sold_out: bool = False
    portions_left: Portions | None = None


class NewSection(Body, frozen=True):
    """A part of a menu that is being written."""

    name: Label
    dishes: Annotated[tuple[NewDish, ...], Meta(max_length=200)]


class NewMenu(Body, frozen=True):
    """The whole menu of a restaurant; it takes the place of the one before."""

    sections: Annotated[tuple[NewSection, ...], Meta(max_length=50)]


class Dish(Answer, frozen=True):
    """A dish, as anyone may see it."""

    id: DishId
    name: str
    price: Decimal
    description: str | None
    option_groups: tuple[OptionGroup, ...]
    sold_out: bool
    portions_left: int | None


class Section(Answer, frozen=True):
    """A part of a menu."""

    name: str
    dishes: tuple[Dish, ...]


class Menu(Answer, frozen=True):
    """What a restaurant cooks.

    Attributes:
        version: counts its changes, from 1; 0: it has no menu.
    """

    restaurant_id: RestaurantId
    version: int
    sections: tuple[Section, ...]
    currency: str = CURRENCY


class ChangeDish(Body, frozen=True):
    """What changes of a dish; what is not given stays.

    Attributes:
        portions_left: setting a number also ends `sold_out`, unless that is given too.
    """

    price: Price | None = None
    sold_out: bool | None = None
    portions_left: Portions | None = None


class ChosenOption(Answer, frozen=True):
    """An option of a dish, by its names."""

    group: Label
    name: Label


class Choice(ChosenOption, frozen=True, forbid_unknown_fields=True):
    """An option that someone asks for."""


class OrderedItem(Body, frozen=True):
    """One line of a basket: a dish by its id or its exact name."""

    qty: Annotated[int, Meta(ge=1, le=99)]
    dish_id: DishId | None = None
    name: Label | None = None
    options: Annotated[tuple[Choice, ...], Meta(max_length=50)] = ()


Basket = Annotated[tuple[OrderedItem, ...], Meta(min_length=1, max_length=50)]


class AskQuote(Body, frozen=True):
    """A basket whose price is wanted.

    Attributes:
        deliver_to: for the delivery fee; without it the smallest is charged.
        total_price: where the restaurant has no menu: the price that was agreed.
    """

    items: Basket
    deliver_to: Location | None = None
    tip: Price | None = None
    total_price: Annotated[
        Decimal | None, Meta(description="At most 2 decimals; a JSON number or a string.")
    ] = None


class QuotedLine(Answer, frozen=True, omit_defaults=True):
    """One line of a quote.

    Attributes:
        unit_price: of one, options included; None where the total was agreed.
        price: of all of them.
    """

    qty: int
    name: str
    dish_id: DishId | None = None
    options: tuple[ChosenOption, ...] = ()
    unit_price: Decimal | None = None
    price: Decimal | None = None


class Quote(Answer, frozen=True):
    """What a basket costs: `total = subtotal + delivery_fee + service_fee + tip`, always.

    Attributes:
        is_agreed: the restaurant has no menu and the total is what was agreed.
        subtotal: of the lines.
        tax_included: value-added tax inside the total; nothing is added for it.
        is_limited: some dish has a count of portions, so they have to be held before ordering.
        pick_up: where the restaurant is, if it has said so.
        version: of what the restaurant says of itself, by which it was priced.
    """

    restaurant_id: RestaurantId
    restaurant_name: str
    lines: tuple[QuotedLine, ...]
    subtotal: Decimal
    delivery_fee: Decimal
    service_fee: Decimal
    tip: Decimal
    tax_included: Decimal
    total: Decimal
    is_agreed: bool = False
    is_limited: bool = False
    pick_up: Place | None = None
    version: int = 0
    currency: str = CURRENCY


class HoldPortions(Body, frozen=True):
    """Portions that are kept for an order that is just being placed.

    Attributes:
        hold_id: names the attempt: the same id holds once, however often it is asked.
    """

    hold_id: HoldId
    items: Basket


class Hold(Answer, frozen=True):
    """Portions are kept, for some minutes; `order.placed` with its id makes that last."""

    hold_id: HoldId
    restaurant_id: RestaurantId


class PriceParts(Struct, frozen=True, rename="camel"):
    """How a total is made up, for those who share it out; the parts add up to the total."""

    subtotal: Money
    delivery_fee: Money
    service_fee: Money
    tip: Money


class WhichBasket(Struct, frozen=True):
    """A basket at a restaurant."""

    restaurant_id: RestaurantId
    body: AskQuote


class WhichPortions(Struct, frozen=True):
    """Portions at a restaurant."""

    restaurant_id: RestaurantId
    body: HoldPortions


QUOTE = Call(
    "restaurants", "quote", "/restaurants/{restaurant_id}/quote", WhichBasket, Quote, "POST"
)
HOLD_PORTIONS = Call(
    "restaurants",
    "hold_portions",
    "/restaurants/{restaurant_id}/holds",
    WhichPortions,
    Hold,
    "POST",
)
