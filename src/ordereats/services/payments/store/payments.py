"""The rows of payments: read, leased, and stored by whoever holds their lock."""

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple, TypeAlias
from uuid import UUID

from ordereats.chassis.context import Context
from ordereats.chassis.db.pool import Database, Reader, Row, Transaction, columns, one
from ordereats.contracts.ids import OrderId, PaymentId
from ordereats.contracts.menus import PriceParts
from ordereats.contracts.money import Money
from ordereats.contracts.orders import OrderPlaced
from ordereats.contracts.payments import PaymentStatus
from ordereats.services.payments.domain.payments import Goal, Payment

KEY_LIVES_H = 23
"""The provider forgets a key after 24 h or more; a request is never repeated blindly after this."""

_REQUEST = """
insert into payments (
    order_id, user_id, restaurant_id, amount_minor, currency, subtotal_minor, delivery_fee_minor,
    service_fee_minor, tip_minor, payment_method, status, goal, charge_key, due_at, created_at,
    correlation_id, traceparent
)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'requested', 'reserve', $11, now(), $12, $13, $14)
on conflict (order_id) do nothing
"""
_COLUMNS = f"""
    id, order_id, user_id, restaurant_id, amount_minor, currency, subtotal_minor,
    delivery_fee_minor, service_fee_minor, tip_minor, payment_method, status, goal, released_for,
    told, charge_key, attempts, version, created_at, correlation_id, traceparent,
    provider_reference, decline_reason, refunded_minor,
    coalesce(asked_at < now() - interval '{KEY_LIVES_H} hours', false) as is_key_old
"""
_LEASE_DUE = f"""
update payments set lease = $1, attempts = attempts + 1, asked_at = coalesce(asked_at, now()),
    due_at = now() + make_interval(secs => $2)
where id in (
    select id from payments where due_at <= now()
        and (status, goal) not in (select * from unnest($4::text[], $5::text[]))
    order by due_at limit $3 for update skip locked
)
returning {_COLUMNS}
"""  # noqa: S608  # a constant
_DUE_IN = """
select extract(epoch from min(due_at) - now())::float as due_in_s from payments
where due_at > now() - make_interval(secs => $1)
"""
_UNSETTLED = """
select count(*) as number,
    coalesce(extract(epoch from now() - min(coalesce(asked_at, created_at))), 0)::float as oldest_s
from (
    select asked_at, created_at from payments where due_at is not null order by due_at limit $1
) as due
"""
_CHANGED = """
    status = $2, goal = $3, released_for = $4, told = $5, attempts = $6,
    asked_at = case when $6 > 0 then asked_at end, provider_reference = $7, decline_reason = $8,
    refunded_minor = $9, version = $10
"""
_CHANGE = f"""
update payments set {_CHANGED},
    due_at = case when lease is not null then due_at when $11 then now() end
where id = $1
"""  # noqa: S608  # a constant
_SETTLE = f"""
update payments set {_CHANGED},
    due_at = case when $11 then now() end, lease = null, last_error = null
where id = $1
"""  # noqa: S608  # a constant
_POSTPONE = """
update payments set due_at = now() + make_interval(secs => $3), lease = null, last_error = $4
where id = $1 and lease = $2
"""
# Attempts begin anew when something else is to be asked for, also during a lease.
_POSTPONE_UNASKED = f"""
update payments set due_at = now() + make_interval(secs => $3), lease = null,
    attempts = greatest(attempts - 1, 0), asked_at = case when attempts > 1 then asked_at end
where id = $1 and lease = $2 returning {_COLUMNS}
"""  # noqa: S608  # a constant
_ONE = f"select {_COLUMNS} from payments where id = $1"  # noqa: S608  # a constant
_OF_ORDER = f"select {_COLUMNS} from payments where order_id = $1"  # noqa: S608  # a constant
_OF_KEY = f"select {_COLUMNS} from payments where charge_key = $1 for update"  # noqa: S608  # a constant
_LOCK = f"{_ONE} for update"
_LOCK_LEASED = f"{_ONE} and lease = $2 for update"
_LOCK_OF_ORDER = f"{_OF_ORDER} for update"


class Unsettled(NamedTuple):
    """What waits for the provider.

    Attributes:
        number: how many.
        oldest_s: how long ago one was first asked about; or made, where it never was.
    """

    number: int
    oldest_s: float


Key: TypeAlias = tuple[str, datetime]
"""A charge's key, and when it was made."""
Kind: TypeAlias = tuple[PaymentStatus, Goal]
"""Of payment: the provider is asked for the same of all of a kind."""


async def request(
    tx: Transaction, placed: OrderPlaced, price: PriceParts, *, charge: Key, at: Context
) -> None:
    """Note that an order's money is to be asked for, at once."""
    charge_key, created_at = charge
    await tx.execute(
        _REQUEST,
        placed.order_id,
        placed.user_id,
        placed.restaurant_id,
        placed.total.minor,
        placed.total.currency,
        price.subtotal.minor,
        price.delivery_fee.minor,
        price.service_fee.minor,
        price.tip.minor,
        placed.payment_method,
        charge_key,
        created_at,
        at.correlation_id,
        at.traceparent,
    )


