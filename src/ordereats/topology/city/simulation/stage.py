"""What everyone in a simulation knows: which order follows which script, and where it is now.

One reader follows all orders, in pages; a request for each order would be most of the traffic.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable
from datetime import datetime
from decimal import Decimal
from time import monotonic

from ordereats.contracts.ids import OrderId
from ordereats.contracts.orders import Order, OrderStatus
from ordereats.contracts.wire import Answer, decode
from ordereats.topology.city.client import Api, Failed, Refused
from ordereats.topology.city.invented import City
from ordereats.topology.city.seeding import Settled
from ordereats.topology.city.simulation.clock import SimulatedClock
from ordereats.topology.city.simulation.plan import Script

ENDED = frozenset(
    {
        OrderStatus.DELIVERED,
        OrderStatus.DECLINED,
        OrderStatus.REJECTED,
        OrderStatus.EXPIRED,
        OrderStatus.CANCELLED,
    }
)
_NEEDS_COURIER = frozenset({OrderStatus.ACCEPTED, OrderStatus.READY})
PAGE = 500
NOTHING = Decimal("0.00")


class Glimpse(Answer, frozen=True):
    """What the stage remembers of an order."""

    id: OrderId
    status: OrderStatus
    version: int
    total_price: Decimal
    created_at: datetime
    updated_at: datetime

    @property
    def has_ended(self) -> bool:
        """Whether nothing more can become of it."""
        return self.status in ENDED


Listener = Callable[[Glimpse, Script], None]


class Stage:
    """The simulation's shared knowledge.

    Attributes:
        orders: all that were placed, as they were seen last.
        scripts: which of them follows which script.
        unplaced: why customers went away without an order, counted.
        lost: scripts of which nobody knows whether their order exists.
        asked_back: what the platform has agreed to give back of delivered orders.
        perhaps_back: what it may have agreed to, where no answer came.
        wanting: orders that still need a courier.
        listeners: are told of each move that is seen.
        moved_at_s: when some order was last seen to move, by the monotonic clock.
    """

    def __init__(self, api: Api, clock: SimulatedClock, city: City, settled: Settled) -> None:
        self.api = api
        self.clock = clock
        self.city = city
        self.settled = settled
        self.orders: dict[OrderId, Glimpse] = {}
        self.scripts: dict[OrderId, Script] = {}
        self.unplaced: Counter[str] = Counter()
        self.lost: list[Script] = []
        self.asked_back: defaultdict[OrderId, Decimal] = defaultdict(lambda: NOTHING)
        self.perhaps_back: defaultdict[OrderId, Decimal] = defaultdict(lambda: NOTHING)
        self.wanting: set[OrderId] = set()
        self.listeners: list[Listener] = []
        self.moved_at_s = monotonic()
        self._taken: set[OrderId] = set()
        self._open: set[OrderId] = set()
        self._moved: dict[OrderId, asyncio.Event] = {}

    def placed(self, order: Order, script: Script) -> None:
        """An order exists."""
        self.scripts[order.id] = script
        self._open.add(order.id)
        self._moved[order.id] = asyncio.Event()
        self._see(
            Glimpse(
                id=order.id,
                status=order.status,
                version=order.version,
                total_price=order.total_price,
                created_at=order.created_at,
                updated_at=order.updated_at,
            )
        )

    def taken(self, order_id: OrderId) -> None:
        """A courier brings it."""
        self._taken.add(order_id)
        self.wanting.discard(order_id)

    async def until(self, order_id: OrderId, reached: Callable[[Glimpse], bool]) -> Glimpse:
        """Wait for an order; for ever, if need be: whoever started the simulation has patience."""
        while not reached(self.orders[order_id]):
            moved = self._moved[order_id]
            await moved.wait()
        return self.orders[order_id]

    async def watch(self) -> None:
        """Follow all orders that have not ended, until cancelled."""
        while True:
            await asyncio.sleep(self.clock.glance_s)
            try:
                await self._look()
            except (Failed, Refused):
                continue  # it is counted; the next look is soon

    async def once(
        self, act: Callable[[], Awaitable[object]], is_done: Callable[[], Awaitable[bool]]
    ) -> bool:
        """Do what can be done only once, whatever becomes of the answers.

        After a lost answer a refusal may mean that it is done already: then the state says.

        Returns:
            Whether it is done; it is not if the platform refused it.
        """
        unsure = False
        while True:
            try:
                if unsure and await is_done():
                    return True
                await act()
            except Failed:
                unsure = True
                await asyncio.sleep(self.clock.glance_s)
            except Refused as refused:
                if not refused.maybe_done:
                    return False
                unsure = True
            else:
                return True

    async def _look(self) -> None:
        if not self._open:
            return
        last = max(self._open)
        path: str | None = f"/orders?after={min(self._open) - 1}&limit={PAGE}"
        while path is not None:
            reply = await self.api.send("follow the orders", "GET", path)
            page = decode(reply.body, list[Glimpse])
            for seen in page:
                if seen.id in self._open and seen.version > self.orders[seen.id].version:
                    self._see(seen)
            path = reply.following if page and page[-1].id < last else None

    def _see(self, seen: Glimpse) -> None:
        self.orders[seen.id] = seen
        self.moved_at_s = monotonic()
        if seen.has_ended:
            self._open.discard(seen.id)
        if seen.status in _NEEDS_COURIER and seen.id not in self._taken:
            self.wanting.add(seen.id)
        else:
            self.wanting.discard(seen.id)
        for listener in self.listeners:
            listener(seen, self.scripts[seen.id])
        # Those who wait for the next move wait for a new event.
        self._moved[seen.id].set()
        self._moved[seen.id] = asyncio.Event()
