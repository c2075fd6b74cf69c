"""What a basket costs: the total is the sum of its parts, always."""

from datetime import UTC, datetime
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ordereats.chassis.errors import Invalid
from ordereats.contracts import pricing
from ordereats.contracts.baskets import SoldOut
from ordereats.contracts.ids import DishId, RestaurantId
from ordereats.contracts.menus import (
    AskQuote,
    Choice,
    NewDish,
    NewMenu,
    NewOption,
    NewOptionGroup,
    NewSection,
    OrderedItem,
    Quote,
)
from ordereats.contracts.places import Location, Place
from ordereats.contracts.pricing import OutOfReach, PriceList, Tariff
from ordereats.contracts.problems import Unfit
from ordereats.services.restaurants.domain import menu
from ordereats.services.restaurants.domain.menu import Dish
from ordereats.services.restaurants.domain.restaurant import Restaurant, price_list

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
KAMPPI = Location(60.1688, 24.9316)
INN = Restaurant(
    RestaurantId(1),
    "Inn",
    None,
    None,
    NOW,
    1,
    1,
    None,
    False,
    None,
    Place("Here", KAMPPI),
    NOW,
)
NO_MENU = PriceList(RestaurantId(1), 1, "Inn", INN.place, Tariff(), dishes=None)
SIZE = NewOptionGroup(
    "Size", (NewOption("small", Decimal("-1.00")), NewOption("large", Decimal(2))), 1, 1
)
EXTRAS = NewOptionGroup("Extras", tuple(NewOption(name, Decimal("0.35")) for name in "abc"), 0, 2)

amounts = st.decimals(0, 500, places=2)
deltas = st.decimals(-3, 3, places=2)


@st.composite
def groups(draw: st.DrawFn, name: str) -> NewOptionGroup:
    options = draw(st.lists(deltas, min_size=1, max_size=4))
    most = draw(st.integers(1, len(options)))
    return NewOptionGroup(
        name,
        tuple(NewOption(str(index), delta) for index, delta in enumerate(options)),
        draw(st.integers(0, most)),
        most,
    )


@st.composite
def menus(draw: st.DrawFn) -> list[Dish]:
    """Dishes of a menu that was accepted."""
    new = [
        NewDish(
            f"Dish {number}", draw(amounts), option_groups=(draw(groups("A")), draw(groups("B")))
        )
        for number in range(draw(st.integers(1, 3)))
    ]
    try:
        drafts = menu.drafts(NewMenu((NewSection("All", tuple(new)),)), {})
    except Invalid:  # one could cost less than nothing
        drafts = menu.drafts(NewMenu((NewSection("All", (NewDish("Dish 0", Decimal(9)),)),)), {})
    return [menu.dish(draft, DishId(number)) for number, draft in enumerate(drafts, start=1)]


@st.composite
def baskets(draw: st.DrawFn) -> tuple[list[Dish], tuple[OrderedItem, ...]]:
    """A menu, and a basket that keeps its rules."""
    dishes = draw(menus())
    items = []
    for _ in range(draw(st.integers(1, 4))):
        dish = draw(st.sampled_from(dishes))
        options = [
            Choice(group.name, option.name)
            for group in dish.option_groups
            for option in draw(st.permutations(group.options))[
                : draw(st.integers(group.min, group.max))
            ]
        ]
        items.append(OrderedItem(draw(st.integers(1, 99)), dish.id, None, tuple(options)))
    return dishes, tuple(items)


def quoted(dishes: list[Dish], ask: AskQuote, tariff: Tariff | None = None) -> Quote:
    return pricing.quote(
        price_list(INN, menu.listed_for(ask.items, dishes), tariff or Tariff()), ask
    )


def a_dish(
    *groups: NewOptionGroup, number: int = 1, price: str = "10.00", left: int | None = None
) -> Dish:
    new = NewDish(f"Dish {number}", Decimal(price), option_groups=groups, portions_left=left)
    (draft,) = menu.drafts(NewMenu((NewSection("All", (new,)),)), {})
    return menu.dish(draft, DishId(number))


def ask(*items: OrderedItem, to: Location | None = None, tip: str | None = None) -> AskQuote:
    return AskQuote(items, to, None if tip is None else Decimal(tip))


def parts(quote: Quote) -> Decimal:
    return quote.subtotal + quote.delivery_fee + quote.service_fee + quote.tip


@given(
    baskets(),
    st.none() | amounts,
    st.none() | st.builds(Location, st.floats(60.1, 60.2), st.floats(24.9, 25.0)),
    st.builds(
        Tariff,
        *(st.integers(0, 1_000) for _ in range(2)),
        st.just(50_000),
        st.integers(0, 10_000),
        st.integers(0, 100),
        st.integers(100, 1_000),
        st.integers(0, 3_000),
    ),
)
def test_a_total_is_the_sum_of_its_parts_and_nothing_is_below_zero(
    chosen: tuple[list[Dish], tuple[OrderedItem, ...]],
    tip: Decimal | None,
    to: Location | None,
    tariff: Tariff,
) -> None:
    dishes, items = chosen

    quote = quoted(dishes, AskQuote(items, to, tip), tariff)

    assert quote.total == parts(quote)
    assert quote.subtotal == sum(line.price or 0 for line in quote.lines)
    for line in quote.lines:
        assert line.unit_price is not None
        assert line.unit_price >= 0
        assert line.price == line.unit_price * line.qty
    assert min(quote.delivery_fee, quote.service_fee, quote.tip) >= 0
    assert 0 <= quote.tax_included <= quote.total - quote.tip
    assert all(
        each.as_tuple().exponent == -2
        for each in (quote.total, quote.subtotal, quote.service_fee, quote.tax_included)
    )


