"""The rows of refunds, and of the webhooks that were received."""

from collections.abc import Collection
from typing import NamedTuple
from uuid import UUID

from ordereats.chassis.clock import Clock
from ordereats.chassis.context import Context
from ordereats.chassis.db.pool import Database, Reader, Row, Transaction, one
from ordereats.contracts.ids import PaymentId, RefundId
from ordereats.contracts.money import Money
from ordereats.contracts.payments import RefundStatus
from ordereats.services.payments.domain.payments import Payment
from ordereats.services.payments.domain.refunds import Refund
from ordereats.services.payments.store.payments import KEY_LIVES_H, Unsettled

_COLUMNS = f"""
    r.id, r.payment_id, p.order_id, p.provider_reference as charge, p.charge_key, r.amount_minor,
    r.currency, r.status, r.reason, r.key, r.attempts, r.created_at, r.correlation_id,
    r.traceparent, r.provider_reference,
    coalesce(r.asked_at < now() - interval '{KEY_LIVES_H} hours', false) as is_key_old
"""
_ADD = f"""
with r as (
    insert into refunds (
        payment_id, amount_minor, currency, status, reason, key, due_at, created_at,
        correlation_id, traceparent
    )
    values ($1, $2, $3, 'requested', $4, $5, now(), $6, $7, $8) returning *
)
select {_COLUMNS} from r join payments p on p.id = r.payment_id
"""  # noqa: S608  # a constant
_LEASE_DUE = f"""
update refunds r set lease = $1, attempts = r.attempts + 1,
    asked_at = coalesce(r.asked_at, now()), due_at = now() + make_interval(secs => $2)
from payments p
where p.id = r.payment_id and r.id in (
    select id from refunds where due_at <= now() and status <> all($4::text[])
    order by due_at limit $3 for update skip locked
)
returning {_COLUMNS}
"""  # noqa: S608  # a constant
_DUE_IN = """
select extract(epoch from min(due_at) - now())::float as due_in_s from refunds
where due_at > now() - make_interval(secs => $1)
"""
_UNSETTLED = """
select count(*) as number,
    coalesce(extract(epoch from now() - min(coalesce(asked_at, created_at))), 0)::float as oldest_s
from (
    select asked_at, created_at from refunds where due_at is not null order by due_at limit $1
) as due
"""
_SETTLE = """
update refunds set status = $3, provider_reference = $4, due_at = null, lease = null,
    last_error = null
where id = $1 and lease = $2
"""
_POSTPONE = """
update refunds set due_at = now() + make_interval(secs => $3), lease = null, last_error = $4,
    provider_reference = coalesce($5, provider_reference)
where id = $1 and lease = $2
"""
_POSTPONE_UNASKED = """
update refunds set due_at = now() + make_interval(secs => $3), lease = null,
    attempts = greatest(attempts - 1, 0), asked_at = case when attempts > 1 then asked_at end
where id = $1 and lease = $2
"""
_RENEW = "update refunds set key = $3, asked_at = now() where id = $1 and lease = $2"
_HURRY = """
update refunds set due_at = now()
where payment_id = $1 and status = 'requested' and lease is null
"""
_DOUBT = "update refunds set due_at = now() where payment_id = $1 and status <> 'failed'"
_UNDER_WAY = """
select coalesce(sum(amount_minor), 0)::bigint as minor from refunds
where payment_id = $1 and status = 'requested'
"""
_OF_PAYMENT = f"""
select {_COLUMNS} from refunds r join payments p on p.id = r.payment_id
where r.payment_id = $1 and r.id > $2 order by r.id limit $3
"""  # noqa: S608  # a constant
_NOTE = """
insert into provider_events (id, type) values ($1, $2)
on conflict do nothing returning true as is_new
"""
_FORGET = """
delete from provider_events where id in (
    select id from provider_events
    where received_at < now() - make_interval(days => $1) limit 1000
)
"""


class Asked(NamedTuple):
    """A refund to be stored."""

    amount: Money
    reason: str


