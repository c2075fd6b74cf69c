"""Kitchens: they answer what is ordered, cook it, and sometimes can't or need longer."""

import asyncio
from typing import NoReturn

from msgspec import Struct

from ordereats.contracts.ids import DishId, OrderId, RestaurantId, TicketId
from ordereats.contracts.kitchen import (
    AcceptTicket,
    DelayTicket,
    RejectTicket,
    Ticket,
    TicketStatus,
)
from ordereats.contracts.menus import ChangeDish
from ordereats.contracts.orders import OrderStatus
from ordereats.topology.city.client import Failed, Refused
from ordereats.topology.city.simulation.plan import KitchenScript, Script
from ordereats.topology.city.simulation.stage import Glimpse, Stage

FRESH_AFTER_MIN = 20.0
"""Until a kitchen has made more of a dish that was sold out."""

_ACCEPTED = frozenset({TicketStatus.ACCEPTED, TicketStatus.READY, TicketStatus.HANDED_OVER})
_READY = frozenset({TicketStatus.READY, TicketStatus.HANDED_OVER})
_REJECTED = frozenset({TicketStatus.REJECTED})


class Kitchen:
    """One restaurant's. It looks at its tickets while an order of the simulation waits for it."""

    def __init__(self, stage: Stage, number: int) -> None:
        self._stage = stage
        self._api = stage.api
        self._clock = stage.clock
        self._number = number
        self._restaurant_id: RestaurantId = stage.settled.restaurants[number]
        self._unanswered: set[OrderId] = set()
        self._rings = asyncio.Event()
        stage.listeners.append(self._hear)

    async def work(self) -> NoReturn:
        """Cook, until cancelled."""
        async with asyncio.TaskGroup() as cooks:
            while True:
                await self._rings.wait()
                for ticket in await self._new_tickets():
                    if ticket.order_id in self._unanswered:
                        self._unanswered.discard(ticket.order_id)
                        script = self._stage.scripts[ticket.order_id].kitchen
                        cooks.create_task(self._cook(ticket, script))
                if not self._unanswered:
                    self._rings.clear()
                await asyncio.sleep(self._clock.glance_s)

    def _hear(self, order: Glimpse, script: Script) -> None:
        if script.kitchen.restaurant != self._number:
            return
        if order.status is OrderStatus.PAID:
            self._unanswered.add(order.id)
            self._rings.set()
        else:
            self._unanswered.discard(order.id)

    async def _new_tickets(self) -> list[Ticket]:
        path = f"/kitchen/restaurants/{self._restaurant_id}/tickets?status=new&limit=500"
        try:
            return await self._api.ask("look at tickets", list[Ticket], "GET", path)
        except (Failed, Refused):
            return []  # it is counted; the next look is soon

    async def _cook(self, ticket: Ticket, script: KitchenScript) -> None:
        await self._clock.sleep(script.answers_after_min)
        if script.rejects:
            await self._reject(ticket)
            return
        takes = AcceptTicket(self._clock.platform_minutes(script.prep_min))
        if not await self._move(ticket.id, "accept", takes, _ACCEPTED):
            return
        await self._clock.sleep(script.prep_min / 2)
        if script.delayed_by_min is not None:
            await self._delay(ticket.id, script.delayed_by_min)
        await self._clock.sleep(script.prep_min / 2 + (script.delayed_by_min or 0))
        await self._move(ticket.id, "ready", None, _READY)

    async def _delay(self, ticket_id: TicketId, minutes: float) -> None:
        longer = DelayTicket(self._clock.platform_minutes(minutes))
        path = f"/kitchen/tickets/{ticket_id}/delay"
        try:
            await self._api.ask("delay a ticket", Ticket, "POST", path, longer)
        except (Failed, Refused):
            return  # then nobody was told; said twice it would be twice as long

    async def _reject(self, ticket: Ticket) -> None:
        first = ticket.items[0].dish_id if ticket.items else None
        sold_out = () if first is None else (first,)
        why = RejectTicket("Sold out, sorry.", sold_out)
        if await self._move(ticket.id, "reject", why, _REJECTED) and first is not None:
            await self._clock.sleep(FRESH_AFTER_MIN)
            await self._offer_again(first)

    async def _offer_again(self, dish_id: DishId) -> None:
        path = f"/restaurants/{self._restaurant_id}/dishes/{dish_id}"
        try:
            await self._api.send("offer a dish again", "PATCH", path, ChangeDish(sold_out=False))
        except (Failed, Refused):
            return  # it stays sold out

    async def _move(
        self, ticket_id: TicketId, move: str, body: Struct | None, reached: frozenset[TicketStatus]
    ) -> bool:
        path = f"/kitchen/tickets/{ticket_id}"

        async def act() -> None:
            await self._api.ask(f"{move} a ticket", Ticket, "POST", f"{path}/{move}", body)

        async def is_done() -> bool:
            ticket = await self._api.ask("look at a ticket", Ticket, "GET", path)
            return ticket.status in reached

        return await self._stage.once(act, is_done)
