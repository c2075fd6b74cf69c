"""Placements: the orders of everyone who ordered at the same moment, stored in one commit."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial

from ordereats.chassis import context
from ordereats.chassis.clock import Clock
from ordereats.chassis.context import Context
from ordereats.chassis.db.pool import Database, Transaction
from ordereats.chassis.http import idempotency
from ordereats.chassis.http.idempotency import Answers
from ordereats.chassis.messaging.bus import Message
from ordereats.chassis.messaging.outbox import Outbox
from ordereats.contracts.ids import OrderId
from ordereats.contracts.orders import PlaceOrder
from ordereats.contracts.wire import encode
from ordereats.services.orders import domain, store
from ordereats.services.orders.domain import Order, Terms
from ordereats.services.orders.use_cases.figures import Figures


@dataclass(frozen=True, slots=True)
class Draft:
    """An order that has been agreed on and has no id yet.

    Attributes:
        key: of the request that it came with, if that had one.
        at: that request's context.
    """

    command: PlaceOrder
    terms: Terms
    key: idempotency.Key | None
    at: Context


@dataclass(frozen=True, slots=True)
class Placements:
    """Stores drafts.

    Attributes:
        pay_within: how long an order may wait for its payment.
        figures: of this process.
    """

    database: Database
    outbox: Outbox
    answers: Answers
    clock: Clock
    pay_within: timedelta
    figures: Figures = field(default_factory=Figures)

    async def write(self, drafts: Sequence[Draft]) -> list[Order | Exception]:
        """Store them, each with its fact and its answer.

        Returns:
            For each: the order, or why it was not stored (its idempotency key was used before).
        """
        async with self.database.transaction() as tx:
            ids = await store.next_ids(tx, len(drafts))
            placed = [self._placed(draft, each) for draft, each in zip(drafts, ids, strict=True)]
            late = await self._keep(tx, drafts, [order for order, _ in placed])
            fresh = [index for index in range(len(drafts)) if index not in late]
            await store.insert(tx, [(placed[index][0], drafts[index].at) for index in fresh])
            await self.outbox.add_all(tx, [placed[index][1] for index in fresh])
            tx.after_commit(partial(self.figures.placed, len(fresh)))
        return [late.get(index, order) for index, (order, _) in enumerate(placed)]

    def _placed(self, draft: Draft, order_id: OrderId) -> tuple[Order, Message]:
        now = self.clock.now()
        order, fact = domain.place(
            draft.command, draft.terms, order_id=order_id, now=now, pay_by=now + self.pay_within
        )
        with context.entered(draft.at):
            message = self.outbox.message(fact, subject=f"order/{order.id}", version=order.version)
        return order, message

    async def _keep(
        self, tx: Transaction, drafts: Sequence[Draft], orders: Sequence[Order]
    ) -> dict[int, Exception]:
        keyed = [(index, draft.key) for index, draft in enumerate(drafts) if draft.key]
        answers = [(key, encode(domain.shown(orders[index]))) for index, key in keyed]
        late = await self.answers.keep_all(tx, answers)
        return {keyed[position][0]: why for position, why in late.items()}
