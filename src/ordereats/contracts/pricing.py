"""What a basket costs by a price list: one rule, for the restaurant and for who has a copy. Pure.

In whole hundredths; `total` is always the sum of its parts.
"""

from collections.abc import Sequence
from decimal import Decimal

from msgspec import Struct

from ordereats.contracts import baskets
from ordereats.contracts.baskets import ListedDish
from ordereats.contracts.ids import RestaurantId
from ordereats.contracts.menus import AskQuote, ChosenOption, OrderedItem, Quote, QuotedLine
from ordereats.contracts.money import AmountError, Money
from ordereats.contracts.places import Location, Place, distance_m
from ordereats.contracts.problems import FieldProblem, Refused, Unfit


class Tariff(Struct, frozen=True, rename="camel"):
    """What the platform takes beside the dishes; amounts in hundredths, shares in 1/10,000.

    Attributes:
        delivery_base: for any delivery, and all of it when it is not known where to.
        delivery_per_km: added for each kilometre as the crow flies, by the metre, rounded up.
        reach_m: farther away nothing is delivered.
        service_share: of the subtotal, rounded half up, within the next two.
        service_least: at least that.
        service_most: at most that.
        tax_share: of value-added tax, which is inside all prices and fees but not in a tip. The
            default is Finland's reduced rate for food.
    """

    delivery_base: int = 290
    delivery_per_km: int = 80
    reach_m: int = 10_000
    service_share: int = 500
    service_least: int = 50
    service_most: int = 300
    tax_share: int = 1_350


class PriceList(Struct, frozen=True, rename="camel"):
    """All that a price depends on; of the dishes, those of the basket are enough.

    Attributes:
        version: counts what the restaurant says of itself.
        dishes: None: it has no menu.
    """

    restaurant_id: RestaurantId
    version: int
    name: str
    place: Place | None
    tariff: Tariff
    dishes: tuple[ListedDish, ...] | None


class OutOfReach(Refused, code="out_of_reach"):
    """It is too far from the restaurant to the address."""


def quote(by: PriceList, ask: AskQuote) -> Quote:
    """Price a basket by a list; whether there are portions enough is not known here.

    Raises:
        Unfit: names each place of the basket that can't be right, or an amount that nobody can pay.
        OutOfReach: see there.
        SoldOut: a dish can't be had.
    """
    return _agreed(by, ask) if by.dishes is None else _by_dishes(by, by.dishes, ask)


def _by_dishes(by: PriceList, dishes: Sequence[ListedDish], ask: AskQuote) -> Quote:
    basket = baskets.lines(ask.items, dishes)
    baskets.check_options(basket)
    tip = _tip(ask)
    delivery = _delivery_minor(by, ask.deliver_to)
    baskets.check_available(basket)
    units = [baskets.unit_minor(line) for line in basket]
    prices = [unit * line.item.qty for unit, line in zip(units, basket, strict=True)]
    subtotal = sum(prices)
    return _quote(
        by,
        tuple(
            QuotedLine(
                qty=line.item.qty,
                name=line.dish.name,
                dish_id=line.dish.id,
                options=_chosen(line.item),
                unit_price=_decimal(unit),
                price=_decimal(price),
            )
            for line, unit, price in zip(basket, units, prices, strict=True)
        ),
        (subtotal, delivery, _service_minor(subtotal, by.tariff), tip),
        is_limited=any(line.dish.is_limited for line in basket),
    )


def _chosen(item: OrderedItem) -> tuple[ChosenOption, ...]:
    return tuple(ChosenOption(each.group, each.name) for each in item.options)


def _agreed(by: PriceList, ask: AskQuote) -> Quote:
    """The price that was agreed, where there is no menu: nothing is added to it."""
    nameless = [index for index, item in enumerate(ask.items) if item.name is None]
    if nameless:
        raise Unfit(*(FieldProblem(f"items[{index}].name", "is required") for index in nameless))
    if ask.total_price is None:
        raise Unfit(FieldProblem("totalPrice", "is required where there is no menu"))
    total, tip = _minor("totalPrice", ask.total_price), _tip(ask)
    if total == 0:
        raise Unfit(FieldProblem("totalPrice", "must be above 0"))
    if tip > total:
        raise Unfit(FieldProblem("tip", "must be at most totalPrice"))
    _delivery_minor(by, ask.deliver_to)
    return _quote(
        by,
        tuple(QuotedLine(item.qty, item.name or "", options=_chosen(item)) for item in ask.items),
        (total - tip, 0, 0, tip),
        is_agreed=True,
    )


def _quote(
    by: PriceList,
    lines: tuple[QuotedLine, ...],
    parts: tuple[int, int, int, int],
    *,
    is_agreed: bool = False,
    is_limited: bool = False,
) -> Quote:
    subtotal, delivery, service, tip = parts
    try:
        total = Money(sum(parts))
    except AmountError as error:
        raise Unfit(FieldProblem("items", f"cost together too much: {error}")) from error
    return Quote(
        restaurant_id=by.restaurant_id,
        restaurant_name=by.name,
        lines=lines,
        subtotal=_decimal(subtotal),
        delivery_fee=_decimal(delivery),
        service_fee=_decimal(service),
        tip=_decimal(tip),
        tax_included=_decimal(_tax_minor(sum(parts) - tip, by.tariff)),
        total=total.amount,
        is_agreed=is_agreed,
        is_limited=is_limited,
        pick_up=by.place,
        version=by.version,
    )


def _delivery_minor(by: PriceList, to: Location | None) -> int:
    tariff, start = by.tariff, by.place.location if by.place else None
    if start is None or to is None:
        return tariff.delivery_base
    metres = distance_m(start, to)
    if metres > tariff.reach_m:
        raise OutOfReach(f"{by.name} delivers up to {tariff.reach_m:,} m away.")
    return tariff.delivery_base - (-metres * tariff.delivery_per_km // 1000)


def _service_minor(subtotal: int, tariff: Tariff) -> int:
    share = (subtotal * tariff.service_share + 5_000) // 10_000
    return max(tariff.service_least, min(share, tariff.service_most))


def _tax_minor(taxed: int, tariff: Tariff) -> int:
    whole = 10_000 + tariff.tax_share
    return (2 * taxed * tariff.tax_share + whole) // (2 * whole)


def _tip(ask: AskQuote) -> int:
    return 0 if ask.tip is None else _minor("tip", ask.tip)


def _minor(path: str, amount: Decimal) -> int:
    try:
        return Money.of(amount).minor
    except AmountError as error:
        raise Unfit(FieldProblem(path, str(error))) from error


def _decimal(minor: int) -> Decimal:
    return Decimal(minor).scaleb(-2)
