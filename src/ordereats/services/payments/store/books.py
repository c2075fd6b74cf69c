"""The rows of the ledger: journals and their postings. They are only ever added to."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from itertools import groupby

from ordereats.chassis.db.pool import Reader, Row, Transaction, columns
from ordereats.contracts.ids import PaymentId, RefundId
from ordereats.contracts.payments import Account, Journal, PayoutLine, Posting
from ordereats.services.payments.domain.books import Booking

_OPEN = """
insert into journals (payment_id, kind, refund_id, at) values ($1, $2, $3, $4)
on conflict do nothing returning id
"""
_POST = """
insert into postings (journal_id, at, line, account, owner, amount_minor)
select $1, $2, * from unnest($3::int[], $4::text[], $5::bigint[], $6::bigint[])
"""
_OF_PAYMENT = """
select j.id, j.payment_id, p.order_id, j.kind, j.at, l.account, l.owner, l.amount_minor
from (select * from journals where payment_id = $1 and id > $2 order by id limit $3) j
join payments p on p.id = j.payment_id
join postings l on l.journal_id = j.id
order by j.id, l.line
"""
_OF_OWNER = """
select p.order_id, j.kind, l.at, l.amount_minor
from postings l
join journals j on j.id = l.journal_id
join payments p on p.id = j.payment_id
where l.account = $1 and l.owner = $2 and l.at >= $3 and l.at < $4
order by l.at, l.journal_id
"""


async def book(
    tx: Transaction,
    booking: Booking,
    payment_id: PaymentId,
    *,
    at: datetime,
    refund_id: RefundId | None = None,
) -> None:
    """Add a journal. One that is there already, for the same reason, is not added again."""
    if not booking.lines:
        return
    row = await tx.fetch_one(_OPEN, payment_id, booking.kind.value, refund_id, at)
    if row is None:
        return
    lines = [
        (number, line.account.value, line.owner, line.amount)
        for number, line in enumerate(booking.lines, 1)
    ]
    await tx.execute(_POST, row["id"], at, *columns(lines, 4))


async def of_payment(
    reader: Reader, payment_id: PaymentId, *, after: int, limit: int
) -> list[Journal]:
    """The journals of a payment, in the order of their ids."""
    rows = await reader.fetch(_OF_PAYMENT, payment_id, after, limit)
    return [_journal(lines) for _, lines in groupby(rows, key=lambda row: row["id"])]


async def lines_of(
    reader: Reader, account: Account, owner: int, *, since: datetime, until: datetime
) -> list[PayoutLine]:
    """What one owner's account gained and gave in a time, in its order."""
    rows = await reader.fetch(_OF_OWNER, account.value, owner, since, until)
    return [
        PayoutLine(row["order_id"], row["kind"], row["at"], _amount(row["amount_minor"]))
        for row in rows
    ]


def _journal(lines: Iterable[Row]) -> Journal:
    first, *rest = lines
    return Journal(
        id=first["id"],
        payment_id=first["payment_id"],
        order_id=first["order_id"],
        kind=first["kind"],
        at=first["at"],
        postings=tuple(
            Posting(Account(line["account"]), line["owner"], _amount(line["amount_minor"]))
            for line in (first, *rest)
        ),
    )


def _amount(minor: int) -> Decimal:
    """As answers show it; unlike `Money` it may be below 0."""
    return Decimal(minor).scaleb(-2)
