"""What a basket costs. Pure, in whole hundredths; `total` is always the sum of its parts."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from ordereats.chassis.errors import Conflict, Invalid
from ordereats.contracts.menus import AskQuote, Quote, QuotedLine
from ordereats.contracts.money import AmountError, Money
from ordereats.contracts.places import Location
from ordereats.contracts.problems import FieldProblem
from ordereats.services.restaurants.domain import basket as rules
from ordereats.services.restaurants.domain.basket import Line
from ordereats.services.restaurants.domain.places import distance_m
from ordereats.services.restaurants.domain.restaurant import Restaurant


@dataclass(frozen=True, slots=True)
class Tariff:
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


class OutOfReach(Conflict, code="out_of_reach"):
    """It is too far from the restaurant to the address."""


def quote(restaurant: Restaurant, basket: Sequence[Line], ask: AskQuote, tariff: Tariff) -> Quote:
    """Price a basket by the menu.

    Raises:
        Invalid: wrong options, or an amount that nobody can pay.
        OutOfReach: see there.
        SoldOut: a dish can't be had, or not as often as it is wanted.
    """
    rules.check_options(basket)
    tip = _tip(ask)
    delivery = _delivery_minor(restaurant, ask.deliver_to, tariff)
    rules.check_available(basket)
    units = [rules.unit_minor(line) for line in basket]
    prices = [unit * line.item.qty for unit, line in zip(units, basket, strict=True)]
    subtotal = sum(prices)
    service = _service_minor(subtotal, tariff)
    return _quote(
        restaurant,
        tuple(
            QuotedLine(
                qty=line.item.qty,
                name=line.dish.name,
                dish_id=line.dish.id,
                options=line.item.options,
                unit_price=_decimal(unit),
                price=_decimal(price),
            )
            for line, unit, price in zip(basket, units, prices, strict=True)
        ),
        (subtotal, delivery, service, tip),
        tariff,
        is_limited=any(line.dish.portions_left is not None for line in basket),
    )


def agreed(restaurant: Restaurant, ask: AskQuote, tariff: Tariff) -> Quote:
    """The price that was agreed, where there is no menu: nothing is added to it.

    Raises:
        Invalid: no total, or one that can't be paid or is below the tip; a line without a name.
        OutOfReach: see there.
    """
    nameless = [index for index, item in enumerate(ask.items) if item.name is None]
    if nameless:
        raise Invalid(*(FieldProblem(f"items[{index}].name", "is required") for index in nameless))
    if ask.total_price is None:
        raise Invalid(FieldProblem("totalPrice", "is required where there is no menu"))
    total, tip = _minor("totalPrice", ask.total_price), _tip(ask)
    if total == 0:
        raise Invalid(FieldProblem("totalPrice", "must be above 0"))
    if tip > total:
        raise Invalid(FieldProblem("tip", "must be at most totalPrice"))
    _delivery_minor(restaurant, ask.deliver_to, tariff)
    return _quote(
        restaurant,
        tuple(QuotedLine(item.qty, item.name or "", options=item.options) for item in ask.items),
        (total - tip, 0, 0, tip),
        tariff,
        is_agreed=True,
    )


def _quote(
    restaurant: Restaurant,
    lines: tuple[QuotedLine, ...],
    parts: tuple[int, int, int, int],
    tariff: Tariff,
    *,
    is_agreed: bool = False,
    is_limited: bool = False,
) -> Quote:
    subtotal, delivery, service, tip = parts
    try:
        total = Money(sum(parts))
    except AmountError as error:
        raise Invalid(FieldProblem("items", f"cost together too much: {error}")) from error
    return Quote(
        restaurant_id=restaurant.id,
        restaurant_name=restaurant.name,
        lines=lines,
        subtotal=_decimal(subtotal),
        delivery_fee=_decimal(delivery),
        service_fee=_decimal(service),
        tip=_decimal(tip),
        tax_included=_decimal(_tax_minor(sum(parts) - tip, tariff)),
        total=total.amount,
        is_agreed=is_agreed,
        is_limited=is_limited,
        pick_up=restaurant.place,
    )


def _delivery_minor(restaurant: Restaurant, to: Location | None, tariff: Tariff) -> int:
    start = restaurant.place.location if restaurant.place else None
    if start is None or to is None:
        return tariff.delivery_base
    metres = distance_m(start, to)
    if metres > tariff.reach_m:
        raise OutOfReach(f"{restaurant.name} delivers up to {tariff.reach_m:,} m away.")
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
        raise Invalid(FieldProblem(path, str(error))) from error


def _decimal(minor: int) -> Decimal:
    return Decimal(minor).scaleb(-2)