async def add(
    tx: Transaction, payment: Payment, asked: Asked, *, clock: Clock, at: Context
) -> Refund:
    """Note that money is to go back, at once."""
    row = await tx.fetch_one(
        _ADD,
        payment.id,
        asked.amount.minor,
        asked.amount.currency,
        asked.reason,
        str(clock.new_id()),
        clock.now(),
        at.correlation_id,
        at.traceparent,
    )
    return _refund(one(row))


async def lease_due(
    database: Database, lease: UUID, but: Collection[RefundStatus] = (), *, for_s: float, limit: int
) -> list[Refund]:
    """Take some of what is due, but for these kinds; nobody else gets it for so long."""
    rows = await database.fetch(_LEASE_DUE, lease, for_s, limit, list(but))
    return [_refund(row) for row in rows]


async def due_in_s(database: Database, since_s: float) -> float | None:
    """When the next is due, of those that came due since then or will; below 0: it is."""
    due_s: float | None = one(await database.fetch_one(_DUE_IN, since_s))["due_in_s"]
    return due_s


async def unsettled(reader: Reader, *, limit: int) -> Unsettled:
    """What the provider is to be asked for, now or again; counted up to a limit."""
    return Unsettled(**one(await reader.fetch_one(_UNSETTLED, limit)))


async def settle(tx: Transaction, refund: Refund, *, lease: UUID) -> bool:
    """Store what became of it; false when the lease has passed to someone else."""
    changed = await tx.execute(
        _SETTLE, refund.id, lease, refund.status.value, refund.provider_reference
    )
    return changed == 1


async def postpone(
    database: Database, refund: Refund, *, lease: UUID, by_s: float, error: str
) -> None:
    """Ask again after a pause; keeps what the provider calls it."""
    await database.execute(_POSTPONE, refund.id, lease, by_s, error, refund.provider_reference)


async def postpone_unasked(
    database: Database, refund_id: RefundId, *, lease: UUID, by_s: float
) -> None:
    """Ask after a pause, as if the lease had never been."""
    await database.execute(_POSTPONE_UNASKED, refund_id, lease, by_s)


async def renew_key(database: Database, refund_id: RefundId, *, lease: UUID, key: str) -> bool:
    """Store a new key; false when the lease has passed to someone else."""
    return await database.execute(_RENEW, refund_id, lease, key) == 1


async def hurry(tx: Transaction, payment_id: PaymentId) -> None:
    """Ask about the refunds of a payment at once, unless somebody is asking."""
    await tx.execute(_HURRY, payment_id)


async def doubt(tx: Transaction, payment_id: PaymentId) -> None:
    """Ask at once about all refunds of a payment that have not failed, also those that succeeded.

    Whoever is asking already may have been answered before it failed, and so loses the lease.
    """
    await tx.execute(_DOUBT, payment_id)


async def under_way(tx: Transaction, payment: Payment) -> Money:
    """How much of a payment is about to be refunded."""
    row = one(await tx.fetch_one(_UNDER_WAY, payment.id))
    return Money(row["minor"], payment.amount.currency)


async def of_payment(
    reader: Reader, payment_id: PaymentId, *, after: int, limit: int
) -> list[Refund]:
    """The refunds of a payment, in the order of their ids."""
    return [_refund(row) for row in await reader.fetch(_OF_PAYMENT, payment_id, after, limit)]


async def note_event(tx: Transaction, event_id: str, kind: str) -> bool:
    """Note that a webhook was received; false when it was before."""
    return await tx.fetch_one(_NOTE, event_id, kind) is not None


async def forget_events(database: Database, *, after_days: int) -> bool:
    """Forget some webhooks that can't come again; whether there may be more."""
    return await database.execute(_FORGET, after_days) == 1000


def _refund(row: Row) -> Refund:
    return Refund(
        id=row["id"],
        payment_id=row["payment_id"],
        order_id=row["order_id"],
        charge=row["charge"],
        charge_key=row["charge_key"],
        amount=Money(row["amount_minor"], row["currency"]),
        status=RefundStatus(row["status"]),
        reason=row["reason"],
        key=row["key"],
        attempts=row["attempts"],
        is_key_old=row["is_key_old"],
        created_at=row["created_at"],
        correlation_id=row["correlation_id"],
        traceparent=row["traceparent"],
        provider_reference=row["provider_reference"],
    )
