"""Deliveries on its own tables, on a map without streets, with facts heard as from the bus."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from functools import partial

import pytest

from ordereats.chassis.background import Background
from ordereats.chassis.clock import SystemClock
from ordereats.chassis.coalescing import Coalescer
from ordereats.chassis.db.pool import Database, Row
from ordereats.chassis.http.idempotency import Answers
from ordereats.chassis.messaging.inbox import Inbox
from ordereats.chassis.messaging.outbox import Outbox
from ordereats.contracts import deliveries as contract
from ordereats.contracts.deliveries import Courier, JoinAsCourier, Shift, Vehicle
from ordereats.contracts.events import Event
from ordereats.contracts.ids import CourierId, DeliveryId, OrderId, RestaurantId, TicketId, UserId
from ordereats.contracts.kitchen import TicketDelayed
from ordereats.contracts.money import Money
from ordereats.contracts.orders import CancelledBy, OrderAccepted, OrderCancelled, OrderReady
from ordereats.contracts.places import Location, Place
from ordereats.services.deliveries.clients import StraightLine
from ordereats.services.deliveries.handlers import subscriptions
from ordereats.services.deliveries.use_cases import couriers, deliveries, search
from ordereats.services.deliveries.use_cases.deps import Deps
from support.builders import a_message, nothing

Tables = Callable[..., AbstractAsyncContextManager[Database]]

RESTAURANT = Location(60.1700, 24.9400)
CUSTOMER = Location(60.1750, 24.9450)


def north_of(place: Location, metres: float) -> Location:
    return Location(place.lat + metres / 111_195, place.lon)


class City:
    """Deliveries, at work."""

    def __init__(self, deps: Deps) -> None:
        self.deps = deps
        self._inbox = Inbox(deps.database, subscriptions(deps))

    async def hear(self, fact: Event, *, correlation_id: str = "walk-1") -> None:
        family = "ticket" if isinstance(fact, TicketDelayed) else "order"
        message = a_message(fact, correlation_id=correlation_id)
        await self._inbox.handler(f"deliveries.{family}")(message, 1)

    async def accepted(
        self,
        order_id: int = 1,
        *,
        ready_in_s: float = 0,
        pick_up: Location | None = RESTAURANT,
        drop_off: Location | None = CUSTOMER,
    ) -> None:
        """A kitchen has accepted an order."""
        fact = OrderAccepted(
            order_id=OrderId(order_id),
            user_id=UserId(7),
            restaurant_id=RestaurantId(3),
            total=Money(2500),
            ready_at=SystemClock().now() + timedelta(seconds=ready_in_s),
            pick_up=Place("Kalevankatu 2, Helsinki", pick_up),
            drop_off=Place("Fabianinkatu 9, Helsinki", drop_off),
        )
        await self.hear(fact, correlation_id=f"walk-{order_id}")

    async def ready(self, order_id: int = 1) -> None:
        await self.hear(OrderReady(OrderId(order_id), UserId(7), RestaurantId(3)))

    async def cancelled(self, order_id: int = 1) -> None:
        await self.hear(
            OrderCancelled(OrderId(order_id), UserId(7), RestaurantId(3), CancelledBy.OPERATOR)
        )

    async def delayed(self, order_id: int = 1, *, ready_in_s: float) -> None:
        ready_at = SystemClock().now() + timedelta(seconds=ready_in_s)
        await self.hear(
            TicketDelayed(TicketId(1), OrderId(order_id), RestaurantId(3), ready_at=ready_at)
        )

    async def courier(
        self,
        at: Location | None = RESTAURANT,
        *,
        vehicle: Vehicle = Vehicle.BICYCLE,
    ) -> CourierId:
        """Someone who joins and, with a location, comes online."""
        courier = await couriers.join(self.deps, JoinAsCourier("Aino", vehicle))
        if at is not None:
            await self.shift(courier.id, online=True, at=at)
        return courier.id

    async def shift(
        self, courier_id: CourierId, *, online: bool, at: Location | None = None
    ) -> Courier:
        return await couriers.set_shift(self.deps, courier_id, Shift(online, at))

    async def offer(self) -> bool:
        return await search.offer(self.deps)

    async def sweep(self) -> bool:
        return await search.end_overdue(self.deps)

    async def offered(self, order_id: int = 1) -> contract.Delivery:
        """Offer what waits, and look at one of it."""
        await self.offer()
        return await self.delivery(order_id)

    async def assigned(self, order_id: int = 1) -> tuple[DeliveryId, CourierId]:
        """An order whose food waits and whose courier stands beside it."""
        await self.accepted(order_id)
        await self.ready(order_id)
        courier_id = await self.courier()
        delivery = await self.offered(order_id)
        await deliveries.accept(self.deps, delivery.id, courier_id)
        return delivery.id, courier_id

    async def delivery(self, order_id: int = 1) -> contract.Delivery:
        (found,) = await deliveries.of_order(self.deps, OrderId(order_id))
        return found

    async def let_offers_lapse(self) -> None:
        await self.deps.database.execute(
            "update deliveries set offered_until = now() - interval '1 second'"
            " where status = 'offered'"
        )

    async def let_searches_be_over(self) -> None:
        await self.deps.database.execute("update deliveries set find_by = now()")

    async def facts(self) -> list[Row]:
        return await self.deps.database.fetch("select * from outbox order by position")

    async def told(self) -> list[str]:
        """The short names of the facts so far."""
        return [row["type"].split(".")[2] for row in await self.facts()]


@pytest.fixture
async def city(tables: Tables) -> AsyncIterator[City]:
    async with tables("deliveries") as database, Background.open() as background:
        yield City(
            Deps(
                database=database,
                outbox=Outbox("deliveries", SystemClock(), nothing),
                answers=Answers(database),
                clock=SystemClock(),
                routes=StraightLine(),
                positions=Coalescer(
                    partial(couriers.keep_positions, database),
                    background,
                    name="positions",
                    is_change=True,
                ),
                wake_offers=nothing,
                offer_for=timedelta(seconds=45),
                find_within=timedelta(minutes=20),
            )
        )
