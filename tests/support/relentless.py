"""People who never give up: they order, cook and deliver on a platform that dies all the time."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count, cycle
from typing import Any

import aiohttp

from ordereats.services.orders.domain import MOVES
from support.cast import HOME, KITCHEN, Courier, Restaurant
from support.platform import Answer, Platform

ENDS = frozenset(str(status) for status, following in MOVES.items() if not following)
COURIERS = 6
LOOK_EVERY_S = 0.3
"""A kitchen and couriers."""
ASK_EVERY_S = 1.0
"""Customers: there are many of them, and what they see is not what drives an order."""
UNTIL_S = {"void": "paid", "refund": "accepted"}
"""When an order of that kind is cancelled."""
STEPS = {"offered": "accept", "assigned": "pick-up", "picked_up": "drop-off"}
KINDS = ("deliver", "void", "deliver", "refund")


@dataclass(slots=True)
class Crowd:
    """Those who take part.

    Attributes:
        kinds: what becomes of an order, by its id.
        states: the last that was heard of each order.
    """

    platform: Platform
    restaurant: Restaurant
    couriers: Sequence[Courier]
    kinds: dict[int, str] = field(default_factory=dict)
    states: dict[int, str] = field(default_factory=dict)
    _numbers: "count[int]" = field(default_factory=count)

    @classmethod
    @asynccontextmanager
    async def at_work(cls, platform: Platform) -> AsyncIterator["Crowd"]:
        """Let a kitchen cook and couriers ride for the length of a block."""
        restaurant = await Restaurant.opened(platform)
        couriers = [await Courier.on_shift(platform) for _ in range(COURIERS)]
        crowd = cls(platform, restaurant, couriers)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(crowd._cook())]
            tasks += [group.create_task(crowd._ride(each)) for each in couriers]
            yield crowd
            for each in tasks:
                each.cancel()

    async def order(self, kind: str) -> None:
        """Place one order, and see it end."""
        key = {"Idempotency-Key": f"crowd-{next(self._numbers)}"}
        order = None
        while order is None:
            order = await self._ask("POST", "/orders", self.restaurant.an_order(), key)
            await asyncio.sleep(ASK_EVERY_S)
        order_id = int(order["id"])
        self.kinds[order_id] = kind
        state = ""
        while state not in ENDS:
            await asyncio.sleep(ASK_EVERY_S)
            seen = await self._ask("GET", f"/orders/{order_id}")
            state = self.states[order_id] = seen["status"] if seen else state
            if state == UNTIL_S.get(kind):
                await self._ask("POST", f"/orders/{order_id}/cancel", {"by": "operator"})

    async def keep_ordering(self, at_once: int, stop: asyncio.Event) -> None:
        """Have so many orders under way until told to stop; then see the last of them end."""
        kinds = cycle(KINDS)

        async def one_after_the_other() -> None:
            while not stop.is_set():
                await self.order(next(kinds))

        async with asyncio.TaskGroup() as group:
            for _ in range(at_once):
                group.create_task(one_after_the_other())

    async def _cook(self) -> None:
        path = f"/kitchen/restaurants/{self.restaurant.id}/tickets"
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            for ticket in await self._ask("GET", f"{path}?limit=500") or ():
                kind, status = self.kinds.get(ticket["orderId"], "void"), ticket["status"]
                if status == "new" and kind != "void":
                    body = {"prepMinutes": 1}
                    await self._ask("POST", f"/kitchen/tickets/{ticket['id']}/accept", body)
                elif status == "accepted" and kind == "deliver":
                    await self._ask("POST", f"/kitchen/tickets/{ticket['id']}/ready", {})

    async def _ride(self, courier: Courier) -> None:
        mine: set[int] = set()
        shift = {"online": True, "location": KITCHEN["location"]}
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            await self._ask("PUT", f"/couriers/{courier.id}/shift", shift)
            offers = await self._ask("GET", f"/couriers/{courier.id}/offers") or ()
            mine |= {each["orderId"] for each in offers}
            for order_id in list(mine):
                if not await self._bring(courier.id, order_id):
                    mine.remove(order_id)

    async def _bring(self, courier_id: int, order_id: int) -> bool:
        """Do the next step. Returns whether there may be one more."""
        found = await self._ask("GET", f"/deliveries?orderId={order_id}")
        if not found:
            return True
        step = STEPS.get(found[0]["status"])
        if step is None or found[0]["courierId"] != courier_id:
            return False
        body: dict[str, Any] = {"courierId": courier_id}
        if step == "drop-off":
            body |= {"location": HOME["location"]}
        await self._ask("POST", f"/deliveries/{found[0]['id']}/{step}", body)
        return True

    async def _ask(
        self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None
    ) -> Any:
        """The answer's body; None where there is none, or a refusal: then things are looked at."""
        try:
            answer: Answer = await self.platform.ask(method, path, body, headers=headers)
        except (OSError, aiohttp.ClientError, TimeoutError):
            return None
        return answer.body if answer.status in {200, 201} else None
