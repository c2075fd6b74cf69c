"""What the provider tells by itself: a hint to ask it, never the truth by itself.

So it does not matter in which order webhooks come, how often, and whether before, during or after
the answer to our own question.
"""

import structlog

from ordereats.chassis.db.pool import Transaction
from ordereats.chassis.errors import Invalid
from ordereats.contracts.problems import FieldProblem
from ordereats.services.payments.clients import ForgedError, News
from ordereats.services.payments.domain import payments as rules
from ordereats.services.payments.store import payments as rows
from ordereats.services.payments.store import refunds as refund_rows
from ordereats.services.payments.use_cases.deps import Deps

log = structlog.get_logger(__name__)


async def hear(deps: Deps, body: bytes, signature: str | None) -> None:
    """Take a webhook's news as a reason to ask the provider. Unknown kinds are ignored.

    Raises:
        Invalid: it is not the provider's, or old.
    """
    try:
        news = deps.provider.news(body, signature)
    except ForgedError as error:
        log.warning("webhook_refused", error=str(error))
        said = "must be the provider's for this very body, and not older than 5 minutes"
        raise Invalid(FieldProblem("Stripe-Signature", said)) from None
    if news.charge_key is None or not (news.became or news.is_refund):
        log.info("webhook_ignored", type=news.type)
        return
    async with deps.database.transaction() as tx:
        if await refund_rows.note_event(tx, news.id, news.type):
            await _take(deps, tx, news, news.charge_key)


async def _take(deps: Deps, tx: Transaction, news: News, charge_key: str) -> None:
    payment = await rows.lock_of_key(tx, charge_key)
    if payment is None:  # of another installation that uses the same account
        log.info("webhook_ignored", type=news.type)
        return
    if news.has_doubts:
        await refund_rows.doubt(tx, payment.id)
    elif news.is_refund:
        await refund_rows.hurry(tx, payment.id)
    elif news.became is not None:
        heard = rules.tell(payment, news.became)
        if heard is payment:
            return
        await rows.change(tx, heard, is_due=True)
    tx.after_commit(deps.wake_jobs)
