"""Couriers: they come online, take what is offered or not, fetch it and bring it."""

import asyncio
from collections import Counter
from itertools import count
from typing import NoReturn

from msgspec import Struct

from ordereats.contracts.deliveries import (
    ByCourier,
    Delivery,
    DeliveryStatus,
    DropOff,
    Position,
    Shift,
)
from ordereats.contracts.ids import OrderId
from ordereats.contracts.orders import OrderStatus
from ordereats.contracts.places import Location, Place
from ordereats.topology.city.chance import dice
from ordereats.topology.city.client import Failed, Refused
from ordereats.topology.city.places import between, metres
from ordereats.topology.city.simulation.plan import Script
from ordereats.topology.city.simulation.stage import ENDED, Glimpse, Stage
from ordereats.topology.city.simulation.timings import way_min

_ASSIGNED = frozenset({DeliveryStatus.ASSIGNED})
_PICKED_UP = frozenset({DeliveryStatus.PICKED_UP})
_DELIVERED = frozenset({DeliveryStatus.DELIVERED})
_SLOWEST = 6
"""Times that one usually looks, where nothing happens."""
_FOOD_IS_THERE = ENDED | {OrderStatus.READY}


class Dispatch:
    """What couriers know of one another: who has said no to what."""

    def __init__(self) -> None:
        self._declined: Counter[OrderId] = Counter()

    def declines(self, script: Script, order_id: OrderId) -> bool:
        """Whether the next who is asked says no."""
        if self._declined[order_id] >= script.courier.declines:
            return False
        self._declined[order_id] += 1
        return True


class Courier:
    """One courier."""

    def __init__(self, stage: Stage, dispatch: Dispatch, number: int) -> None:
        self._stage = stage
        self._api = stage.api
        self._clock = stage.clock
        self._dispatch = dispatch
        invented = stage.city.couriers[number]
        self._vehicle = invented.joins.vehicle
        self._at = invented.starts
        self._id = stage.settled.couriers[number]
        # They don't all look at the same moment.
        self._looks_after = dice("glance", number).uniform(0.75, 1.25) * 2

    async def work(self) -> NoReturn:
        """Bring what is offered, until cancelled."""
        is_online = False
        while True:
            await asyncio.sleep(self._clock.glance_s * self._looks_after)
            if not is_online:
                is_online = await self.shift(online=True)
            elif self._stage.wanting:
                for offer in await self._offers():
                    await self._consider(offer)

    async def shift(self, *, online: bool) -> bool:
        """Begin or end to work; whether the platform knows."""
        shift = Shift(online, self._at if online else None)
        try:
            what = "come online" if online else "go offline"
            await self._api.send(what, "PUT", f"/couriers/{self._id}/shift", shift)
        except (Failed, Refused):
            return False
        return True

    async def _offers(self) -> list[Delivery]:
        path = f"/couriers/{self._id}/offers"
        try:
            return await self._api.ask("look at offers", list[Delivery], "GET", path)
        except (Failed, Refused):
            return []  # it is counted; the next look is soon

    async def _consider(self, offer: Delivery) -> None:
        script = self._stage.scripts.get(offer.order_id)
        me = ByCourier(self._id)
        # An order of somebody else is left to couriers who know when its food is ready.
        if script is None or self._dispatch.declines(script, offer.order_id):
            try:
                path = f"/deliveries/{offer.id}/decline"
                await self._api.send("decline an offer", "POST", path, me)
            except (Failed, Refused):
                return  # it lapses by itself
        elif await self._move(offer, "accept", me, _ASSIGNED):
            self._stage.taken(offer.order_id)
            await self._bring(offer, script)

    async def _bring(self, delivery: Delivery, script: Script) -> None:
        if delivery.pick_up is not None and delivery.pick_up.location is not None:
            way = metres(self._at, delivery.pick_up.location)
            await self._ride(delivery.pick_up, way_min(way, self._vehicle))
        await self._stage.until(delivery.order_id, _can_be_fetched)
        if await self._fetch(delivery):
            await self._ride(delivery.drop_off, script.courier.ride_min)
            await self._move(delivery, "drop-off", DropOff(self._id, self._at), _DELIVERED)

    async def _fetch(self, delivery: Delivery) -> bool:
        """Take the food; deliveries may hear later than we that it is ready."""
        for tries in count(1):
            if await self._move(delivery, "pick-up", ByCourier(self._id), _PICKED_UP):
                return True
            if self._stage.orders[delivery.order_id].has_ended:
                return False
            await asyncio.sleep(self._clock.glance_s * min(tries, _SLOWEST))
        raise AssertionError("counting never ends")

    async def _ride(self, place: Place | None, minutes: float) -> None:
        start, end = self._at, (place.location if place else None) or self._at
        for part in (0.5, 1.0):
            await self._clock.sleep(minutes / 2)
            await self._stand_at(between(start, end, part))

    async def _stand_at(self, location: Location) -> None:
        self._at = location
        try:
            path = f"/couriers/{self._id}/location"
            await self._api.send("say a position", "POST", path, Position(location))
        except (Failed, Refused):
            return  # the next one is as good

    async def _move(
        self, delivery: Delivery, move: str, body: Struct, reached: frozenset[DeliveryStatus]
    ) -> bool:
        async def act() -> None:
            path = f"/deliveries/{delivery.id}/{move}"
            await self._api.ask(f"{move} a delivery", Delivery, "POST", path, body)

        async def is_done() -> bool:
            path = f"/deliveries?orderId={delivery.order_id}"
            found = await self._api.ask("look at a delivery", list[Delivery], "GET", path)
            return any(each.courier_id == self._id and each.status in reached for each in found)

        return await self._stage.once(act, is_done)


def _can_be_fetched(order: Glimpse) -> bool:
    return order.status in _FOOD_IS_THERE
