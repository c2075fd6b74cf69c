"""The platform's public API, small: in memory, moves at once, can be told to misbehave."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from itertools import count
from typing import Any, Self

from aiohttp import web
from aiohttp.test_utils import TestServer

from ordereats.chassis.clock import SystemClock

Document = dict[str, Any]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

PRICE = Decimal("25.00")


class SmallPlatform:
    """One in this process.

    Attributes:
        asked: requests by method and first part of the path.
        refuse_next: answers so many requests with 503, and does nothing.
        lose_next: does what so many POSTs ask, and then breaks the connection.
        trouble_every: of so many requests one is refused and one is lost; 0: none.
        broken: answers these requests, `POST /orders`, with 500.
        refuses_first_with: the code by which the first try to order is refused.
        sold_out: names of dishes that no menu has any more.
        captures: what is taken for each order.
        deaf_kitchen: accepts nothing, so that no order of it ever ends.
        baskets: what was asked of `POST /orders`, without repetitions.
    """

    def __init__(self) -> None:
        self.url = ""
        self.asked: Counter[str] = Counter()
        self.refuse_next = 0
        self.lose_next = 0
        self.trouble_every = 0
        self.broken: set[str] = set()
        self.refuses_first_with = ""
        self.sold_out: set[str] = set()
        self.captures = str(PRICE)
        self.deaf_kitchen = False
        self.users: dict[int, Document] = {}
        self.restaurants: dict[int, Document] = {}
        self.couriers: dict[int, Document] = {}
        self.orders: dict[int, Document] = {}
        self.tickets: dict[int, Document] = {}
        self.deliveries: dict[int, Document] = {}
        self.payments: dict[int, Document] = {}
        self.baskets: list[Document] = []
        self._first_answers: dict[tuple[str, str], Document] = {}
        self._clock = SystemClock()
        self._numbers = count(1)

    @classmethod
    @asynccontextmanager
    async def up(cls) -> AsyncIterator[Self]:
        """Answer on a free port."""
        platform = cls()
        app = web.Application(middlewares=[platform._front])
        app.add_routes(platform._routes())
        async with TestServer(app) as server:
            platform.url = str(server.make_url("")).rstrip("/")
            yield platform

    def _routes(self) -> list[web.RouteDef]:
        return [
            web.get("/health", _fine),
            web.post("/users", self._creates(self._register)),
            web.post("/restaurants", self._creates(self._open)),
            web.get("/restaurants", self._list_restaurants),
            web.put("/restaurants/{id}/menu", self._write_menu),
            web.get("/restaurants/{id}/menu", self._read_menu),
            web.put("/restaurants/{id}/hours", _fine),
            web.patch("/restaurants/{id}/dishes/{dish}", _fine),
            web.post("/restaurants/{id}/quote", self._quote),
            web.post("/orders", self._creates(self._place)),
            web.get("/orders", self._list_orders),
            web.post("/orders/{id}/cancel", self._cancel),
            web.get("/kitchen/restaurants/{id}/tickets", self._list_tickets),
            web.get("/kitchen/tickets/{id}", self._get_ticket),
            web.post("/kitchen/tickets/{id}/{move}", self._move_ticket),
            web.post("/couriers", self._creates(self._join)),
            web.put("/couriers/{id}/shift", self._shift),
            web.post("/couriers/{id}/location", _fine),
            web.get("/couriers/{id}/offers", self._offers),
            web.get("/deliveries", self._list_deliveries),
            web.post("/deliveries/{id}/{move}", self._move_delivery),
            web.get("/payments", self._list_payments),
            web.post("/payments/{id}/refunds", self._creates(self._refund)),
        ]

    @web.middleware
    async def _front(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        what = f"{request.method} /{request.path.split('/')[1]}"
        self.asked[what] += 1
        if request.path == "/health":
            return await handler(request)
        if self.trouble_every:
            turn = sum(self.asked.values()) % self.trouble_every
            self.refuse_next = int(turn == 0)
            self.lose_next = int(turn == self.trouble_every // 2)
        if self.refuse_next:
            self.refuse_next -= 1
            return _problem(503, "unavailable")
        if what in self.broken:
            return _problem(500, "internal")
        answer = await handler(request)
        if request.method == "POST" and self.lose_next:
            self.lose_next -= 1
            assert request.transport is not None
            request.transport.abort()
        return answer

    def _creates(self, create: Callable[[web.Request, Document], Document | str]) -> Handler:
        async def once(request: web.Request) -> web.StreamResponse:
            key = (request.path, request.headers.get("Idempotency-Key", str(next(self._numbers))))
            if key in self._first_answers:
                again = {"Idempotency-Replayed": "true"}
                return web.json_response(self._first_answers[key], status=201, headers=again)
            made = create(request, await request.json())
            if isinstance(made, str):
                return _problem(409, made)
            self._first_answers[key] = made
            return web.json_response(made, status=201)

        return once

    def forget_keys(self) -> None:
        """A day passes."""
        self._first_answers.clear()

    def _new(self, store: dict[int, Document], **fields: Any) -> Document:
        number = len(store) + 1
        store[number] = {"id": number, "createdAt": self._now(), **fields}
        return store[number]

    def _now(self) -> str:
        return self._clock.now().isoformat()

    def _register(self, _request: web.Request, body: Document) -> Document | str:
        if any(user["email"] == body["email"] for user in self.users.values()):
            return "email_taken"
        return self._new(self.users, **body)

    def _open(self, _request: web.Request, body: Document) -> Document:
        return self._new(self.restaurants, **body)

    def _join(self, _request: web.Request, body: Document) -> Document:
        return self._new(self.couriers, **body, isOnline=False)

    async def _list_restaurants(self, _request: web.Request) -> web.Response:
        return web.json_response(list(self.restaurants.values()))

    async def _write_menu(self, request: web.Request) -> web.Response:
        menu = await request.json()
        dishes = [dish for section in menu["sections"] for dish in section["dishes"]]
        for number, dish in enumerate(dishes, start=1000 * _id(request)):
            dish |= {"id": number, "soldOut": False, "portionsLeft": None, "description": None}
        self.restaurants[_id(request)]["menu"] = menu
        return await self._read_menu(request)

    async def _read_menu(self, request: web.Request) -> web.Response:
        menu = self.restaurants[_id(request)]["menu"]
        for dish in [dish for section in menu["sections"] for dish in section["dishes"]]:
            dish["soldOut"] = dish["name"] in self.sold_out
        return web.json_response({"restaurantId": _id(request), "version": 1, **menu})

    async def _quote(self, request: web.Request) -> web.Response:
        amounts = dict.fromkeys(("deliveryFee", "serviceFee", "tip", "taxIncluded"), "0.00")
        return web.json_response(
            {
                "restaurantId": _id(request),
                "restaurantName": "",
                "lines": [],
                "subtotal": str(PRICE),
                "total": str(PRICE),
                **amounts,
            }
        )

    def _place(self, request: web.Request, body: Document) -> Document | str:
        if self.refuses_first_with and request.headers["Idempotency-Key"].endswith("first"):
            return self.refuses_first_with
        amounts = dict.fromkeys(("deliveryFee", "serviceFee", "tip", "taxIncluded"), "0.00")
        self.baskets.append(body)
        declined = "Declined" in body["paymentMethod"]
        order = self._new(
            self.orders,
            userId=body["userId"],
            restaurantId=body["restaurantId"],
            items=[],
            price={"subtotal": str(PRICE), **amounts},
            totalPrice=str(PRICE),
            status="pending",
            updatedAt=self._now(),
            version=1,
        )
        self._new(
            self.payments,
            orderId=order["id"],
            amount=str(PRICE),
            status="declined" if declined else "authorized",
            attempts=1,
            captured="0.00",
            refunded="0.00",
        )
        answer = dict(order)
        if declined:
            self._go(order, "declined")
        else:
            self._go(order, "paid")
            self._ticket(order, body["items"])
        return answer

    def _ticket(self, order: Document, items: list[Document]) -> None:
        self._new(
            self.tickets,
            orderId=order["id"],
            restaurantId=order["restaurantId"],
            status="new",
            items=[{"qty": 1, "name": "?", "dishId": items[0]["dishId"]}],
            acceptBy=self._now(),
            version=1,
        )

    def _go(self, order: Document, status: str) -> None:
        order |= {"status": status, "version": order["version"] + 1, "updatedAt": self._now()}
        payment = self.payments[order["id"]]
        if status == "accepted":
            payment |= {"status": "captured", "captured": self.captures}
        if status in {"rejected", "cancelled"}:
            payment["status"] = "voided"

    async def _list_orders(self, request: web.Request) -> web.Response:
        after, limit = int(request.query["after"]), int(request.query["limit"])
        page = [order for order in self.orders.values() if order["id"] > after][:limit]
        following = f"/orders?after={page[-1]['id']}&limit={limit}" if page else ""
        headers = {"Link": f'<{following}>; rel="next"'} if len(page) == limit else {}
        return web.json_response(page, headers=headers)

    async def _cancel(self, request: web.Request) -> web.Response:
        order = self.orders[_id(request)]
        if order["status"] != "paid":
            return _problem(409, "illegal_move")
        self.tickets[self._of(self.tickets, order["id"])]["status"] = "cancelled"
        self._go(order, "cancelled")
        return web.json_response(order)

    def _of(self, store: dict[int, Document], order_id: int) -> int:
        return next(number for number, each in store.items() if each["orderId"] == order_id)

    async def _list_tickets(self, request: web.Request) -> web.Response:
        return web.json_response(
            [
                ticket
                for ticket in self.tickets.values()
                if ticket["restaurantId"] == _id(request) and ticket["status"] == "new"
            ]
        )

    async def _get_ticket(self, request: web.Request) -> web.Response:
        return web.json_response(self.tickets[_id(request)])

    async def _move_ticket(self, request: web.Request) -> web.Response:
        ticket, move = self.tickets[_id(request)], request.match_info["move"]
        moves = {"accept": "new", "reject": "new", "ready": "accepted", "delay": "accepted"}
        if ticket["status"] != moves[move] or (move == "accept" and self.deaf_kitchen):
            return _problem(409, "illegal_move")
        order = self.orders[ticket["orderId"]]
        if move != "delay":
            ticket["status"] = {"accept": "accepted", "reject": "rejected"}.get(move, move)
            self._go(order, ticket["status"])
        if move == "accept":
            delivery = {"status": "searching", "readyAt": self._now(), "isReady": False}
            names = {"orderId": order["id"], "restaurantId": order["restaurantId"]}
            place = self.restaurants[order["restaurantId"]]["place"]
            self._new(self.deliveries, version=1, pickUp=place, dropOff=place, **names, **delivery)
        return web.json_response(ticket)

    async def _shift(self, request: web.Request) -> web.Response:
        self.couriers[_id(request)]["isOnline"] = (await request.json())["online"]
        return web.json_response(self.couriers[_id(request)])

    async def _offers(self, request: web.Request) -> web.Response:
        for delivery in self.deliveries.values():
            if delivery["status"] == "searching" and _id(request) != delivery.get("declinedBy"):
                delivery |= {"status": "offered", "courierId": _id(request)}
                return web.json_response([delivery])
        return web.json_response([])

    async def _list_deliveries(self, request: web.Request) -> web.Response:
        wanted = int(request.query["orderId"])
        return web.json_response(
            [delivery for delivery in self.deliveries.values() if delivery["orderId"] == wanted]
        )

    async def _move_delivery(self, request: web.Request) -> web.Response:
        delivery, move = self.deliveries[_id(request)], request.match_info["move"]
        order = self.orders[delivery["orderId"]]
        courier_id = (await request.json())["courierId"]
        moves = {
            "accept": ("offered", "assigned"),
            "decline": ("offered", "searching"),
            "pick-up": ("assigned", "picked_up"),
            "drop-off": ("picked_up", "delivered"),
        }
        before, after = moves[move]
        is_theirs = delivery.get("courierId") == courier_id
        too_soon = move == "pick-up" and order["status"] != "ready"
        if delivery["status"] != before or not is_theirs or too_soon:
            return _problem(409, "illegal_move")
        delivery["status"] = after
        if move == "decline":
            delivery |= {"courierId": None, "declinedBy": courier_id}
        if move in {"pick-up", "drop-off"}:
            self._go(order, after)
        return web.json_response(delivery)

    async def _list_payments(self, request: web.Request) -> web.Response:
        order_id = int(request.query["orderId"])
        return web.json_response([self.payments[order_id]] if order_id in self.payments else [])

    def _refund(self, request: web.Request, body: Document) -> Document | str:
        payment = self.payments[_id(request)]
        refunded = Decimal(payment["refunded"]) + Decimal(body["amount"])
        if refunded > Decimal(payment["captured"]):
            return "above_captured"
        payment["refunded"] = str(refunded)
        refund = {"paymentId": payment["id"], "status": "requested", "createdAt": self._now()}
        return {"id": next(self._numbers), **refund, **body}


async def _fine(_request: web.Request) -> web.Response:
    await asyncio.sleep(0)
    return web.json_response({"status": "ok"})


def _id(request: web.Request) -> int:
    return int(request.match_info["id"])


def _problem(status: int, code: str) -> web.Response:
    return web.json_response({"title": code, "status": status, "code": code}, status=status)