@given(amounts, st.none() | amounts)
def test_an_agreed_total_stays_what_it_is(total: Decimal, tip: Decimal | None) -> None:
    asked = AskQuote((OrderedItem(2, None, "Pho"),), None, tip, total)

    if total == 0 or (tip or 0) > total:
        with pytest.raises(Unfit, match=r"^(totalPrice|tip):"):
            pricing.quote(NO_MENU, asked)
    else:
        quote = pricing.quote(NO_MENU, asked)

        assert quote.total == total == parts(quote)
        assert quote.is_agreed


def test_each_figure_of_a_quote() -> None:
    dishes = [a_dish(SIZE, EXTRAS), a_dish(number=2, price="3.50")]
    options = (
        Choice("Size", "large"),
        Choice("Extras", "b"),
        Choice("Extras", "a"),
    )
    to = Location(60.1688, 24.9496)  # 996 m to the east

    quote = quoted(
        dishes,
        ask(
            OrderedItem(2, DishId(1), None, options), OrderedItem(3, None, "Dish 2"), to=to, tip="1"
        ),
    )

    assert [(each.unit_price, each.price) for each in quote.lines] == [
        (Decimal("12.70"), Decimal("25.40")),
        (Decimal("3.50"), Decimal("10.50")),
    ]
    assert quote.subtotal == Decimal("35.90")
    assert quote.delivery_fee == Decimal("3.70")  # 2.90 + 996 m at 0.80 a km, rounded up
    assert quote.service_fee == Decimal("1.80")  # 5 %, half up
    assert quote.tip == Decimal("1.00")
    assert quote.total == Decimal("42.40")
    assert quote.tax_included == Decimal("4.92")  # 13.5 / 113.5 of 41.40


def test_the_service_fee_has_a_least_and_a_most() -> None:
    cheap, dear = a_dish(price="1.00"), a_dish(price="400.00")

    assert quoted([cheap], ask(OrderedItem(1, DishId(1)))).service_fee == Decimal("0.50")
    assert quoted([dear], ask(OrderedItem(1, DishId(1)))).service_fee == Decimal("3.00")


def test_delivery_costs_the_least_where_a_place_is_not_known_and_has_a_reach() -> None:
    item = OrderedItem(1, DishId(1))

    assert quoted([a_dish()], ask(item)).delivery_fee == Decimal("2.90")
    assert quoted([a_dish()], ask(item, to=KAMPPI)).delivery_fee == Decimal("2.90")
    assert quoted([a_dish()], ask(item, to=Location(60.25, 24.93))).delivery_fee > Decimal(10)
    with pytest.raises(OutOfReach):
        quoted([a_dish()], ask(item, to=Location(60.26, 24.93)))


@pytest.mark.parametrize(
    ("item", "path"),
    [
        (OrderedItem(1), "items[1]"),
        (OrderedItem(1, DishId(9)), "items[1].dishId"),
        (OrderedItem(1, None, "dish 1"), "items[1].name"),
        (OrderedItem(1, DishId(1), "Dish 2"), "items[1].name"),
    ],
    ids=str,
)
def test_a_line_that_names_no_dish_is_named(item: OrderedItem, path: str) -> None:
    with pytest.raises(Unfit) as caught:
        quoted([a_dish(), a_dish(number=2)], ask(OrderedItem(1, DishId(1), "Dish 1"), item))

    assert [each.path for each in caught.value.problems] == [path]


@pytest.mark.parametrize(
    ("options", "path"),
    [
        ("", "items[0].options"),
        ("Size:large Size:small", "items[0].options"),
        ("Size:large Size:large", "items[0].options[1]"),
        ("Size:large Extras:a Extras:b Extras:c", "items[0].options"),
        ("Size:huge Size:large", "items[0].options[0]"),
        ("Size:large Colour:red", "items[0].options[1]"),
    ],
)
def test_wrong_options_are_named(options: str, path: str) -> None:
    chosen = tuple(Choice(*each.split(":")) for each in options.split())

    with pytest.raises(Unfit) as caught:
        quoted([a_dish(SIZE, EXTRAS)], ask(OrderedItem(1, DishId(1), None, chosen)))

    assert [each.path for each in caught.value.problems] == [path]


def test_lines_of_one_dish_count_together_against_its_portions() -> None:
    limited, marked = a_dish(left=3), msgspec.structs.replace(a_dish(number=2), is_marked=True)
    marked_one = OrderedItem(1, DishId(2))

    assert quoted([limited], ask(*[OrderedItem(1, DishId(1))] * 3)).is_limited
    with pytest.raises(SoldOut) as caught:
        quoted(
            [limited, marked],
            ask(OrderedItem(2, DishId(1)), OrderedItem(2, None, "Dish 1"), marked_one),
        )
    assert caught.value.extension == {"dishes": [1, 2]}


def test_a_basket_that_nobody_could_pay_is_refused() -> None:
    dear = a_dish(price="99999999.99")

    with pytest.raises(Unfit, match=r"^items: cost together too much"):
        quoted([dear], ask(*[OrderedItem(99, DishId(1))] * 50))


@pytest.mark.parametrize("tip", ["-1", "0.001", "1e99", "NaN"])
def test_a_tip_is_an_amount(tip: str) -> None:
    with pytest.raises(Unfit, match=r"^tip:"):
        quoted([a_dish()], ask(OrderedItem(1, DishId(1)), tip=tip))
