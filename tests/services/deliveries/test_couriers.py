"""Couriers join, come online, move and leave; where they are is noted cheaply and thinned."""

import asyncio
from typing import TYPE_CHECKING

import pytest

from ordereats.chassis.errors import Invalid
from ordereats.contracts.deliveries import Vehicle
from ordereats.contracts.ids import CourierId
from ordereats.contracts.places import Location
from ordereats.services.deliveries.use_cases import couriers, search
from services.deliveries.conftest import RESTAURANT, north_of

if TYPE_CHECKING:
    from services.deliveries.conftest import City


async def trace(city: "City", courier_id: CourierId) -> list[Location]:
    rows = await city.deps.database.fetch(
        "select lat, lon from courier_traces where courier_id = $1 order by id", courier_id
    )
    return [Location(row["lat"], row["lon"]) for row in rows]


async def let_a_minute_pass(city: "City") -> None:
    await city.deps.database.execute(
        "update courier_positions set traced_at = traced_at - interval '1 minute'"
    )


async def test_who_joins_is_offline_and_nowhere(city: "City") -> None:
    courier = await couriers.get(city.deps, await city.courier(at=None, vehicle=Vehicle.CAR))

    assert (courier.name, courier.vehicle, courier.is_online) == ("Aino", Vehicle.CAR, False)
    assert (courier.location, courier.seen_at, courier.delivery_id) == (None, None, None)


async def test_who_comes_online_says_where_they_are(city: "City") -> None:
    courier_id = await city.courier(at=None)

    with pytest.raises(Invalid) as refused:
        await city.shift(courier_id, online=True)

    assert [problem.path for problem in refused.value.problems] == ["location"]
    assert not (await couriers.get(city.deps, courier_id)).is_online
    online = await city.shift(courier_id, online=True, at=RESTAURANT)
    assert (online.is_online, online.location) == (True, RESTAURANT)
    assert (await city.shift(courier_id, online=True)).is_online


async def test_who_leaves_is_not_asked(city: "City") -> None:
    courier_id = await city.courier()
    await city.accepted()

    await city.shift(courier_id, online=False)

    assert (await city.offered()).courier_id is None


async def test_who_is_not_at_work_keeps_nobody_from_being_asked(city: "City") -> None:
    for _ in range(search.NEAREST):
        await city.shift(await city.courier(), online=False)
    working = await city.courier(at=north_of(RESTAURANT, 500))

    await city.accepted()

    assert (await city.offered()).courier_id == working


async def test_couriers_are_listed_by_whether_they_work_in_pages(city: "City") -> None:
    ids = [await city.courier(at) for at in (RESTAURANT, None, RESTAURANT)]

    async def listed(**which: bool | None) -> list[CourierId]:
        found = await couriers.page(
            city.deps, online=which.get("online"), after=ids[0] - 1, limit=2
        )
        return [each.id for each in found]

    assert await listed() == ids[:2]
    assert await listed(online=True) == [ids[0], ids[2]]
    assert await listed(online=False) == [ids[1]]


async def test_the_last_position_counts(city: "City") -> None:
    courier_id = await city.courier()

    for metres in (10, 20, 30):
        await couriers.move(city.deps, courier_id, north_of(RESTAURANT, metres))

    courier = await couriers.get(city.deps, courier_id)
    assert courier.location == north_of(RESTAURANT, 30)
    assert courier.seen_at is not None


async def test_a_trace_has_a_point_for_each_50_metres(city: "City") -> None:
    courier_id = await city.courier()

    for metres in range(0, 201, 10):
        await couriers.move(city.deps, courier_id, north_of(RESTAURANT, metres + 0.1))

    kept = await trace(city, courier_id)
    assert kept[0] == RESTAURANT
    assert len(kept) == 1 + 4


async def test_a_trace_has_a_point_for_each_minute_of_standing_still(city: "City") -> None:
    courier_id = await city.courier()

    for _ in range(3):
        await couriers.move(city.deps, courier_id, RESTAURANT)
        await let_a_minute_pass(city)
        await couriers.move(city.deps, courier_id, RESTAURANT)

    assert await trace(city, courier_id) == [RESTAURANT] * 4


async def test_a_trace_is_forgotten_after_a_day(city: "City") -> None:
    courier_id = await city.courier()
    await city.deps.database.execute("update courier_traces set at = now() - interval '25 hours'")
    await couriers.move(city.deps, courier_id, north_of(RESTAURANT, 100))

    assert await couriers.forget_traces(city.deps) is False

    assert await trace(city, courier_id) == [north_of(RESTAURANT, 100)]


async def test_positions_of_the_same_moment_are_all_kept(city: "City") -> None:
    ids = [await city.courier() for _ in range(30)]

    await asyncio.gather(
        *(couriers.move(city.deps, each, north_of(RESTAURANT, each)) for each in ids),
        *(couriers.move(city.deps, each, north_of(RESTAURANT, each + 1)) for each in reversed(ids)),
    )

    for each in ids:
        courier = await couriers.get(city.deps, each)
        assert courier.location == north_of(RESTAURANT, each + 1)


async def test_after_a_crash_of_the_database_who_says_where_they_are_is_asked_again(
    city: "City",
) -> None:
    courier_id = await city.courier()
    await city.deps.database.execute("truncate courier_positions")  # as a crash does
    await city.accepted()
    assert (await city.offered()).courier_id is None

    await couriers.move(city.deps, courier_id, RESTAURANT)

    assert (await city.offered()).courier_id == courier_id
