"""Refunds that somebody asks for: noted here, made by the job."""

from ordereats.chassis import context
from ordereats.chassis.errors import NotFound
from ordereats.contracts import payments as contract
from ordereats.contracts.ids import PaymentId
from ordereats.contracts.payments import AskRefund
from ordereats.services.payments.domain import refunds as rules
from ordereats.services.payments.store import payments as payment_rows
from ordereats.services.payments.store import refunds as rows
from ordereats.services.payments.store.refunds import Asked
from ordereats.services.payments.use_cases.deps import Deps


async def ask(deps: Deps, payment_id: PaymentId, command: AskRefund) -> contract.Refund:
    """Note that money is to go back to the customer.

    Raises:
        NotFound: no such payment.
        Invalid: no amount that can be refunded.
        IllegalMove: nothing was taken.
        AboveCaptured: more than is left of what was taken.
    """
    async with deps.database.transaction() as tx:
        payment = await payment_rows.lock(tx, payment_id)  # of two at once, one waits for the other
        if payment is None:
            raise NotFound(f"There is no payment {payment_id}.")
        under_way = await rows.under_way(tx, payment)
        amount = rules.amount_to_refund(payment, command.amount, under_way=under_way)
        asked = Asked(amount, command.reason)
        refund = await rows.add(tx, payment, asked, clock=deps.clock, at=context.current())
        answer = rules.shown(refund)
        await deps.answers.keep(tx, answer)
        tx.after_commit(deps.wake_jobs)
    return answer
