"""What couriers do about themselves: they join, come online, move and leave."""

from collections.abc import Sequence
from functools import partial

from ordereats.chassis.db.pool import Database, Reader, Transaction
from ordereats.chassis.errors import Invalid, NotFound
from ordereats.contracts.deliveries import Courier, JoinAsCourier, Shift
from ordereats.contracts.ids import CourierId
from ordereats.contracts.places import Location
from ordereats.contracts.problems import FieldProblem
from ordereats.services.deliveries.domain import delivery as rules
from ordereats.services.deliveries.store import couriers, deliveries
from ordereats.services.deliveries.use_cases.deps import Deps

TRACE_EVERY_M = 50.0
TRACE_EVERY_S = 60.0
"""A point of the trace is kept when the courier is so far from the last one, or it is so old."""
TRACES_KEPT_S = 24 * 3600.0


async def join(deps: Deps, command: JoinAsCourier) -> Courier:
    """Make a courier known."""
    async with deps.database.transaction() as tx:
        courier = await couriers.join(tx, command, at=deps.clock.now())
        await deps.answers.keep(tx, courier)
    return courier


async def get(deps: Deps, courier_id: CourierId) -> Courier:
    """Find a courier.

    Raises:
        NotFound: nobody has this id.
    """
    return await _known(deps.database, courier_id)


async def page(deps: Deps, *, online: bool | None, after: int, limit: int) -> list[Courier]:
    """List couriers in the order of their ids; None: online or not."""
    return await couriers.courier_page(deps.database, online=online, after=after, limit=limit)


async def set_shift(deps: Deps, courier_id: CourierId, shift: Shift) -> Courier:
    """Come online, stay so, or leave. Who leaves gives back what they don't have in hand yet.

    Raises:
        NotFound: nobody has this id.
        Invalid: coming online, they don't say where they are.
        IllegalMove: they have food for somebody.
    """
    async with deps.database.transaction() as tx:
        was_online = await couriers.lock_courier(tx, courier_id)
        if was_online is None:
            raise _unknown(courier_id)
        if shift.location is not None:
            await note(tx, courier_id, shift.location)
        elif shift.online and not was_online:
            raise Invalid(FieldProblem("location", "is required to come online"))
        await couriers.set_online(tx, courier_id, online=shift.online)
        if not shift.online:
            await _give_back(deps, tx, courier_id)
        tx.after_commit(deps.wake_offers)
        return await _known(tx, courier_id)


async def move(deps: Deps, courier_id: CourierId, location: Location) -> None:
    """Note where a courier is.

    Raises:
        NotFound: nobody has this id.
    """
    await deps.positions.ask((courier_id, location))


async def note(tx: Transaction, courier_id: CourierId, location: Location) -> None:
    """Note where a courier is, together with something else.

    Who holds their delivery as well does that after it: all in the same order, never in a circle.
    """
    await _keep(tx, [(courier_id, location)])


async def keep_positions(
    database: Database, seen: Sequence[tuple[CourierId, Location]]
) -> list[Exception | None]:
    """Note where several couriers are; of one who is named twice, the last place counts."""
    known = await _keep(database, list(dict(seen).items()))
    return [None if each in known else _unknown(each) for each, _ in seen]


async def forget_traces(deps: Deps) -> bool:
    """Drop some of what is too old. Returns whether there may be more at once."""
    return await couriers.forget_traces(deps.database, after_s=TRACES_KEPT_S) == 1000


async def _known(reader: Reader, courier_id: CourierId) -> Courier:
    courier = await couriers.courier(reader, courier_id)
    if courier is None:
        raise _unknown(courier_id)
    return courier


async def _keep(reader: Reader, seen: Sequence[tuple[CourierId, Location]]) -> set[CourierId]:
    return await couriers.keep_positions(
        reader, seen, trace_every_m=TRACE_EVERY_M, trace_every_s=TRACE_EVERY_S
    )


async def _give_back(deps: Deps, tx: Transaction, courier_id: CourierId) -> None:
    delivery = await deliveries.lock_of_courier(tx, courier_id)
    if delivery is None:
        return
    now = await deliveries.now(tx)
    await deliveries.refuse(tx, delivery.id, courier_id, declined=True)
    await deliveries.save(tx, rules.give_back(delivery, now=now, find_within=deps.find_within))
    tx.after_commit(partial(deps.figures.offers.note, "given_back"))


def _unknown(courier_id: CourierId) -> NotFound:
    return NotFound(f"There is no courier {courier_id}.")
