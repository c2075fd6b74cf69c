"""The search for couriers: offers are made in batches, lapse, and are given up in time."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from functools import partial

import structlog

from ordereats.chassis import context
from ordereats.chassis.context import Context
from ordereats.chassis.db.pool import Transaction
from ordereats.chassis.messaging.bus import Message
from ordereats.contracts.events import Event
from ordereats.contracts.ids import DeliveryId
from ordereats.services.deliveries.domain import delivery as rules
from ordereats.services.deliveries.domain.assignment import (
    MOST_LAPSES,
    Candidate,
    Pair,
    assign,
    leaves_at,
)
from ordereats.services.deliveries.domain.delivery import Delivery
from ordereats.services.deliveries.domain.times import expected, way_s
from ordereats.services.deliveries.store import couriers, deliveries
from ordereats.services.deliveries.use_cases.deps import Deps, located

log = structlog.get_logger(__name__)

MOST_WAITING = 200
NEAREST = 20
"""A batch: so many orders, and of each so many of the couriers who are nearest to it. Measured: the
pairing of 200 orders with 20 couriers each takes 7 ms."""
MOST_OVERDUE = 50


async def offer(deps: Deps) -> bool:
    """Ask couriers, of all that wait and all who are free. Returns whether there may be more.

    One process at a time, so that a batch sees all there is; the others look again later.
    """
    async with deps.database.transaction() as tx:
        if not await deliveries.take_turn(tx):
            return False
        waiting = await deliveries.lock_waiting(tx, limit=MOST_WAITING)
        if not waiting:
            return False
        now = await deliveries.now(tx)
        candidates = await _candidates(deps, tx, waiting)
        pairs = await _still_there(tx, assign(candidates, now=now))
        facts = [await _offer(deps, tx, pair, now=now) for pair in pairs]
        await deps.outbox.add_all(tx, facts)
        tx.after_commit(partial(deps.figures.offers.note, "made", by=len(pairs)))
        await _look_again(tx, candidates, pairs, now=now)
    return bool(pairs) and len(waiting) == MOST_WAITING


async def end_overdue(deps: Deps) -> bool:
    """End offers and searches whose time is over. Returns whether there may be more."""
    async with deps.database.transaction() as tx:
        lapsed = await deliveries.lock_lapsed(tx, limit=MOST_OVERDUE)
        if lapsed:
            await _lapse(tx, lapsed)
            tx.after_commit(deps.wake_offers)
            tx.after_commit(partial(deps.figures.offers.note, "lapsed", by=len(lapsed)))
        unfound = await deliveries.lock_unfound(tx, limit=MOST_OVERDUE)
        facts = []
        for delivery in unfound:
            given_up, fact = rules.give_up(delivery)
            await deliveries.save(tx, given_up)
            facts.append(_message(deps, given_up, fact))
        await deps.outbox.add_all(tx, facts)
    return MOST_OVERDUE in {len(lapsed), len(unfound)}


async def _lapse(tx: Transaction, offered: Sequence[Delivery]) -> None:
    silent = []
    for delivery in offered:
        if delivery.courier_id is not None:
            silent.append(delivery.courier_id)
            await deliveries.refuse(tx, delivery.id, delivery.courier_id, declined=False)
        await deliveries.save(tx, rules.lapse(delivery))
    for each in await couriers.unanswered(tx, silent, most=MOST_LAPSES):
        log.warning("shift_ended_unanswered", courier_id=each)


async def _look_again(
    tx: Transaction,
    candidates: Sequence[tuple[Delivery, Sequence[Candidate]]],
    pairs: Sequence[Pair],
    *,
    now: datetime,
) -> None:
    """Put off what nobody has to leave for yet.

    What was not given to anyone goes behind the others, if there are more than one batch takes:
    so nobody's turn is lost to those for whom there is no courier.
    """
    is_full = len(candidates) == MOST_WAITING
    asked = {pair.delivery.id for pair in pairs}
    later = []
    for delivery, its in candidates:
        until = max(now, leaves_at(delivery, its, now=now))
        if until > now or (is_full and delivery.id not in asked):
            later.append(rules.postpone(delivery, until=until, now=now))
    if later:
        await deliveries.postpone(tx, later)


async def _candidates(
    deps: Deps, tx: Transaction, waiting: Sequence[Delivery]
) -> list[tuple[Delivery, list[Candidate]]]:
    by_delivery: dict[DeliveryId, list[couriers.Near]] = defaultdict(list)
    for each in await couriers.nearest_free(tx, waiting, each=NEAREST):
        by_delivery[each.delivery_id].append(each)
    return [(delivery, _ways(deps, delivery, by_delivery[delivery.id])) for delivery in waiting]


async def _still_there(tx: Transaction, pairs: Sequence[Pair]) -> list[Pair]:
    """The pairs whose courier is still online, and stays so until the transaction ends."""
    online = await couriers.lock_online(tx, [pair.candidate.courier.id for pair in pairs])
    return [pair for pair in pairs if pair.candidate.courier.id in online]


def _ways(deps: Deps, delivery: Delivery, near: Sequence[couriers.Near]) -> list[Candidate]:
    restaurant = located(delivery.pick_up)
    ways: Sequence[float | None] = (
        [None] * len(near)
        if restaurant is None
        else deps.routes.metres(restaurant, [each.courier.location for each in near])
    )
    return [
        Candidate(each.courier, metres, each.lapses)
        for each, metres in zip(near, ways, strict=True)
    ]


async def _offer(deps: Deps, tx: Transaction, pair: Pair, *, now: datetime) -> Message:
    delivery, candidate = pair.delivery, pair.candidate
    times = expected(
        now=now,
        ready_at=None if delivery.is_ready else delivery.ready_at,
        approach_s=candidate.approach_s,
        carry_s=way_s(delivery.way_m, candidate.courier.vehicle),
    )
    offered, fact = rules.offer(
        delivery, candidate.courier.id, until=now + deps.offer_for, times=times
    )
    await deliveries.save(tx, offered)
    return _message(deps, offered, fact)


def _message(deps: Deps, delivery: Delivery, fact: Event) -> Message:
    """Under the correlation id of the order, for nobody asked for this just now."""
    with context.entered(Context(delivery.correlation_id, traceparent=delivery.traceparent)):
        return deps.outbox.message(
            fact, subject=f"delivery/{delivery.id}", version=delivery.version
        )
