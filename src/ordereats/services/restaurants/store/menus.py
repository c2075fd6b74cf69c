"""The SQL of menus, one statement a function. Whoever writes has locked the restaurant."""

from collections.abc import Mapping, Sequence

from ordereats.chassis.db.pool import Reader, Row, Transaction, columns, one
from ordereats.contracts.ids import DishId, RestaurantId
from ordereats.contracts.menus import OptionGroup
from ordereats.contracts.money import Money
from ordereats.contracts.wire import decode, encode
from ordereats.services.restaurants.domain.menu import Dish

_NEXT_IDS = "select nextval('dishes_id_seq') as id from generate_series(1, $1)"
_COLUMNS = """
    id, section, name, description, price_minor, option_groups, sold_out, portions_left
"""
# One statement, so that version, sections and dishes are of the same moment.
_READ = """
select menu_version, menu_sections, dishes.id, section, dishes.name, description, price_minor,
    option_groups, sold_out, portions_left
from restaurants left join dishes on restaurant_id = restaurants.id
where restaurants.id = $1 order by section, position
"""
_OF_MENU = f"""
select {_COLUMNS} from dishes where restaurant_id = $1 order by section, position
"""  # noqa: S608  # a constant
_OF_BASKET = f"""
select {_COLUMNS} from dishes
where restaurant_id = $1 and (id = any($2::bigint[]) or name = any($3::text[]))
"""  # noqa: S608  # a constant
_FIND = f"select {_COLUMNS} from dishes where id = $1 and restaurant_id = $2"  # noqa: S608  # a constant
_REPLACED = "delete from dishes where restaurant_id = $1"
_INSERT = """
insert into dishes (
    restaurant_id, position, id, section, name, description, price_minor, option_groups, sold_out,
    portions_left
)
select $1, position, id, section, name, description, price_minor, option_groups, sold_out,
    portions_left
from unnest(
    $2::int[], $3::bigint[], $4::int[], $5::text[], $6::text[], $7::bigint[], $8::jsonb[],
    $9::boolean[], $10::int[]
) as given (
    position, id, section, name, description, price_minor, option_groups, sold_out, portions_left
)
"""
_NEXT_MENU_VERSION = """
update restaurants set menu_version = menu_version + 1 where id = $1 returning menu_version
"""
_SET_SECTIONS = """
update restaurants set menu_sections = $2, words = array_to_tsvector($3::text[]) where id = $1
"""
_SAVE = """
update dishes set price_minor = $3, sold_out = $4, portions_left = $5
where id = $1 and restaurant_id = $2
"""
_MARK = """
update dishes set sold_out = true
where restaurant_id = $1 and id = any($2::bigint[]) and not sold_out
"""
_ADD_PORTIONS = """
update dishes set portions_left = portions_left + quantity
from unnest($2::bigint[], $3::int[]) as given (dish_id, quantity)
where restaurant_id = $1 and id = dish_id and portions_left is not null
"""


async def next_ids(reader: Reader, count: int) -> list[DishId]:
    """Ids that no dish has had."""
    return [DishId(row["id"]) for row in await reader.fetch(_NEXT_IDS, count)]


async def read(
    reader: Reader, restaurant_id: RestaurantId
) -> tuple[int, list[str], list[Dish]] | None:
    """The version of a menu, its sections and its dishes; None: there is no such restaurant."""
    rows = await reader.fetch(_READ, restaurant_id)
    if not rows:
        return None
    dishes = [_dish(row) for row in rows if row["id"] is not None]
    return rows[0]["menu_version"], rows[0]["menu_sections"], dishes


async def dishes(reader: Reader, restaurant_id: RestaurantId) -> list[Dish]:
    """All of a menu, in their order."""
    return [_dish(row) for row in await reader.fetch(_OF_MENU, restaurant_id)]


async def of_basket(
    reader: Reader,
    restaurant_id: RestaurantId,
    ids: Sequence[DishId],
    names: Sequence[str],
) -> list[Dish]:
    """Those of a menu that have one of the ids or names."""
    rows = await reader.fetch(_OF_BASKET, restaurant_id, ids, names)
    return [_dish(row) for row in rows]


async def find(reader: Reader, restaurant_id: RestaurantId, dish_id: DishId) -> Dish | None:
    """A dish of this restaurant."""
    row = await reader.fetch_one(_FIND, dish_id, restaurant_id)
    return None if row is None else _dish(row)


async def clear(tx: Transaction, restaurant_id: RestaurantId) -> None:
    """Take all dishes off a menu."""
    await tx.execute(_REPLACED, restaurant_id)


async def insert(tx: Transaction, restaurant_id: RestaurantId, dishes: Sequence[Dish]) -> None:
    """Add dishes in this order."""
    rows = [
        (
            position,
            dish.id,
            dish.section,
            dish.name,
            dish.description,
            dish.price.minor,
            encode(dish.option_groups).decode(),
            dish.is_marked,
            dish.portions_left,
        )
        for position, dish in enumerate(dishes)
    ]
    await tx.execute(_INSERT, restaurant_id, *columns(rows, 9))


async def next_version(tx: Transaction, restaurant_id: RestaurantId) -> int:
    """Count a change of a menu."""
    return int(one(await tx.fetch_one(_NEXT_MENU_VERSION, restaurant_id))["menu_version"])


async def set_sections(
    tx: Transaction, restaurant_id: RestaurantId, sections: Sequence[str], words: Sequence[str]
) -> None:
    """Keep the names of a menu's sections, and by which words the restaurant is found."""
    await tx.execute(_SET_SECTIONS, restaurant_id, sections, words)


async def save(tx: Transaction, restaurant_id: RestaurantId, dish: Dish) -> None:
    """Keep what may change of a dish."""
    await tx.execute(
        _SAVE, dish.id, restaurant_id, dish.price.minor, dish.is_marked, dish.portions_left
    )


async def mark_sold_out(
    tx: Transaction, restaurant_id: RestaurantId, ids: Sequence[DishId]
) -> bool:
    """Mark dishes; false when that changed nothing."""
    return await tx.execute(_MARK, restaurant_id, ids) > 0


async def add_portions(
    tx: Transaction, restaurant_id: RestaurantId, portions: Mapping[DishId, int]
) -> None:
    """Add portions to what is left of their dishes, those that have a count; below 0: take them."""
    await tx.execute(_ADD_PORTIONS, restaurant_id, list(portions), list(portions.values()))


def _dish(row: Row) -> Dish:
    return Dish(
        id=row["id"],
        section=row["section"],
        name=row["name"],
        description=row["description"],
        price=Money(row["price_minor"]),
        option_groups=decode(row["option_groups"].encode(), tuple[OptionGroup, ...]),
        is_marked=row["sold_out"],
        portions_left=row["portions_left"],
    )
