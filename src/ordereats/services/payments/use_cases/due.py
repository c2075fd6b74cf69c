"""What is due at the provider: asked outside any transaction, by whoever holds the lease."""

import asyncio
import random
from collections.abc import Awaitable, Sequence
from uuid import UUID

import msgspec
import structlog

from ordereats.chassis import context
from ordereats.chassis.db.pool import Transaction
from ordereats.contracts.payments import RefundStatus
from ordereats.services.payments.clients import Provider, ProviderUncertainError
from ordereats.services.payments.domain import books, pauses
from ordereats.services.payments.domain import payments as rules
from ordereats.services.payments.domain import refunds as refund_rules
from ordereats.services.payments.domain.payments import (
    NEVER_MADE,
    Canceled,
    Declined,
    Goal,
    Payment,
    Step,
    Truth,
)
from ordereats.services.payments.domain.refunds import Outcome, Pending, Refund, Refused
from ordereats.services.payments.store import books as book_rows
from ordereats.services.payments.store import payments as rows
from ordereats.services.payments.store import refunds as refund_rows
from ordereats.services.payments.use_cases import effects
from ordereats.services.payments.use_cases.deps import Deps

log = structlog.get_logger(__name__)

AT_ONCE = 20
LOUD_AFTER = 5
"""Attempts; then somebody should have a look. It is asked again all the same."""
EVENTS_KEPT_DAYS = 7
"""The provider sends a webhook again for three days."""


async def payments_due(deps: Deps) -> bool:
    """Do at the provider some of what orders want. Returns whether there may be more at once."""
    lease = deps.clock.new_id()
    due = await rows.lease_due(deps.database, lease=lease, for_s=deps.lease_s, limit=AT_ONCE)
    return await _each([_ask(deps, payment, lease) for payment in due])


async def refunds_due(deps: Deps) -> bool:
    """Give some of the money back that is to go back. Returns whether there may be more at once."""
    lease = deps.clock.new_id()
    due = await refund_rows.lease_due(deps.database, lease=lease, for_s=deps.lease_s, limit=AT_ONCE)
    return await _each([_ask_refund(deps, refund, lease) for refund in due])


async def forget_events(deps: Deps) -> bool:
    """Forget webhooks that can't come again. Returns whether there may be more at once."""
    return await refund_rows.forget_events(deps.database, after_days=EVENTS_KEPT_DAYS)


async def _ask(deps: Deps, payment: Payment, lease: UUID) -> None:
    with context.entered(_context_of(payment)):
        try:
            truth = await _truth(deps.provider, payment)
        except ProviderUncertainError as error:
            _say_uncertain(payment, error)
            await rows.postpone(
                deps.database,
                payment.id,
                lease=lease,
                by_s=_pause_s(payment),
                error=str(error),
            )
            return
        await _settle(deps, payment, truth, lease)


async def _truth(provider: Provider, payment: Payment) -> Truth | None:
    """What has become of a charge, after what is to be done has been done."""
    step = rules.next_step(payment)
    found = None
    if rules.looks_first(payment):
        found = await provider.look(payment)
        if found is not None and rules.take_over(payment, found):
            return found
    match step:
        case Step.AUTHORIZE if payment.is_key_old:  # the same key might charge a second time
            return Declined(NEVER_MADE, None)
        case Step.AUTHORIZE:
            return await provider.authorize(payment)
        case Step.CAPTURE:
            return await provider.capture(payment)
        case Step.CANCEL:
            return await provider.cancel(payment)
    return found


async def _settle(deps: Deps, asked: Payment, truth: Truth | None, lease: UUID) -> None:
    if isinstance(truth, Canceled) and asked.goal is not Goal.RELEASE:
        log.error("reservation_lost", order_id=asked.order_id)  # nobody here let it go
    async with deps.database.transaction() as tx:
        payment = await rows.lock_leased(tx, asked.id, lease=lease)
        if payment is None:  # whoever took it over finds out for itself
            return
        before = payment
        moves = rules.take_over(payment, truth) if truth is not None else []
        if moves:
            payment = moves[-1].payment
            await effects.publish(deps, tx, moves)
            await effects.give_back_if_released(deps, tx, payment)
        if payment.told is asked.told:  # what it told of has been looked at
            payment = msgspec.structs.replace(payment, told=None)
        payment = rules.restarted(before, payment)
        is_due = rules.is_due(payment)
        await rows.settle(tx, payment, is_due=is_due)
        if is_due:
            tx.after_commit(deps.wake_jobs)


