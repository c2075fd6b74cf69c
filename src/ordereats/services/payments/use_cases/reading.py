"""What can be read of the money: payments, refunds, the ledger and what somebody is owed."""

from datetime import datetime, timedelta
from decimal import Decimal

from ordereats.chassis.db.pool import Database
from ordereats.chassis.errors import Invalid, NotFound
from ordereats.chassis.story import Fact, facts_of
from ordereats.contracts import payments as contract
from ordereats.contracts.ids import OrderId, PaymentId
from ordereats.contracts.payments import Account, Journal, Payout
from ordereats.contracts.problems import FieldProblem
from ordereats.services.payments.domain import payments as payment_rules
from ordereats.services.payments.domain import refunds as refund_rules
from ordereats.services.payments.store import books, payments, refunds, stories
from ordereats.services.payments.use_cases.deps import Deps

WEEK = timedelta(days=7)
LONGEST = timedelta(days=31)


async def get(deps: Deps, payment_id: PaymentId) -> contract.Payment:
    """Find a payment.

    Raises:
        NotFound: none has this id.
    """
    payment = await payments.find(deps.database, payment_id)
    if payment is None:
        raise NotFound(f"There is no payment {payment_id}.")
    return payment_rules.shown(payment)


async def of_order(deps: Deps, order_id: OrderId) -> list[contract.Payment]:
    """The payments of an order: one, or none yet."""
    return [payment_rules.shown(each) for each in await payments.of_order(deps.database, order_id)]


async def story(database: Database, order_id: OrderId) -> list[Fact]:
    """What became of an order's money, for operators."""
    return facts_of(await stories.of_order(database, order_id), "payments")


async def refunds_of(
    deps: Deps, payment_id: PaymentId, *, after: int, limit: int
) -> list[contract.Refund]:
    """The refunds of a payment.

    Raises:
        NotFound: no such payment.
    """
    await get(deps, payment_id)
    found = await refunds.of_payment(deps.database, payment_id, after=after, limit=limit)
    return [refund_rules.shown(each) for each in found]


async def journals_of(
    deps: Deps, payment_id: PaymentId, *, after: int, limit: int
) -> list[Journal]:
    """What the ledger says of a payment.

    Raises:
        NotFound: no such payment.
    """
    await get(deps, payment_id)
    return await books.of_payment(deps.database, payment_id, after=after, limit=limit)


async def payout(
    deps: Deps, account: Account, owner: int, *, since: datetime | None, until: datetime | None
) -> Payout:
    """What somebody has earned in a time, line by line.

    Args:
        deps: see there.
        account: a restaurant's or a courier's.
        owner: which one.
        since: inclusive; a week before `until`, if not given.
        until: exclusive; now, if not given.

    Raises:
        Invalid: no time, or too long a one.
    """
    end = _zoned("until", until or deps.clock.now())
    begin = _zoned("since", since) if since else _week_before(end)
    if begin >= end:
        raise Invalid(FieldProblem("until", "must be later than since"))
    if end - begin > LONGEST:
        raise Invalid(FieldProblem("since", f"must be at most {LONGEST.days} days before until"))
    lines = await books.lines_of(deps.database, account, owner, since=begin, until=end)
    return Payout(
        account=account,
        owner=owner,
        since=begin,
        until=end,
        lines=tuple(lines),
        total=sum((line.amount for line in lines), Decimal("0.00")),
    )


def _zoned(name: str, given: datetime) -> datetime:
    if given.tzinfo is None:
        raise Invalid(FieldProblem(name, "must say its offset from UTC"))
    return given


def _week_before(end: datetime) -> datetime:
    try:
        return end - WEEK
    except OverflowError:
        raise Invalid(FieldProblem("until", "is before all time")) from None
