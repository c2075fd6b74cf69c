"""What follows from a change of a payment, in the transaction of that change."""

from collections.abc import Sequence
from functools import partial

from ordereats.chassis import context
from ordereats.chassis.db.pool import Transaction
from ordereats.contracts.payments import PaymentStatus
from ordereats.services.payments.domain import books, refunds
from ordereats.services.payments.domain.payments import TAKEN, Goal, Move, Payment
from ordereats.services.payments.store import books as book_rows
from ordereats.services.payments.store import refunds as refund_rows
from ordereats.services.payments.store.refunds import Asked
from ordereats.services.payments.use_cases.deps import Deps


async def publish(deps: Deps, tx: Transaction, moves: Sequence[Move]) -> None:
    """Tell of moves, and book the one by which money was taken."""
    for payment, fact in moves:
        subject = f"payment/{payment.id}"
        await deps.outbox.add(tx, fact, subject=subject, version=payment.version)
        if payment.status is PaymentStatus.CAPTURED:
            booking = books.captured(payment)
            await book_rows.book(tx, booking, payment.id, at=deps.clock.now())
    tx.after_commit(partial(deps.figures.moved, moves))


async def give_back_if_released(deps: Deps, tx: Transaction, payment: Payment) -> None:
    """Ask back all that is left of money that was taken for an order that has ended.

    Called once for each payment: when the later of the two becomes known.
    """
    if payment.goal is not Goal.RELEASE or payment.status not in TAKEN:
        return
    left = refunds.left_of(payment, under_way=await refund_rows.under_way(tx, payment))
    if left.minor:
        asked = Asked(left, payment.released_for or "order_ended")
        await refund_rows.add(tx, payment, asked, clock=deps.clock, at=context.current())
        tx.after_commit(deps.wake_jobs)
