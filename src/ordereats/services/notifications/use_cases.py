"""What notifications does: one function, one transaction."""

from dataclasses import dataclass

from ordereats.chassis.clock import Clock
from ordereats.chassis.db.pool import Database, Transaction
from ordereats.contracts.ids import UserId
from ordereats.contracts.notifications import Notification
from ordereats.contracts.restaurants import RestaurantChanged
from ordereats.contracts.users import UserCreated
from ordereats.services.notifications import domain, store
from ordereats.services.notifications.domain import OrderFact


@dataclass(frozen=True, slots=True)
class Deps:
    """What notifications needs."""

    database: Database
    clock: Clock


async def tell(deps: Deps, tx: Transaction, fact: OrderFact) -> None:
    """Tell the customer of an order what happened to it, at most once for each fact."""
    name, restaurant = await store.names(tx, fact.user_id, fact.restaurant_id)
    told = domain.tell(fact, name=name, restaurant=restaurant)
    await store.add(tx, told, at=deps.clock.now())


async def meet(tx: Transaction, user: UserCreated) -> None:
    """Remember who someone is."""
    await store.meet(tx, user)


async def learn(tx: Transaction, restaurant: RestaurantChanged) -> None:
    """Remember what a restaurant is called."""
    await store.learn(tx, restaurant)


async def page(deps: Deps, user_id: UserId, *, after: int, limit: int) -> list[Notification]:
    """What someone was told, in order."""
    return await store.page(deps.database, user_id, after=after, limit=limit)
