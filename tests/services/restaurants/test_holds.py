"""Holds on a real PostgreSQL: no walk makes portions, and those that are due have an index."""

from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ordereats.chassis.db.migrations import migrate
from ordereats.chassis.db.pool import Database
from ordereats.chassis.errors import Conflict, IllegalMove
from ordereats.contracts.ids import HoldId, OrderId, RestaurantId
from ordereats.contracts.menus import HoldPortions, OrderedItem
from ordereats.contracts.restaurants import OpenRestaurant
from ordereats.services.restaurants.store import holds
from ordereats.services.restaurants.store import restaurants as store
from ordereats.services.restaurants.use_cases import baskets
from ordereats.services.restaurants.use_cases.deps import Deps
from ordereats.topology import loading
from ordereats.topology.local.part import Process
from services.restaurants.alone import CLOCK, deps_on
from support.builders import fresh_database

THERE_WERE = {"Pho": 3, "Tea": 2}
WAYS = [
    ["hold", "lapse"],
    ["hold", "confirm", "lapse", "end"],
    ["hold", "end", "confirm"],
    ["hold", "lapse", "confirm", "end"],
    ["hold", "lapse", "end", "confirm"],
]
"""Of a hold, as its clock and the facts about its order may come."""
ATTEMPTS = st.tuples(st.sampled_from(WAYS), st.tuples(st.integers(1, 3), st.integers(1, 2)))
TURNS = st.permutations([0, 1, 2] * 4)
_ORDER_IDS = count(1)


class Buyer:
    """One attempt to buy of both dishes, and the order that it may become."""

    def __init__(self, deps: Deps, restaurant_id: RestaurantId, basket: tuple[int, int]) -> None:
        self._deps = deps
        self._restaurant_id = restaurant_id
        self._hold_id: HoldId = str(CLOCK.new_id())
        self._order_id = OrderId(next(_ORDER_IDS))
        self._items = tuple(
            OrderedItem(name=name, qty=qty) for name, qty in zip(THERE_WERE, basket, strict=True)
        )
        self._holds = False

    async def do(self, step: str) -> None:
        """Take a step, where it is one that can come."""
        if step == "hold" and not self._holds:
            with suppress(Conflict):
                command = HoldPortions(self._hold_id, self._items)
                await baskets.hold(self._deps, self._restaurant_id, command)
                self._holds = True
        elif step == "lapse":
            await self._deps.database.execute(
                "update portion_holds set due_at = now() where id = $1::uuid", self._hold_id
            )
            await baskets.lapse_due(self._deps)
        elif step == "confirm" and self._holds:
            with suppress(IllegalMove):
                async with self._deps.database.transaction() as tx:
                    await baskets.confirm(self._deps, tx, self._hold_id, self._order_id)
        else:
            async with self._deps.database.transaction() as tx:
                await baskets.release(self._deps, tx, self._order_id, self._restaurant_id)


@settings(max_examples=60, deadline=None)
@given(st.tuples(ATTEMPTS, ATTEMPTS, ATTEMPTS), TURNS)
async def test_on_any_walk_what_is_left_and_what_is_held_are_what_there_was(
    deps: Deps, attempts: Sequence[tuple[Sequence[str], tuple[int, int]]], turns: Sequence[int]
) -> None:
    restaurant_id = await _a_restaurant(deps.database)
    buyers = [Buyer(deps, restaurant_id, basket) for _, basket in attempts]
    steps = [iter(way) for way, _ in attempts]

    for turn in turns:
        await buyers[turn].do(next(steps[turn], "end"))

        left = await _left(deps.database, restaurant_id)
        held = await _held(deps.database, restaurant_id)
        assert {name: left[name] + held.get(name, 0) for name in left} == THERE_WERE
        assert min(left.values()) >= 0


async def test_among_100000_that_have_ended_an_index_finds_those_that_are_due_or_old(
    deps: Deps,
) -> None:
    for _ in range(20):  # a statement may take seconds, and no more
        await deps.database.execute(_5000_ENDED)
    await deps.database.execute("analyze portion_holds")

    due = await deps.database.fetch(f"explain {holds.LOCK_SOME_DUE}")
    old = await deps.database.fetch(f"explain {holds.FORGET_HOLDS}", 7)

    for plan, index in (due, "portion_holds_due"), (old, "portion_holds_ended"):
        said = "\n".join(row[0] for row in plan)
        assert "Seq Scan on portion_holds" not in said, said
        assert index in said, said
        assert "Filter" not in said, said  # it holds no others


async def _a_restaurant(database: Database) -> RestaurantId:
    async with database.transaction() as tx:
        made = await store.insert(tx, OpenRestaurant("Pho"), at=CLOCK.now())
        await tx.execute(_DISHES, made.id, list(THERE_WERE), list(THERE_WERE.values()))
    return made.id


async def _left(database: Database, restaurant_id: RestaurantId) -> dict[str, int]:
    rows = await database.fetch(
        "select name, portions_left from dishes where restaurant_id = $1", restaurant_id
    )
    return {row["name"]: row["portions_left"] for row in rows}


async def _held(database: Database, restaurant_id: RestaurantId) -> dict[str, int]:
    return {row["name"]: row["held"] for row in await database.fetch(_HELD, restaurant_id)}


@pytest.fixture(scope="module")
async def deps(postgres_server: Process) -> AsyncIterator[Deps]:
    """Give restaurants' own tables, and no job that works on them."""
    async with fresh_database(postgres_server) as url:
        await migrate(url, loading.migrations(["restaurants"]))
        async with Database.open(url, name="tests") as database:
            yield deps_on(database)


_DISHES = """
insert into dishes (
    restaurant_id, section, position, name, price_minor, option_groups, sold_out, portions_left
)
select $1, 0, 0, name, 1250, '[]', false, portions
from unnest($2::text[], $3::int[]) as given (name, portions)
"""
_HELD = """
select d.name, sum(taken.quantity)::int as held
from portion_holds h
cross join unnest(h.dish_ids, h.quantities) as taken (dish_id, quantity)
join dishes d on d.id = taken.dish_id
where h.restaurant_id = $1 and h.state in ('held', 'confirmed') group by d.name
"""
_5000_ENDED = """
with one as (insert into restaurants (name, created_at) values ('Inn', now()) returning id)
insert into portion_holds (id, restaurant_id, dish_ids, quantities, state, due_at)
select gen_random_uuid(), one.id, '{}', '{}', ended.state, now() - interval '1 day'
from one, unnest(array['confirmed', 'lapsed']) as ended (state), generate_series(1, 2500)
"""
