"""What orders does: remote calls first, then one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass

from ordereats.chassis import context
from ordereats.chassis.calls.client import at_once
from ordereats.chassis.clock import Clock
from ordereats.chassis.coalescing import Coalescer
from ordereats.chassis.context import Context
from ordereats.chassis.db.pool import Database, Transaction
from ordereats.chassis.errors import Conflict, Invalid, NotFound
from ordereats.chassis.http import idempotency
from ordereats.chassis.http.idempotency import Answers
from ordereats.chassis.messaging.bus import Message
from ordereats.chassis.messaging.outbox import Outbox
from ordereats.contracts import orders as contract
from ordereats.contracts.events import Event
from ordereats.contracts.ids import OrderId, RestaurantId, UserId
from ordereats.contracts.money import Money
from ordereats.contracts.orders import OrderStatus, PlaceOrder
from ordereats.contracts.problems import FieldProblem
from ordereats.contracts.wire import encode
from ordereats.services.orders import domain, store
from ordereats.services.orders.clients import Customers, Restaurants
from ordereats.services.orders.domain import Order


@dataclass(frozen=True, slots=True)
class Draft:
    """An order that has been checked and has no id yet.

    Attributes:
        key: of the request that it came with, if that had one.
        at: that request's context.
    """

    command: PlaceOrder
    total: Money
    key: idempotency.Key | None
    at: Context


@dataclass(frozen=True, slots=True)
class Deps:
    """What orders needs.

    Attributes:
        placements: stores orders, those of the same moment in one commit.
        found: reads orders, those of the same moment in one statement.
    """

    database: Database
    outbox: Outbox
    answers: Answers
    clock: Clock
    customers: Customers
    restaurants: Restaurants
    placements: Coalescer[Draft, Order]
    found: Coalescer[OrderId, Order]


class Overtaken(Conflict, code="overtaken"):
    """Someone else moved the order at the same moment."""


async def place(deps: Deps, command: PlaceOrder) -> contract.Order:
    """Take an order: it is stored together with the fact, and paid later.

    Raises:
        Invalid: the price can't be right, or the customer or the restaurant is unknown.
        Unavailable: users or restaurants can't be asked; nothing was stored.
    """
    total = domain.agreed_price(command)
    await _check_parties(deps, command)
    draft = Draft(command, total, idempotency.requested(), context.current())
    return domain.shown(await deps.placements.ask(draft))


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


async def pay(deps: Deps, tx: Transaction, order_id: OrderId) -> None:
    """The money for an order is reserved."""
    order, fact = domain.pay(await _locked(tx, order_id))
    await _save(deps, tx, order, fact)


async def decline(deps: Deps, tx: Transaction, order_id: OrderId, reason: str) -> None:
    """The card for an order was declined."""
    order, fact = domain.decline(await _locked(tx, order_id), reason)
    await _save(deps, tx, order, fact)


@dataclass(frozen=True, slots=True)
class Placements:
    """Stores the orders of everyone who ordered at the same moment, in one commit."""

    database: Database
    outbox: Outbox
    answers: Answers
    clock: Clock

    async def write(self, drafts: Sequence[Draft]) -> list[Order | Exception]:
        """Store them, each with its fact and its answer.

        Returns:
            For each: the order, or why it was not stored (its idempotency key was used before).
        """
        async with self.database.transaction() as tx:
            ids = await store.next_ids(tx, len(drafts))
            placed = [self._placed(draft, each) for draft, each in zip(drafts, ids, strict=True)]
            late = await self._keep(tx, drafts, [order for order, _ in placed])
            fresh = [each for index, each in enumerate(placed) if index not in late]
            await store.insert(tx, [order for order, _ in fresh])
            await self.outbox.add_all(tx, [fact for _, fact in fresh])
        return [late.get(index, order) for index, (order, _) in enumerate(placed)]

    def _placed(self, draft: Draft, order_id: OrderId) -> tuple[Order, Message]:
        order, fact = domain.place(
            draft.command, order_id=order_id, total=draft.total, now=self.clock.now()
        )
        with context.entered(draft.at):
            message = self.outbox.message(fact, subject=_subject(order), version=order.version)
        return order, message

    async def _keep(
        self, tx: Transaction, drafts: Sequence[Draft], orders: Sequence[Order]
    ) -> dict[int, Exception]:
        keyed = [(index, draft.key) for index, draft in enumerate(drafts) if draft.key]
        answers = [(key, encode(domain.shown(orders[index]))) for index, key in keyed]
        late = await self.answers.keep_all(tx, answers)
        return {keyed[position][0]: why for position, why in late.items()}


async def find(database: Database, ids: Sequence[OrderId]) -> list[Order | Exception]:
    """Find several at once, each or the reason why not, in their order."""
    found = await store.some(database, ids)
    return [found.get(each) or NotFound(f"There is no order {each}.") for each in ids]


async def _check_parties(deps: Deps, command: PlaceOrder) -> None:
    is_user, is_restaurant = await at_once(
        deps.customers.is_known(command.user_id),
        deps.restaurants.is_known(command.restaurant_id),
    )
    problems = []
    if not is_user:
        problems.append(FieldProblem("userId", "is not a user here"))
    if not is_restaurant:
        problems.append(FieldProblem("restaurantId", "is not a restaurant here"))
    if problems:
        raise Invalid(*problems)


async def _locked(tx: Transaction, order_id: OrderId) -> Order:
    order = await store.lock(tx, order_id)
    if order is None:
        raise NotFound(f"There is no order {order_id}.")
    return order


async def _save(deps: Deps, tx: Transaction, order: Order, fact: Event) -> None:
    if not await store.save(tx, order):
        raise Overtaken(f"Order {order.id} was moved by someone else.")
    await deps.outbox.add(tx, fact, subject=_subject(order), version=order.version)


def _subject(order: Order) -> str:
    return f"order/{order.id}"
