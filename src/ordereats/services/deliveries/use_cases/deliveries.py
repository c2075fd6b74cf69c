"""What happens to a delivery: what its order, its kitchen and its courier say of it."""

from datetime import datetime, timedelta
from functools import partial

import msgspec

from ordereats.chassis import context
from ordereats.chassis.db.pool import Database, Transaction
from ordereats.chassis.errors import NotFound, TooEarly
from ordereats.chassis.story import Fact, facts_of
from ordereats.contracts import deliveries as contract
from ordereats.contracts.deliveries import Courier, DropOff, Vehicle
from ordereats.contracts.events import Event
from ordereats.contracts.ids import CourierId, DeliveryId, OrderId
from ordereats.contracts.kitchen import TicketDelayed
from ordereats.contracts.orders import OrderAccepted, OrderCancelled
from ordereats.contracts.places import Location
from ordereats.services.deliveries.domain import delivery as rules
from ordereats.services.deliveries.domain.delivery import Delivery
from ordereats.services.deliveries.domain.times import Times, crow_m, expected, way_s
from ordereats.services.deliveries.domain.view import shown
from ordereats.services.deliveries.store import couriers, deliveries, stories
from ordereats.services.deliveries.use_cases import couriers as courier_cases
from ordereats.services.deliveries.use_cases.deps import Deps, estimated_from, located, way_m

POSITION_COUNTS_FOR = timedelta(minutes=2)
"""An older one says nothing of where a courier stands now."""


async def story(database: Database, order_id: OrderId) -> list[Fact]:
    """What became of an order's delivery, for operators."""
    return facts_of(await stories.of_order(database, order_id), "deliveries")


async def request(deps: Deps, tx: Transaction, accepted: OrderAccepted) -> None:
    """Look for somebody to bring an order. Heard again, it changes nothing."""
    at = context.current()
    ends = located(accepted.pick_up), located(accepted.drop_off)
    requested = rules.request(
        accepted,
        delivery_id=await deliveries.next_id(tx),
        now=await deliveries.now(tx),
        find_within=deps.find_within,
        way_m=way_m(deps.routes, *ends),
        estimated_from=estimated_from(deps.routes, *ends),
    )
    noted = msgspec.structs.replace(
        requested, correlation_id=at.correlation_id, traceparent=at.traceparent
    )
    await deliveries.insert(tx, noted)
    tx.after_commit(deps.wake_offers)


async def food_is_ready(deps: Deps, tx: Transaction, order_id: OrderId) -> None:
    """The food of an order waits to be fetched.

    Raises:
        TooEarly: it was not heard yet that the order was accepted.
    """
    delivery = await _of_order(tx, order_id)
    await deliveries.save(tx, rules.food_is_ready(delivery, now=await deliveries.now(tx)))
    tx.after_commit(deps.wake_offers)


async def delay(deps: Deps, tx: Transaction, delayed: TicketDelayed) -> None:
    """The kitchen needs longer.

    Raises:
        TooEarly: it was heard neither that the order was accepted nor that it was cancelled. One of
            them comes: the kitchen has accepted it.
    """
    delivery = await _of_order(tx, delayed.order_id)
    now = await deliveries.now(tx)
    moved = rules.delay(delivery, ready_at=delayed.ready_at, now=now, find_within=deps.find_within)
    await deliveries.save(tx, moved)


async def cancel(deps: Deps, tx: Transaction, cancelled: OrderCancelled) -> None:
    """An order has ended: nobody needs to bring it, now or later."""
    at = context.current()
    never = msgspec.structs.replace(
        rules.never(
            cancelled, delivery_id=await deliveries.next_id(tx), now=await deliveries.now(tx)
        ),
        correlation_id=at.correlation_id,
        traceparent=at.traceparent,
    )
    if await deliveries.insert(tx, never):
        return
    delivery = await _of_order(tx, cancelled.order_id)
    if not delivery.is_over:
        await deliveries.save(tx, rules.cancel(delivery))
        tx.after_commit(deps.wake_offers)


async def get(deps: Deps, delivery_id: DeliveryId) -> contract.Delivery:
    """Find a delivery.

    Raises:
        NotFound: none has this id.
    """
    found = await deliveries.find(deps.database, delivery_id)
    if found is None:
        raise _unknown(delivery_id)
    return shown(*found)


async def of_order(deps: Deps, order_id: OrderId) -> list[contract.Delivery]:
    """The delivery of an order, or none yet."""
    return [shown(*each) for each in await deliveries.of_order(deps.database, order_id)]


async def offered_to(deps: Deps, courier_id: CourierId) -> list[contract.Delivery]:
    """What a courier is asked to bring now: one, or none.

    Raises:
        NotFound: nobody has this id.
    """
    await courier_cases.get(deps, courier_id)
    return [shown(*each) for each in await deliveries.offered_to(deps.database, courier_id)]


