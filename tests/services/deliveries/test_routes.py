"""Deliveries over HTTP, with its jobs at work."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from ordereats.chassis.clock import SystemClock
from ordereats.chassis.db.pool import Database
from ordereats.chassis.messaging.outbox import Outbox
from ordereats.contracts.ids import OrderId, RestaurantId, UserId
from ordereats.contracts.money import Money
from ordereats.contracts.orders import CancelledBy, OrderAccepted, OrderCancelled, OrderReady
from ordereats.contracts.places import Location, Place
from support.builders import Client, Reply, fresh_database, nothing, running, until_true

if TYPE_CHECKING:
    from ordereats.topology.local.part import Process

HERE = {"lat": 60.1700, "lon": 24.9400}
THERE = {"lat": 60.1750, "lon": 24.9450}


class Front:
    """The HTTP side of deliveries, and the other side of its queues."""

    def __init__(self, client: Client, database: Database) -> None:
        self.client = client
        self._database = database
        self._orders = Outbox("orders", SystemClock(), nothing)

    async def put(self, path: str, body: object) -> Reply:
        return await self.client.ask("PUT", path, json=body)

    async def a_courier(self, *, online: bool = True) -> int:
        courier: dict[str, Any] = (await self.client.post("/couriers", {"name": "Aino"})).json()
        if online:
            shift = {"online": True, "location": HERE}
            reply = await self.put(f"/couriers/{courier['id']}/shift", shift)
            assert reply.status == 200, reply
        return int(courier["id"])

    async def an_order(self, order_id: int, *, is_ready: bool = True) -> None:
        """Tell of an order as the service orders does."""
        known = OrderId(order_id), UserId(7), RestaurantId(3)
        accepted = OrderAccepted(
            *known,
            total=Money(2500),
            ready_at=datetime.now(UTC),  # noqa: TID251  # the test's own
            pick_up=Place("Kalevankatu 2", Location(**HERE)),
            drop_off=Place("Fabianinkatu 9", Location(**THERE)),
        )
        await self._tell(accepted)
        if is_ready:
            await self._tell(OrderReady(*known))

    async def end(self, order_id: int, *courier_ids: int) -> None:
        """Cancel an order, and let couriers go home, so that the next test is alone."""
        await self._tell(
            OrderCancelled(OrderId(order_id), UserId(7), RestaurantId(3), CancelledBy.OPERATOR)
        )

        async def is_over() -> bool:
            delivery = await self.of_order(order_id)
            return delivery is not None and delivery["status"] in {"cancelled", "delivered"}

        await until_true(is_over)
        for each in courier_ids:
            await self.put(f"/couriers/{each}/shift", {"online": False})

    async def _tell(self, fact: OrderAccepted | OrderReady | OrderCancelled) -> None:
        async with self._database.transaction() as tx:
            await self._orders.add(tx, fact, subject=f"order/{fact.order_id}", version=1)

    async def of_order(self, order_id: int) -> dict[str, Any] | None:
        found = (await self.client.get(f"/deliveries?orderId={order_id}")).json()
        return found[0] if found else None

    async def offers(self, courier_id: int) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (
            await self.client.get(f"/couriers/{courier_id}/offers")
        ).json()
        return found


@pytest.fixture(scope="module")
async def front(postgres_server: "Process") -> AsyncIterator[Front]:
    async with (
        fresh_database(postgres_server) as url,
        running(["deliveries"], url, OFFER_SECONDS="3", FIND_COURIER_WITHIN_SECONDS="600") as city,
        Database.open(url, name="tests") as database,
    ):
        yield Front(city.client, database)


async def test_a_courier_brings_an_order_to_the_door(front: Front) -> None:
    courier_id = await front.a_courier()
    await front.an_order(101)
    await until_true(lambda: front.offers(courier_id))
    (offer,) = await front.offers(courier_id)
    at, me = f"/deliveries/{offer['id']}", {"courierId": courier_id}

    async def is_ready() -> bool:
        return bool((await front.client.get(at)).json()["isReady"])

    await until_true(is_ready)
    replies = [
        await front.client.post(f"{at}/accept", me),
        await front.client.post(f"{at}/pick-up", me),
        await front.client.post(f"{at}/drop-off", {**me, "location": THERE}),
    ]

    assert [reply.status for reply in replies] == [200, 200, 200]
    statuses = [reply.json()["status"] for reply in replies]
    assert statuses == ["assigned", "picked_up", "delivered"]
    assert replies[0].json()["position"] == HERE
    assert replies[0].json()["estimatedAt"] < replies[0].json()["latestAt"]
    shown = (await front.client.get(at)).json()
    assert shown == await front.of_order(101)
    await front.end(101, courier_id)


async def test_an_offer_that_nobody_answers_lapses_by_itself(front: Front) -> None:
    courier_id = await front.a_courier()
    await front.an_order(102)
    await until_true(lambda: front.offers(courier_id))
    (offer,) = await front.offers(courier_id)

    second = await front.a_courier()
    await until_true(lambda: front.offers(second))

    late = await front.client.post(f"/deliveries/{offer['id']}/accept", {"courierId": courier_id})
    assert (late.status, late.code) == (409, "not_yours")
    await front.end(102, courier_id, second)


async def test_moves_that_are_not_to_be_are_refused_with_their_codes(front: Front) -> None:
    courier_id, other = await front.a_courier(), await front.a_courier(online=False)
    await front.an_order(103, is_ready=False)
    await until_true(lambda: front.offers(courier_id))
    (offer,) = await front.offers(courier_id)
    at, me, them = f"/deliveries/{offer['id']}", {"courierId": courier_id}, {"courierId": other}

    async def refused(act: str, body: object) -> str:
        reply = await front.client.post(f"{at}/{act}", body)
        assert reply.status == 409, reply
        return reply.code

    assert await refused("pick-up", me) == "illegal_move"
    assert await refused("accept", them) == "not_yours"
    await front.client.post(f"{at}/accept", me)
    assert await refused("accept", me) == "illegal_move"
    assert await refused("pick-up", them) == "not_yours"
    assert await refused("pick-up", me) == "not_ready"
    assert await refused("drop-off", me) == "illegal_move"
    await front.put(f"/couriers/{courier_id}/shift", {"online": False})
    assert await refused("decline", me) == "offer_lapsed"
    await front.end(103)


async def test_a_courier_is_made_once_for_each_key(front: Front) -> None:
    body = {"name": "Aino", "vehicle": "scooter"}

    first = await front.client.post("/couriers", body, key="courier-1")
    again = await front.client.post("/couriers", body, key="courier-1")

    assert (first.status, again.status) == (201, 201)
    assert first.json() == again.json()
    assert first.json()["vehicle"] == "scooter"


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/couriers", {"name": " "}, "name"),
        ("/couriers", {"name": "Aino", "vehicle": "horse"}, "vehicle"),
        ("/couriers/1/location", {"location": {"lat": 90.5, "lon": 0}}, "location.lat"),
        ("/couriers/1/location", {"location": {"lat": 60, "lon": 181}}, "location.lon"),
        ("/deliveries/1/accept", {}, "courierId"),
        ("/deliveries/1/drop-off", {"courierId": 0}, "courierId"),
    ],
)
async def test_what_can_t_be_right_is_refused_by_its_field(
    front: Front, path: str, body: object, field: str
) -> None:
    reply = await front.client.post(path, body)

    assert reply.status == 400, reply
    assert reply.paths == [field]


async def test_who_is_not_there_is_not_found(front: Front) -> None:
    replies = [
        await front.client.get("/couriers/999999"),
        await front.client.get("/couriers/999999/offers"),
        await front.client.get("/deliveries/999999"),
        await front.client.post("/couriers/999999/location", {"location": HERE}),
        await front.put("/couriers/999999/shift", {"online": False}),
        await front.client.post("/deliveries/999999/accept", {"courierId": 1}),
    ]

    assert [reply.status for reply in replies] == [404] * len(replies)
    assert (await front.client.get("/deliveries?orderId=999999")).json() == []


async def test_a_position_is_taken_and_shown(front: Front) -> None:
    courier_id = await front.a_courier()

    moved = await front.client.post(f"/couriers/{courier_id}/location", {"location": THERE})

    assert (moved.status, moved.body) == (204, b"")
    assert (await front.client.get(f"/couriers/{courier_id}")).json()["location"] == THERE
    online = (await front.client.get("/couriers?online=true&limit=500")).json()
    assert courier_id in [each["id"] for each in online]
    await front.put(f"/couriers/{courier_id}/shift", {"online": False})
