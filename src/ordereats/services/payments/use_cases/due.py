"""What is due at the provider: asked outside any transaction, by whoever holds the lease."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Hashable, Sequence
from functools import partial
from typing import TypeVar
from uuid import UUID

import msgspec
import structlog

from ordereats.chassis.backoff import equal_jitter_s, up_to_twice_s
from ordereats.chassis.context import Context
from ordereats.chassis.db.pool import Transaction
from ordereats.chassis.errors import Unavailable
from ordereats.chassis.telemetry import tracing
from ordereats.contracts.payments import RefundStatus
from ordereats.services.payments.clients import (
    KeyRefusedError,
    Provider,
    ProviderUncertainError,
)
from ordereats.services.payments.domain import books
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

Due = TypeVar("Due", Payment, Refund)
Kind = TypeVar("Kind", bound=Hashable)

AT_ONCE = 20
LOUD_AFTER = 5
"""Attempts; then somebody should have a look. It is asked again all the same."""
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0
"""How long the provider is left alone at most after it gave no answer about something."""
OBEYED_S = 300
"""A provider that asks to be left alone is, up to this."""
EVENTS_KEPT_DAYS = 7
"""The provider sends a webhook again for three days."""


async def payments_due(deps: Deps) -> bool:
    """Do at the provider some of what orders want. Returns whether there may be more at once."""
    lease_some = partial(rows.lease_due, deps.database, for_s=deps.lease_s, limit=AT_ONCE)
    return await _work(deps, lease_some, partial(_ask, deps), lambda each: (each.status, each.goal))


async def refunds_due(deps: Deps) -> bool:
    """Give some of the money back that is to go back. Returns whether there may be more at once."""
    lease_some = partial(refund_rows.lease_due, deps.database, for_s=deps.lease_s, limit=AT_ONCE)
    return await _work(deps, lease_some, partial(_ask_refund, deps), lambda each: each.status)


async def payments_due_in_s(deps: Deps, since_s: float) -> float | None:
    """When the provider is to be asked for the next payment: see `Job.due_in_s`."""
    return await rows.due_in_s(deps.database, since_s)


async def refunds_due_in_s(deps: Deps, since_s: float) -> float | None:
    """Likewise, for the next refund."""
    return await refund_rows.due_in_s(deps.database, since_s)


async def forget_events(deps: Deps) -> bool:
    """Forget webhooks that can't come again. Returns whether there may be more at once."""
    return await refund_rows.forget_events(deps.database, after_days=EVENTS_KEPT_DAYS)


async def _work(
    deps: Deps,
    lease_some: Callable[[UUID, Collection[Kind]], Awaitable[Sequence[Due]]],
    ask: Callable[[Due, UUID], Awaitable[bool]],
    kind: Callable[[Due], Kind],
) -> bool:
    """Do some of what is due. Returns whether there may be more at once.

    A kind that the provider may not be asked for now is left out, and holds up no other.
    """
    refused: set[Kind] = set()
    while True:
        lease = deps.clock.new_id()
        due = await lease_some(lease, refused)
        were_asked = await _each([ask(each, lease) for each in due])
        if len(due) < AT_ONCE or all(were_asked):
            return len(due) == AT_ONCE
        refused |= {
            kind(each) for each, was_asked in zip(due, were_asked, strict=True) if not was_asked
        }


async def _ask(deps: Deps, payment: Payment, lease: UUID) -> bool:
    """Do what is due. Returns whether the provider may be asked for it."""
    with _resumed(deps, "payments_due", payment):
        try:
            truth = await _truth(deps.provider, payment)
        except Unavailable as refused:
            await _leave(deps, payment, lease, by_s=up_to_twice_s(refused.retry_after_s))
            return False
        except ProviderUncertainError as error:
            _say_uncertain(payment, error)
            by_s = _pause_s(payment, error)
            await rows.postpone(deps.database, payment.id, lease=lease, by_s=by_s, error=str(error))
            return True
        await _settle(deps, payment, truth, lease)
        return True


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


async def _leave(deps: Deps, asked: Payment, lease: UUID, *, by_s: float) -> None:
    """Ask later, unless the order has ended meanwhile and nothing was ever asked for it."""
    async with deps.database.transaction() as tx:
        payment = await rows.postpone_unasked(tx, asked.id, lease=lease, by_s=by_s)
        if payment is not None and rules.next_step(payment) is Step.VOID:
            move = rules.void_unasked(payment)
            await effects.publish(deps, tx, [move])
            await rows.settle(tx, move.payment, is_due=False)


async def _ask_refund(deps: Deps, refund: Refund, lease: UUID) -> bool:
    """Likewise."""
    with _resumed(deps, "refunds_due", refund):
        try:
            outcome = await _outcome(deps, refund, lease)
        except Unavailable as refused:
            by_s = up_to_twice_s(refused.retry_after_s)
            await refund_rows.postpone_unasked(deps.database, refund.id, lease=lease, by_s=by_s)
            return False
        except ProviderUncertainError as error:
            _say_uncertain(refund, error)
            by_s = _pause_s(refund, error)
            await refund_rows.postpone(
                deps.database, refund, lease=lease, by_s=by_s, error=str(error)
            )
            return True
        await _take_over(deps, refund, outcome, lease)
        return True


async def _take_over(deps: Deps, refund: Refund, outcome: Outcome | None, lease: UUID) -> None:
    if isinstance(outcome, Pending):
        known = msgspec.structs.replace(refund, provider_reference=outcome.reference)
        said, by_s = "pending at the provider", _pause_s(refund)
        await refund_rows.postpone(deps.database, known, lease=lease, by_s=by_s, error=said)
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
        tx.after_commit(partial(deps.figures.refunded, refund.amount))


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
    deps.figures.refund_failed(refund.amount if had_succeeded else None)
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


async def _each(work: Sequence[Awaitable[bool]]) -> list[bool]:
    outcomes = []
    for outcome in await asyncio.gather(*work, return_exceptions=True):
        if isinstance(outcome, BaseException):  # only now: it is no other one's matter
            raise outcome
        outcomes.append(outcome)
    return outcomes


def _say_uncertain(asked: Payment | Refund, error: ProviderUncertainError) -> None:
    tracing.failed(error)
    is_loud = asked.attempts >= LOUD_AFTER or isinstance(error, KeyRefusedError)
    tell = log.error if is_loud else log.warning
    tell(
        "provider_refuses_key" if isinstance(error, KeyRefusedError) else "provider_uncertain",
        order_id=asked.order_id,
        about=type(asked).__name__.lower(),
        attempt=asked.attempts,
        error=str(error),
    )


def _pause_s(asked: Payment | Refund, error: ProviderUncertainError | None = None) -> float:
    pause_s = equal_jitter_s(asked.attempts, first_s=FIRST_PAUSE_S, longest_s=LONGEST_PAUSE_S)
    told_s = (error.told_s if error is not None else None) or 0
    return pause_s + min(OBEYED_S, told_s)


def _resumed(deps: Deps, job: str, asked: Payment | Refund) -> tracing.resumed:
    """Do it as a part of what has made it due."""
    at = Context(asked.correlation_id, traceparent=asked.traceparent)
    resumed = tracing.resumed(deps.spans, "job", job, at, service="payments")
    if resumed.span is not None:
        resumed.span.order_id, resumed.span.attempt = asked.order_id, asked.attempts
    return resumed