async def accept(deps: Deps, delivery_id: DeliveryId, courier_id: CourierId) -> contract.Delivery:
    """A courier says yes.

    Raises:
        NotFound: no delivery has this id.
        IllegalMove, NotYours, OfferLapsed: see `rules.accept`.
    """
    async with deps.database.transaction() as tx:
        await couriers.answered(tx, courier_id)
        delivery, courier, now = await _begin(tx, delivery_id, courier_id)
        times = _times(deps, delivery, courier, now=now)
        accepted, fact = rules.accept(delivery, courier_id, now=now, times=times)
        await _save(deps, tx, accepted, fact)
        tx.after_commit(partial(deps.figures.offers.note, "accepted"))
    return _shown(accepted, courier)


async def decline(deps: Deps, delivery_id: DeliveryId, courier_id: CourierId) -> contract.Delivery:
    """A courier says no, and is not asked again.

    Raises:
        NotFound: no delivery has this id.
        IllegalMove, NotYours, OfferLapsed: see `rules.decline`.
    """
    async with deps.database.transaction() as tx:
        await couriers.answered(tx, courier_id)
        delivery, _, now = await _begin(tx, delivery_id, courier_id)
        declined = rules.decline(delivery, courier_id, now=now)
        await deliveries.refuse(tx, delivery_id, courier_id, declined=True)
        await deliveries.save(tx, declined)
        tx.after_commit(partial(deps.figures.offers.note, "declined"))
        tx.after_commit(deps.wake_offers)
    return shown(declined, None)


async def pick_up(deps: Deps, delivery_id: DeliveryId, courier_id: CourierId) -> contract.Delivery:
    """A courier takes the food.

    Raises:
        NotFound: no delivery has this id.
        IllegalMove, NotYours, NotReady: see `rules.pick_up`.
    """
    async with deps.database.transaction() as tx:
        delivery, courier, now = await _begin(tx, delivery_id, courier_id)
        times = expected(
            now=now, ready_at=None, approach_s=None, carry_s=_carry_s(delivery, courier)
        )
        taken, fact = rules.pick_up(delivery, courier_id, now=now, times=times)
        await _save(deps, tx, taken, fact)
    return _shown(taken, courier)


async def drop_off(deps: Deps, delivery_id: DeliveryId, drop: DropOff) -> contract.Delivery:
    """The customer has it.

    Raises:
        NotFound: no delivery has this id.
        IllegalMove, NotYours, TooFar: see `rules.drop_off`.
    """
    async with deps.database.transaction() as tx:
        if drop.location is not None:
            await courier_cases.note(tx, drop.courier_id, drop.location)
        delivery, courier, now = await _begin(tx, delivery_id, drop.courier_id)
        stands_at = drop.location or _recent(courier, now=now)
        address = located(delivery.drop_off)
        away_m = crow_m(stands_at, address) if stands_at and address else None
        delivered, fact = rules.drop_off(delivery, drop.courier_id, now=now, away_m=away_m)
        await _save(deps, tx, delivered, fact)
        tx.after_commit(deps.wake_offers)
    return shown(delivered, None)


async def _begin(
    tx: Transaction, delivery_id: DeliveryId, courier_id: CourierId
) -> tuple[Delivery, Courier | None, datetime]:
    """Hold the delivery; who speaks, if they are anybody; and the database's time."""
    delivery = await deliveries.lock(tx, delivery_id)
    if delivery is None:
        raise _unknown(delivery_id)
    return delivery, await couriers.courier(tx, courier_id), await deliveries.now(tx)


async def _of_order(tx: Transaction, order_id: OrderId) -> Delivery:
    delivery = await deliveries.lock_of_order(tx, order_id)
    if delivery is None:
        raise TooEarly(f"There is no delivery of order {order_id} yet.")
    return delivery


async def _save(deps: Deps, tx: Transaction, delivery: Delivery, fact: Event) -> None:
    await deliveries.save(tx, delivery)
    await deps.outbox.add(tx, fact, subject=f"delivery/{delivery.id}", version=delivery.version)


def _times(deps: Deps, delivery: Delivery, courier: Courier | None, *, now: datetime) -> Times:
    vehicle = courier.vehicle if courier else Vehicle.BICYCLE
    position = courier.location if courier else None
    approach_m = way_m(deps.routes, located(delivery.pick_up), position)
    return expected(
        now=now,
        ready_at=None if delivery.is_ready else delivery.ready_at,
        approach_s=way_s(approach_m, vehicle),
        carry_s=_carry_s(delivery, courier),
    )


def _carry_s(delivery: Delivery, courier: Courier | None) -> float:
    return way_s(delivery.way_m, courier.vehicle if courier else Vehicle.BICYCLE)


def _recent(courier: Courier | None, *, now: datetime) -> Location | None:
    if courier is None or courier.seen_at is None or now - courier.seen_at > POSITION_COUNTS_FOR:
        return None
    return courier.location


def _shown(delivery: Delivery, courier: Courier | None) -> contract.Delivery:
    return shown(delivery, courier.location if courier else None)


def _unknown(delivery_id: DeliveryId) -> NotFound:
    return NotFound(f"There is no delivery {delivery_id}.")
