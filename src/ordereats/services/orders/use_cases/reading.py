"""Reading: orders as they are, what they have gone through, and what comes next."""

from collections.abc import Sequence

from ordereats.chassis.db.pool import Database
from ordereats.chassis.errors import NotFound
from ordereats.chassis.story import Fact
from ordereats.contracts import orders as contract
from ordereats.contracts.ids import OrderId, RestaurantId, UserId
from ordereats.contracts.orders import OrderStatus, TimelineEntry
from ordereats.services.orders import domain, store
from ordereats.services.orders.domain import Order
from ordereats.services.orders.use_cases.deps import Deps
from ordereats.services.orders.use_cases.streams import Stream


async def get(deps: Deps, order_id: OrderId) -> contract.Order:
    """Find an order.

    Raises:
        NotFound: none has this id.
    """
    return domain.shown(await deps.found.ask(order_id))


async def page(
    deps: Deps,
    *,
    user_id: UserId | None,
    restaurant_id: RestaurantId | None,
    status: OrderStatus | None,
    after: int,
    limit: int,
) -> list[contract.Order]:
    """List orders in the order of their ids; None: any."""
    which = store.Filter(user_id, restaurant_id, status)
    found = await store.page(deps.database, which, after=after, limit=limit)
    return [domain.shown(order) for order in found]


async def timeline(deps: Deps, order_id: OrderId) -> list[TimelineEntry]:
    """What an order has gone through, from its first state.

    Raises:
        NotFound: none has this id.
    """
    entries = await store.timeline(deps.database, order_id)
    if not entries:
        raise NotFound(f"There is no order {order_id}.")
    return entries


async def follow(deps: Deps, order_id: OrderId, *, after: int) -> Stream | None:
    """What an order has gone through after a version, and what comes next; close it in the end.

    Returns:
        None where nothing follows: the order has ended, and the client knows that.

    Raises:
        NotFound: none has this id.
        TooManyStreams: ask again later.
    """
    entries = await timeline(deps, order_id)
    if entries[-1].status in domain.ENDS and entries[-1].version <= after:
        return None
    return deps.streams.open(entries, after=after)


async def find(database: Database, ids: Sequence[OrderId]) -> list[Order | Exception]:
    """Find several at once, each or the reason why not, in their order."""
    found = await store.some(database, ids)
    return [found.get(each) or NotFound(f"There is no order {each}.") for each in ids]


async def story(database: Database, order_id: OrderId) -> list[Fact]:
    """What an order has gone through, for operators."""
    return [
        Fact(at=each.at, service="orders", subject=f"order/{order_id}", what=_move(each))
        for each in await store.timeline(database, order_id)
    ]


def _move(entry: TimelineEntry) -> str:
    return f"order {entry.status.value}"