async def lease_due(
    database: Database, lease: UUID, but: Collection[Kind] = (), *, for_s: float, limit: int
) -> list[Payment]:
    """Take some of what is due, but for these kinds; nobody else gets it for so long."""
    statuses, goals = columns(tuple(but), 2)
    rows = await database.fetch(_LEASE_DUE, lease, for_s, limit, statuses, goals)
    return [_payment(row) for row in rows]


async def due_in_s(database: Database, since_s: float) -> float | None:
    """When the next is due, of those that came due since then or will; below 0: it is."""
    due_s: float | None = one(await database.fetch_one(_DUE_IN, since_s))["due_in_s"]
    return due_s


async def unsettled(reader: Reader, *, limit: int) -> Unsettled:
    """What the provider is to be asked for, now or again; counted up to a limit."""
    return Unsettled(**one(await reader.fetch_one(_UNSETTLED, limit)))


async def change(tx: Transaction, payment: Payment, *, is_due: bool) -> None:
    """Store a payment that is locked here; whoever is asking the provider goes on with that."""
    await tx.execute(_CHANGE, *_changes(payment), is_due)


async def settle(tx: Transaction, payment: Payment, *, is_due: bool) -> None:
    """Store a payment that is locked here, and end the lease that is held on it."""
    await tx.execute(_SETTLE, *_changes(payment), is_due)


async def postpone(
    database: Database, payment_id: PaymentId, *, lease: UUID, by_s: float, error: str
) -> None:
    """Ask again after a pause."""
    await database.execute(_POSTPONE, payment_id, lease, by_s, error)


async def postpone_unasked(
    tx: Transaction, payment_id: PaymentId, *, lease: UUID, by_s: float
) -> Payment | None:
    """Ask after a pause, as if the lease had never been; none when it has passed to someone else.

    Returns:
        The payment as it is without it, locked.
    """
    return _maybe(await tx.fetch_one(_POSTPONE_UNASKED, payment_id, lease, by_s))


async def lock(tx: Transaction, payment_id: PaymentId) -> Payment | None:
    """One payment, which nobody else changes until the end of the transaction."""
    return _maybe(await tx.fetch_one(_LOCK, payment_id))


async def lock_leased(tx: Transaction, payment_id: PaymentId, *, lease: UUID) -> Payment | None:
    """Likewise; none when the lease has passed to someone else."""
    return _maybe(await tx.fetch_one(_LOCK_LEASED, payment_id, lease))


async def lock_of_order(tx: Transaction, order_id: OrderId) -> Payment | None:
    """Likewise, by its order."""
    return _maybe(await tx.fetch_one(_LOCK_OF_ORDER, order_id))


async def lock_of_key(tx: Transaction, charge_key: str) -> Payment | None:
    """Likewise, by what the provider knows it by."""
    return _maybe(await tx.fetch_one(_OF_KEY, charge_key))


async def find(reader: Reader, payment_id: PaymentId) -> Payment | None:
    """One payment."""
    return _maybe(await reader.fetch_one(_ONE, payment_id))


async def of_order(reader: Reader, order_id: OrderId) -> list[Payment]:
    """The payments of an order: one, or none yet."""
    return [_payment(row) for row in await reader.fetch(_OF_ORDER, order_id)]


def _changes(payment: Payment) -> tuple[object, ...]:
    return (
        payment.id,
        payment.status.value,
        payment.goal.value,
        payment.released_for,
        payment.told,
        payment.attempts,
        payment.provider_reference,
        payment.decline_reason,
        payment.refunded.minor,
        payment.version,
    )


def _maybe(row: Row | None) -> Payment | None:
    return None if row is None else _payment(row)


def _payment(row: Row) -> Payment:
    currency = row["currency"]
    parts = ("subtotal_minor", "delivery_fee_minor", "service_fee_minor", "tip_minor")
    return Payment(
        id=row["id"],
        order_id=row["order_id"],
        user_id=row["user_id"],
        restaurant_id=row["restaurant_id"],
        amount=Money(row["amount_minor"], currency),
        price=PriceParts(*(Money(row[part], currency) for part in parts)),
        payment_method=row["payment_method"],
        status=PaymentStatus(row["status"]),
        goal=Goal(row["goal"]),
        released_for=row["released_for"],
        told=row["told"] and PaymentStatus(row["told"]),
        charge_key=row["charge_key"],
        attempts=row["attempts"],
        is_key_old=row["is_key_old"],
        version=row["version"],
        created_at=row["created_at"],
        correlation_id=row["correlation_id"],
        traceparent=row["traceparent"],
        provider_reference=row["provider_reference"],
        decline_reason=row["decline_reason"],
        refunded=Money(row["refunded_minor"], currency),
    )