async def _ask_refund(deps: Deps, refund: Refund, lease: UUID) -> None:
    with context.entered(_context_of(refund)):
        try:
            outcome = await _outcome(deps, refund, lease)
        except ProviderUncertainError as error:
            _say_uncertain(refund, error)
            await _postpone_refund(deps, refund, lease, error=str(error))
            return
        if isinstance(outcome, Pending):
            known = msgspec.structs.replace(refund, provider_reference=outcome.reference)
            await _postpone_refund(deps, known, lease, error="pending at the provider")
        elif outcome is not None:
            await _settle_refund(deps, refund, outcome, lease)


async def _outcome(deps: Deps, refund: Refund, lease: UUID) -> Outcome | None:
    if refund_rules.looks_first(refund):
        found = await deps.provider.look_refund(refund)
        if found is not None:
            return found
    if refund.status is RefundStatus.SUCCEEDED:  # once is enough
        raise ProviderUncertainError("it knows nothing of a refund that it has made")
    if refund.is_key_old:  # the provider does not know of it, and may have forgotten the key
        key = str(deps.clock.new_id())
        if not await refund_rows.renew_key(deps.database, refund.id, lease=lease, key=key):
            return None
        refund = msgspec.structs.replace(refund, key=key)
    return await deps.provider.refund(refund)


async def _settle_refund(deps: Deps, refund: Refund, outcome: Outcome, lease: UUID) -> None:
    if isinstance(outcome, Refused):
        await _fail(deps, refund, outcome, lease)
        return
    async with deps.database.transaction() as tx:
        if refund.status is RefundStatus.SUCCEEDED:  # and has not failed since
            await refund_rows.settle(tx, refund, lease=lease)
            return
        payment = await _payment_of(tx, refund)
        after, done, fact = refund_rules.succeed(payment, refund, outcome.reference)
        if not await refund_rows.settle(tx, done, lease=lease):
            return
        await rows.change(tx, after, is_due=rules.is_due(after))
        booking = books.refunded(payment, refund.amount)
        await book_rows.book(tx, booking, payment.id, at=deps.clock.now(), refund_id=refund.id)
        subject = f"payment/{payment.id}"
        await deps.outbox.add(tx, fact, subject=subject, version=after.version)


async def _fail(deps: Deps, refund: Refund, refused: Refused, lease: UUID) -> None:
    """The customer does not have the money: if the books say otherwise, it has come back."""
    had_succeeded = refund.status is RefundStatus.SUCCEEDED
    failed = refund_rules.fail(refund, refused.reference)
    async with deps.database.transaction() as tx:
        payment = await _payment_of(tx, refund)
        if not await refund_rows.settle(tx, failed, lease=lease):
            return
        if had_succeeded:
            after = refund_rules.come_back(payment, refund)
            await rows.change(tx, after, is_due=rules.is_due(after))
            booking = books.came_back(payment, refund.amount)
            await book_rows.book(tx, booking, payment.id, at=deps.clock.now(), refund_id=refund.id)
    log.error(
        "refund_failed",
        order_id=refund.order_id,
        refund_id=refund.id,
        reason=refused.reason,
        had_succeeded=had_succeeded,
    )


async def _payment_of(tx: Transaction, refund: Refund) -> Payment:
    """Lock it."""
    payment = await rows.lock(tx, refund.payment_id)
    if payment is None:
        raise LookupError(f"refund {refund.id} has no payment")
    return payment


async def _postpone_refund(deps: Deps, refund: Refund, lease: UUID, *, error: str) -> None:
    await refund_rows.postpone(
        deps.database, refund, lease=lease, by_s=_pause_s(refund), error=error
    )


async def _each(work: Sequence[Awaitable[None]]) -> bool:
    outcomes = await asyncio.gather(*work, return_exceptions=True)
    for outcome in outcomes:  # only now: what goes wrong with one is no other one's matter
        if isinstance(outcome, BaseException):
            raise outcome
    return len(work) == AT_ONCE


def _say_uncertain(asked: Payment | Refund, error: Exception) -> None:
    tell = log.warning if asked.attempts < LOUD_AFTER else log.error
    tell(
        "provider_uncertain",
        order_id=asked.order_id,
        about=type(asked).__name__.lower(),
        attempt=asked.attempts,
        error=str(error),
    )


def _pause_s(asked: Payment | Refund) -> float:
    return pauses.pause_s(asked.attempts, share=random.random())  # noqa: S311  # jitter


def _context_of(asked: Payment | Refund) -> context.Context:
    return context.Context(asked.correlation_id, traceparent=asked.traceparent)
