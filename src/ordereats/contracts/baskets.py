"""Which dishes of a list a basket means, and with which options: one rule for all. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from msgspec import Struct

from ordereats.contracts.ids import DishId
from ordereats.contracts.menus import ChosenOption, OptionGroup, OrderedItem
from ordereats.contracts.money import Money
from ordereats.contracts.problems import FieldProblem, Refused, Unfit


class ListedDish(Struct, frozen=True, rename="camel", omit_defaults=True):
    """What a dish costs, and whether it can be had.

    Attributes:
        sold_out: nobody can order it now.
        is_limited: it has a count of portions, which is not listed: it changes with each order.
    """

    id: DishId
    name: str
    price: Money
    option_groups: tuple[OptionGroup, ...] = ()
    sold_out: bool = False
    is_limited: bool = False


class SoldOut(Refused, code="sold_out"):
    """Some dish can't be had, or not as often as it is wanted; `dishes` has the ids."""

    def __init__(self, dishes: Mapping[DishId, str]) -> None:
        super().__init__(f"Sold out: {', '.join(dishes.values())}.", dishes=list(dishes))


class Line(Struct, frozen=True):
    """One line of a basket, understood."""

    item: OrderedItem
    dish: ListedDish


def lines(items: Sequence[OrderedItem], dishes: Sequence[ListedDish]) -> list[Line]:
    """Find the dishes of a basket by their ids or exact names.

    Raises:
        Unfit: each line that names none, or two different ones.
    """
    by_id = {dish.id: dish for dish in dishes}
    by_name = {dish.name: dish for dish in dishes}
    problems: list[FieldProblem] = []
    found = []
    for index, item in enumerate(items):
        dish = _meant(f"items[{index}]", item, by_id, by_name)
        if isinstance(dish, ListedDish):
            found.append(Line(item, dish))
        else:
            problems.append(dish)
    if problems:
        raise Unfit(*problems)
    return found


def check_options(basket: Sequence[Line]) -> None:
    """Refuse choices that the dishes don't offer.

    Raises:
        Unfit: each wrong option, and each group of which too few or too many are chosen.
    """
    problems = [
        problem
        for index, line in enumerate(basket)
        for problem in _option_problems(f"items[{index}].options", line)
    ]
    if problems:
        raise Unfit(*problems)


def check_available(basket: Sequence[Line]) -> None:
    """Refuse what can't be had.

    Raises:
        SoldOut: names each dish.
    """
    missing = {line.dish.id: line.dish.name for line in basket if line.dish.sold_out}
    if missing:
        raise SoldOut(missing)


def unit_minor(line: Line) -> int:
    """What one of a line costs with its options, in hundredths."""
    chosen = {(each.group, each.name) for each in line.item.options}
    return line.dish.price.minor + sum(
        signed_minor(option.price_delta)
        for group in line.dish.option_groups
        for option in group.options
        if (group.name, option.name) in chosen
    )


def signed_minor(amount: Decimal) -> int:
    """A difference of prices in hundredths: `Money` itself is never negative.

    Raises:
        AmountError: as `Money.of`.
    """
    minor = Money.of(amount.copy_abs()).minor
    return -minor if amount < 0 else minor


def _meant(
    where: str,
    item: OrderedItem,
    by_id: Mapping[DishId, ListedDish],
    by_name: Mapping[str, ListedDish],
) -> ListedDish | FieldProblem:
    if item.dish_id is not None:
        dish = by_id.get(item.dish_id)
        if dish is None:
            return FieldProblem(f"{where}.dishId", "is not a dish of this menu")
        if item.name not in {None, dish.name}:
            return FieldProblem(f"{where}.name", "is not the name of that dish")
        return dish
    if item.name is None:
        return FieldProblem(where, "must have a dishId or a name")
    dish = by_name.get(item.name)
    return dish or FieldProblem(f"{where}.name", "is not a dish of this menu")


def _option_problems(where: str, line: Line) -> Iterator[FieldProblem]:
    groups = {group.name: group for group in line.dish.option_groups}
    chosen: dict[str, set[str]] = {name: set() for name in groups}
    for index, each in enumerate(line.item.options):
        said = _choice_problem(each, groups, chosen)
        if said:
            yield FieldProblem(f"{where}[{index}]", said)
        else:
            chosen[each.group].add(each.name)
    for name, group in groups.items():
        if not group.min <= len(chosen[name]) <= group.max:
            yield FieldProblem(where, f"must have {_count(group)} of {name}")


def _choice_problem(
    choice: ChosenOption, groups: Mapping[str, OptionGroup], chosen: Mapping[str, set[str]]
) -> str:
    group = groups.get(choice.group)
    if group is None or choice.name not in {option.name for option in group.options}:
        return "is not an option of this dish"
    return "is chosen twice" if choice.name in chosen[choice.group] else ""


def _count(group: OptionGroup) -> str:
    return str(group.min) if group.min == group.max else f"{group.min} to {group.max}"
