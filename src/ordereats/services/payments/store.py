"""The SQL of payments, one statement a function."""

from datetime import datetime
from uuid import UUID

from ordereats.chassis.context import Context
from ordereats.chassis.db.pool import Database, Reader, Row, Transaction
from ordereats.contracts.ids import OrderId, PaymentId
from ordereats.contracts.money import Money
from ordereats.contracts.orders import OrderPlaced
from ordereats.contracts.payments import PaymentStatus
from ordereats.services.payments.domain import Payment

_REQUEST = """
insert into payments (
    order_id, amount_minor, currency, payment_method, status, charge_key, due_at, created_at,
    correlation_id, traceparent
)
values ($1, $2, $3, $4, 'requested', $5, now(), $6, $7, $8) on conflict (order_id) do nothing
"""
_COLUMNS = """
    id, order_id, amount_minor, currency, payment_method, status, charge_key, attempts, version,
    created_at, correlation_id, traceparent, provider_reference, decline_reason
"""
_LEASE_DUE = f"""
update payments set lease = $1, attempts = attempts + 1,
    due_at = now() + make_interval(secs => $2)
where id in (
    select id from payments where due_at <= now()
    order by due_at limit $3 for update skip locked
)
returning {_COLUMNS}
"""  # noqa: S608  # a constant
_SETTLE = """
update payments set status = $3, version = $4, provider_reference = $5, decline_reason = $6,
    due_at = null, lease = null, last_error = null
where id = $1 and lease = $2 and version = $4 - 1
"""
_POSTPONE = """
update payments set due_at = now() + make_interval(secs => $3), lease = null, last_error = $4
where id = $1 and lease = $2
"""
_ONE = f"select {_COLUMNS} from payments where id = $1"  # noqa: S608  # a constant
_OF_ORDER = f"select {_COLUMNS} from payments where order_id = $1"  # noqa: S608  # a constant


async def request(
    tx: Transaction, placed: OrderPlaced, *, charge_key: str, created_at: datetime, at: Context
) -> None:
    """Note that an order's money is to be asked for, at once."""
    await tx.execute(
        _REQUEST,
        placed.order_id,
        placed.total.minor,
        placed.total.currency,
        placed.payment_method,
        charge_key,
        created_at,
        at.correlation_id,
        at.traceparent,
    )


async def lease_due(database: Database, *, lease: UUID, for_s: float, limit: int) -> list[Payment]:
    """Take some of what is due, for so long; nobody else gets it meanwhile."""
    return [_payment(row) for row in await database.fetch(_LEASE_DUE, lease, for_s, limit)]


async def settle(tx: Transaction, payment: Payment, *, lease: UUID) -> bool:
    """Store the provider's answer; false when the lease has passed to someone else."""
    changed = await tx.execute(
        _SETTLE,
        payment.id,
        lease,
        payment.status.value,
        payment.version,
        payment.provider_reference,
        payment.decline_reason,
    )
    return changed == 1


async def postpone(
    database: Database, payment_id: PaymentId, *, lease: UUID, by_s: float, error: str
) -> None:
    """Ask again after a pause."""
    await database.execute(_POSTPONE, payment_id, lease, by_s, error)


async def find(reader: Reader, payment_id: PaymentId) -> Payment | None:
    """One payment."""
    row = await reader.fetch_one(_ONE, payment_id)
    return None if row is None else _payment(row)


async def of_order(reader: Reader, order_id: OrderId) -> list[Payment]:
    """The payments of an order: one, or none yet."""
    return [_payment(row) for row in await reader.fetch(_OF_ORDER, order_id)]


def _payment(row: Row) -> Payment:
    return Payment(
        id=row["id"],
        order_id=row["order_id"],
        amount=Money(row["amount_minor"], row["currency"]),
        payment_method=row["payment_method"],
        status=PaymentStatus(row["status"]),
        charge_key=row["charge_key"],
        attempts=row["attempts"],
        version=row["version"],
        created_at=row["created_at"],
        correlation_id=row["correlation_id"],
        traceparent=row["traceparent"],
        provider_reference=row["provider_reference"],
        decline_reason=row["decline_reason"],
    )
