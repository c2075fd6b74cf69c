"""Who takes part in a delivery, for tests: each speaks to the platform as its own app would."""

from dataclasses import dataclass
from typing import Any

from support.platform import Answer, Platform, until

KITCHEN = {"address": "Mannerheimintie 1, Helsinki", "location": {"lat": 60.1686, "lon": 24.9421}}
HOME = {"address": "Kaivokatu 10, Helsinki", "location": {"lat": 60.1708, "lon": 24.9449}}
MENU = {
    "sections": [
        {
            "name": "Soups",
            "dishes": [
                {
                    "name": "Pho",
                    "price": "12.50",
                    "optionGroups": [
                        {
                            "name": "Size",
                            "min": 1,
                            "max": 1,
                            "options": [
                                {"name": "Small"},
                                {"name": "Large", "priceDelta": "2.00"},
                            ],
                        }
                    ],
                },
                {"name": "Laksa", "price": 11},
            ],
        }
    ]
}


@dataclass(frozen=True)
class Restaurant:
    """A restaurant with a menu, and its kitchen."""

    platform: Platform
    id: int
    dishes: dict[str, int]

    @classmethod
    async def opened(cls, platform: Platform, **changes: object) -> "Restaurant":
        """Open one; changes are about the dish Laksa."""
        body = {"name": "Pho Saigon", "cuisine": "Vietnamese", "place": KITCHEN}
        restaurant_id = (await platform.post("/restaurants", body)).body["id"]
        put = await platform.ask("PUT", f"/restaurants/{restaurant_id}/menu", MENU)
        assert put.status == 200, put
        dishes = {each["name"]: each["id"] for each in put.body["sections"][0]["dishes"]}
        restaurant = cls(platform, restaurant_id, dishes)
        if changes:
            path = f"/restaurants/{restaurant_id}/dishes/{dishes['Laksa']}"
            changed = await platform.ask("PATCH", path, changes)
            assert changed.status == 200, changed
        return restaurant

    async def quote(self, *items: dict[str, Any]) -> Answer:
        """Ask what a basket costs, brought home."""
        body = {"items": items, "deliverTo": HOME["location"]}
        return await self.platform.post(f"/restaurants/{self.id}/quote", body)

    def an_order(self, **changes: object) -> dict[str, object]:
        """One Laksa, brought home, at whatever it costs."""
        return {
            "userId": self.platform.user_id,
            "restaurantId": self.id,
            "items": [{"qty": 1, "name": "Laksa"}],
            "deliverTo": HOME,
            **changes,
        }

    async def order(self, **changes: object) -> int:
        """Place an order that is fine; its id."""
        placed = await self.platform.post("/orders", self.an_order(**changes))
        assert placed.status == 201, placed
        return int(placed.body["id"])

    async def ticket(self, order_id: int) -> dict[str, Any]:
        """The ticket of an order, once there is one."""
        found: list[dict[str, Any]] = []

        async def arrived() -> bool:
            tickets = await self.platform.get(f"/kitchen/restaurants/{self.id}/tickets")
            found[:] = [each for each in tickets.body if each["orderId"] == order_id]
            return bool(found)

        await until(arrived, within_s=15, what=f"a ticket for order {order_id}")
        return found[0]

    async def does(self, order_id: int, what: str, body: object = None) -> Answer:
        """Accept, reject, delay or finish an order."""
        ticket = await self.ticket(order_id)
        return await self.platform.post(f"/kitchen/tickets/{ticket['id']}/{what}", body or {})

    async def accepts(self, order_id: int) -> None:
        """Accept an order, and see it accepted."""
        accepted = await self.does(order_id, "accept", {"prepMinutes": 1})
        assert accepted.status == 200, accepted
        await self.platform.until_status(order_id, "accepted")

    async def finishes(self, order_id: int) -> None:
        """Say that the food waits, and see it ready."""
        ready = await self.does(order_id, "ready")
        assert ready.status == 200, ready
        await self.platform.until_status(order_id, "ready")


@dataclass(frozen=True)
class Courier:
    """A courier, on shift beside the restaurant."""

    platform: Platform
    id: int

    @classmethod
    async def on_shift(cls, platform: Platform) -> "Courier":
        """Join and come online."""
        joined = await platform.post("/couriers", {"name": "Linh", "vehicle": "bicycle"})
        assert joined.status == 201, joined
        courier = cls(platform, joined.body["id"])
        await courier.is_online(online=True)
        return courier

    async def is_online(self, *, online: bool) -> None:
        """Begin or end the shift."""
        body = {"online": online, "location": KITCHEN["location"]}
        answer = await self.platform.ask("PUT", f"/couriers/{self.id}/shift", body)
        assert answer.status == 200, answer

    async def offer(self, order_id: int) -> int:
        """The delivery of an order, once it is offered to this courier, who declines all others."""
        found: list[int] = []

        async def offered() -> bool:
            for each in (await self.platform.get(f"/couriers/{self.id}/offers")).body:
                if each["orderId"] == order_id:
                    found.append(each["id"])
                else:
                    await self.does(each["id"], "decline")
            return bool(found)

        await until(offered, within_s=20, what=f"order {order_id} to be offered")
        return found[0]

    async def does(self, delivery_id: int, what: str) -> Answer:
        """Accept, decline, pick up or drop off."""
        path = f"/deliveries/{delivery_id}/{what}"
        return await self.platform.post(path, {"courierId": self.id})

    async def brings(self, order_id: int) -> None:
        """Bring an order whose food waits, from the offer to the door."""
        delivery_id = await self.offer(order_id)
        for step in ("accept", "pick-up"):
            assert (await self.does(delivery_id, step)).status == 200, step
        at_the_door = {"courierId": self.id, "location": HOME["location"]}
        done = await self.platform.post(f"/deliveries/{delivery_id}/drop-off", at_the_door)
        assert done.status == 200, done
        await self.platform.until_status(order_id, "delivered")


async def delivered(platform: Platform) -> tuple[int, str]:
    """An order that has gone all its way; and the correlation id of its placing."""
    restaurant, courier = await Restaurant.opened(platform), await Courier.on_shift(platform)
    placed = await platform.post("/orders", restaurant.an_order())
    order_id = int(placed.body["id"])
    await platform.until_status(order_id, "paid")
    await restaurant.accepts(order_id)
    await restaurant.finishes(order_id)
    await courier.brings(order_id)
    await courier.is_online(online=False)
    await platform.until_told(order_id, "delivered")
    return order_id, placed.headers["X-Correlation-ID"]
