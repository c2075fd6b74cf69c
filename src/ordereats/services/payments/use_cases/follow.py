"""Following the order: what it wants of its money now. And paying who has brought it."""

from ordereats.chassis import context
from ordereats.chassis.db.pool import Transaction
from ordereats.chassis.errors import TooEarly
from ordereats.contracts.ids import CourierId, OrderId
from ordereats.contracts.orders import OrderPlaced
from ordereats.services.payments.domain import books
from ordereats.services.payments.domain import payments as rules
from ordereats.services.payments.domain.payments import Goal, Payment, Step
from ordereats.services.payments.store import books as book_rows
from ordereats.services.payments.store import payments as rows
from ordereats.services.payments.use_cases import effects
from ordereats.services.payments.use_cases.deps import Deps


async def request(deps: Deps, tx: Transaction, placed: OrderPlaced) -> None:
    """Note that the money of an order is to be reserved. The charge's key is stored here, first.

    Raises:
        ValueError: the parts of its price are not its total.
    """
    charge = (str(deps.clock.new_id()), deps.clock.now())
    price = rules.parts(placed)
    await rows.request(tx, placed, price, charge=charge, at=context.current())
    tx.after_commit(deps.wake_jobs)


async def take(deps: Deps, tx: Transaction, order_id: OrderId) -> None:
    """The kitchen cooks: the money is to be taken. An order that has ended since is left alone.

    Raises:
        TooEarly: payments has not heard of the order yet.
    """
    payment = await _locked(tx, order_id)
    await _change(deps, tx, rules.aim(payment, Goal.TAKE))


async def release(deps: Deps, tx: Transaction, order_id: OrderId, *, reason: str) -> None:
    """The order has ended and nothing is to be paid: let the money go, or give it back.

    Args:
        deps: see there.
        tx: of the fact's effect.
        order_id: which order.
        reason: a stable word, for whoever gets money back.

    Raises:
        TooEarly: payments has not heard of the order yet.
    """
    payment = await _locked(tx, order_id)
    aimed = rules.aim(payment, Goal.RELEASE, released_for=reason)
    if aimed is payment:
        return
    if rules.next_step(aimed) is Step.VOID:
        move = rules.void_unasked(aimed)
        await effects.publish(deps, tx, [move])
        aimed = move.payment
    await effects.give_back_if_released(deps, tx, aimed)
    await _change(deps, tx, aimed)


async def pay_courier(
    deps: Deps, tx: Transaction, order_id: OrderId, courier_id: CourierId
) -> None:
    """Who has brought the food has earned the delivery fee and the tip, whatever the order says.

    Raises:
        TooEarly: payments has not heard of the order yet.
    """
    payment = await _locked(tx, order_id)
    booking = books.delivered(payment, courier_id)
    await book_rows.book(tx, booking, payment.id, at=deps.clock.now())


async def _change(deps: Deps, tx: Transaction, payment: Payment) -> None:
    is_due = rules.is_due(payment)
    await rows.change(tx, payment, is_due=is_due)
    if is_due:
        tx.after_commit(deps.wake_jobs)


async def _locked(tx: Transaction, order_id: OrderId) -> Payment:
    payment = await rows.lock_of_order(tx, order_id)
    if payment is None:
        raise TooEarly(f"Payments has not heard of order {order_id} yet.")
    return payment
