"""Rules of a menu: what can be written, and what is shown of it. Pure."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

import msgspec

from ordereats.chassis.errors import Invalid
from ordereats.contracts import menus as contract
from ordereats.contracts.baskets import ListedDish, signed_minor
from ordereats.contracts.ids import DishId, RestaurantId
from ordereats.contracts.menus import (
    ChangeDish,
    NewDish,
    NewMenu,
    NewOption,
    OptionGroup,
    OrderedItem,
    Section,
)
from ordereats.contracts.money import AmountError, Money
from ordereats.contracts.problems import FieldProblem


class Dish(msgspec.Struct, frozen=True):
    """A dish of a menu.

    Attributes:
        section: which of the menu's sections, from 0.
        is_marked: somebody said that it is sold out.
        portions_left: how many can still be sold; None: as many as are wanted.
    """

    id: DishId
    section: int
    name: str
    description: str | None
    price: Money
    option_groups: tuple[OptionGroup, ...]
    is_marked: bool
    portions_left: int | None

    @property
    def sold_out(self) -> bool:
        """Whether nobody can order it now."""
        return self.is_marked or self.portions_left == 0


class Draft(msgspec.Struct, frozen=True):
    """A dish that is being written, checked.

    Attributes:
        id: of the dish that it takes the place of; None: there was none.
    """

    id: DishId | None
    section: int
    new: NewDish
    price: Money


def drafts(menu: NewMenu, present: Mapping[DishId, str]) -> list[Draft]:
    """Check a menu, and find which dish takes the place of which.

    Args:
        menu: as it came.
        present: the names of the dishes of the menu before, by their ids.

    Raises:
        Invalid: every place at which it can't be right.
    """
    placed = [
        (f"sections[{i}].dishes[{j}]", i, dish)
        for i, section in enumerate(menu.sections)
        for j, dish in enumerate(section.dishes)
    ]
    dishes = [dish for _, _, dish in placed]
    problems = [problem for where, _, dish in placed for problem in _dish_problems(where, dish)]
    problems += _ids_problems([(where, dish.id) for where, _, dish in placed], present)
    problems += _twice([(f"{where}.name", dish.name) for where, _, dish in placed])
    if problems:
        raise Invalid(*problems)
    named = {dish.id for dish in dishes}
    by_name = {name: dish_id for dish_id, name in present.items() if dish_id not in named}
    return [
        Draft(dish.id or by_name.get(dish.name), section, _exact(dish), Money.of(dish.price))
        for _, section, dish in placed
    ]


def dish(draft: Draft, dish_id: DishId) -> Dish:
    """The dish that a draft becomes."""
    new = draft.new
    return Dish(
        id=dish_id,
        section=draft.section,
        name=new.name,
        description=new.description,
        price=draft.price,
        option_groups=new.option_groups,
        is_marked=new.sold_out,
        portions_left=new.portions_left,
    )


def change(dish: Dish, command: ChangeDish) -> Dish:
    """The dish after a change.

    Raises:
        Invalid: a price that can't be right.
    """
    price, is_marked, portions_left = dish.price, dish.is_marked, dish.portions_left
    if command.price is not None:
        problems = list(_price_problems("price", command.price, dish.option_groups))
        if problems:
            raise Invalid(*problems)
        price = Money.of(command.price)
    if command.portions_left is not None:
        portions_left, is_marked = command.portions_left, False
    if command.sold_out is not None:
        is_marked = command.sold_out
    return msgspec.structs.replace(
        dish, price=price, is_marked=is_marked, portions_left=portions_left
    )


def listed(dish: Dish, *, wanted: int = 0) -> ListedDish:
    """What its price depends on.

    Args:
        dish: which.
        wanted: how many have to be there; 0: only whether it is marked is told.
    """
    portions = dish.portions_left
    return ListedDish(
        id=dish.id,
        name=dish.name,
        price=dish.price,
        option_groups=dish.option_groups,
        sold_out=dish.is_marked or (portions is not None and portions < wanted),
        is_limited=portions is not None,
    )


def listed_for(items: Sequence[OrderedItem], dishes: Sequence[Dish]) -> list[ListedDish]:
    """The dishes of a basket, of which so many have to be there; all of its lines count."""
    return [
        listed(
            dish,
            wanted=sum(
                each.qty for each in items if dish.id == each.dish_id or dish.name == each.name
            ),
        )
        for dish in dishes
    ]


def shown_dish(dish: Dish) -> contract.Dish:
    """What the world sees of a dish."""
    return contract.Dish(
        id=dish.id,
        name=dish.name,
        price=dish.price.amount,
        description=dish.description,
        option_groups=dish.option_groups,
        sold_out=dish.sold_out,
        portions_left=dish.portions_left,
    )


def shown(
    restaurant_id: RestaurantId, version: int, sections: Sequence[str], dishes: Sequence[Dish]
) -> contract.Menu:
    """What the world sees of a menu; the dishes come in their order."""
    return contract.Menu(
        restaurant_id=restaurant_id,
        version=version,
        sections=tuple(
            Section(name, tuple(shown_dish(dish) for dish in dishes if dish.section == index))
            for index, name in enumerate(sections)
        ),
    )


def _dish_problems(where: str, dish: NewDish) -> Iterator[FieldProblem]:
    groups = [
        (f"{where}.optionGroups[{index}]", group) for index, group in enumerate(dish.option_groups)
    ]
    yield from _twice([(f"{path}.name", group.name) for path, group in groups])
    wrong = [problem for path, group in groups for problem in _group_problems(path, group)]
    yield from wrong
    yield from _price_problems(f"{where}.price", dish.price, () if wrong else dish.option_groups)


def _group_problems(where: str, group: OptionGroup) -> Iterator[FieldProblem]:
    options = [(f"{where}.options[{index}]", each) for index, each in enumerate(group.options)]
    yield from _twice([(f"{path}.name", option.name) for path, option in options])
    if group.max > len(group.options):
        yield FieldProblem(f"{where}.max", "must be at most the number of its options")
    if group.min > group.max:
        yield FieldProblem(f"{where}.min", "must be at most max")
    for path, option in options:
        try:
            signed_minor(option.price_delta)
        except AmountError as error:
            yield FieldProblem(f"{path}.priceDelta", str(error))


def _price_problems(
    where: str, price: Decimal, groups: Sequence[OptionGroup]
) -> Iterator[FieldProblem]:
    try:
        least = Money.of(price).minor + sum(_least_minor(group) for group in groups)
    except AmountError as error:
        yield FieldProblem(where, str(error))
        return
    if least < 0:
        yield FieldProblem(where, "must not fall below 0 by any choice of options")


def _least_minor(group: OptionGroup) -> int:
    """What the cheapest valid choice adds."""
    deltas = sorted(signed_minor(each.price_delta) for each in group.options)
    return sum(deltas[: group.min]) + sum(
        each for each in deltas[group.min : group.max] if each < 0
    )


def _ids_problems(
    given: Sequence[tuple[str, DishId | None]], present: Mapping[DishId, str]
) -> Iterator[FieldProblem]:
    for where, dish_id in given:
        if dish_id is not None and dish_id not in present:
            yield FieldProblem(f"{where}.id", "is not a dish of this menu")
    yield from _twice([(f"{where}.id", dish_id) for where, dish_id in given if dish_id is not None])


def _twice(named: Sequence[tuple[str, object]]) -> Iterator[FieldProblem]:
    seen: Counter[object] = Counter()
    for path, name in named:
        if seen[name]:
            yield FieldProblem(path, "is there twice")
        seen[name] += 1


def _exact(dish: NewDish) -> NewDish:
    """With amounts as answers show them: both decimals."""
    groups = tuple(
        msgspec.structs.replace(group, options=tuple(_exact_option(each) for each in group.options))
        for group in dish.option_groups
    )
    return msgspec.structs.replace(dish, option_groups=groups)


def _exact_option(option: NewOption) -> NewOption:
    return NewOption(option.name, Decimal(signed_minor(option.price_delta)).scaleb(-2))
