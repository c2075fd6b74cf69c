"""The SQL of kitchen, one statement a function. All times are the database's."""

from dataclasses import dataclass
from datetime import datetime

from ordereats.chassis.context import Context
from ordereats.chassis.db.pool import Reader, Row, Transaction
from ordereats.contracts.ids import OrderId, RestaurantId, TicketId
from ordereats.contracts.kitchen import TicketStatus
from ordereats.contracts.orders import OrderedDish, OrderPaid
from ordereats.contracts.wire import decode, encode
from ordereats.services.kitchen.domain import Ticket

_COLUMNS = """
    id, order_id, restaurant_id, status, items, notes, created_at, accept_by, prep_minutes,
    ready_at, reason, version, correlation_id, traceparent
"""
_INSERT = f"""
insert into tickets (
    order_id, restaurant_id, status, items, notes, accept_by, correlation_id, traceparent
)
values ($1, $2, 'new', $3, $4, now() + make_interval(secs => $5), $6, $7)
on conflict (order_id) do nothing returning {_COLUMNS}
"""  # noqa: S608  # a constant
_BAR = """
insert into tickets (
    order_id, restaurant_id, status, accept_by, correlation_id, traceparent
)
values ($1, $2, 'cancelled', now(), $3, $4)
on conflict (order_id) do nothing returning id, version
"""
_MEET_BAR = """
update tickets set version = version + 1
where order_id = $1 and items is null returning id, version
"""
_LOCK = f"""
select {_COLUMNS}, now() as now from tickets
where id = $1 and items is not null for update
"""  # noqa: S608  # a constant
_LOCK_OF_ORDER = f"""
select {_COLUMNS} from tickets
where order_id = $1 and items is not null for update
"""  # noqa: S608  # a constant
_LOCK_DUE = f"""
select {_COLUMNS} from tickets where status = 'new' and accept_by <= now()
order by accept_by limit $1 for update skip locked
"""  # noqa: S608  # a constant
_SAVE = """
update tickets set status = $2, prep_minutes = $3, ready_at = $4, reason = $5, version = $6
where id = $1
"""
_ONE = f"select {_COLUMNS} from tickets where id = $1 and items is not null"  # noqa: S608  # a constant
_PAGE = f"""
select {_COLUMNS} from tickets
where restaurant_id = $1 and id > $2 and items is not null order by id limit $3
"""  # noqa: S608  # a constant
_PAGE_OF_STATUS = f"""
select {_COLUMNS} from tickets
where restaurant_id = $1 and id > $2 and status = $4 and items is not null order by id limit $3
"""  # noqa: S608  # a constant

_STORY = """
select created_at as at, 'ticket/' || id as subject,
    'ticket ' || status || coalesce(', ' || prep_minutes || ' min', '') as what,
    0 as attempts, null as error
from tickets where order_id = $1
"""


@dataclass(frozen=True, slots=True)
class Locked:
    """A ticket that nobody else moves until the transaction ends.

    Attributes:
        now: when the transaction began, by the database.
    """

    ticket: Ticket
    now: datetime


@dataclass(frozen=True, slots=True)
class Bar:
    """The mark of an order that was taken back before it came, in the place of its ticket.

    Attributes:
        version: counts how often it was told.
    """

    id: TicketId
    version: int


async def insert(
    tx: Transaction, paid: OrderPaid, *, accept_within_s: float, at: Context
) -> Ticket | None:
    """Make the ticket of an order; None when there is one, or the order was taken back."""
    row = await tx.fetch_one(
        _INSERT,
        paid.order_id,
        paid.restaurant_id,
        encode(paid.items).decode(),
        paid.notes,
        accept_within_s,
        at.correlation_id,
        at.traceparent,
    )
    return None if row is None else _ticket(row)


async def bar(
    tx: Transaction, order_id: OrderId, restaurant_id: RestaurantId, at: Context
) -> Bar | None:
    """Let no ticket be made of an order that is still to come; None when something is there.

    Of this and `insert` at the same moment one waits for the other, and then does nothing.
    """
    row = await tx.fetch_one(_BAR, order_id, restaurant_id, at.correlation_id, at.traceparent)
    return None if row is None else Bar(row["id"], row["version"])


async def meet_bar(tx: Transaction, order_id: OrderId) -> Bar | None:
    """The mark of an order that came after all, at its next version; None where there is none."""
    row = await tx.fetch_one(_MEET_BAR, order_id)
    return None if row is None else Bar(row["id"], row["version"])


async def lock(tx: Transaction, ticket_id: TicketId) -> Locked | None:
    """A ticket by its id."""
    row = await tx.fetch_one(_LOCK, ticket_id)
    return None if row is None else Locked(_ticket(row), row["now"])


async def lock_of_order(tx: Transaction, order_id: OrderId) -> Ticket | None:
    """The ticket of an order; nobody else moves it until this transaction ends."""
    row = await tx.fetch_one(_LOCK_OF_ORDER, order_id)
    return None if row is None else _ticket(row)


async def lock_due(tx: Transaction, *, limit: int) -> list[Ticket]:
    """Some whose time is over, and that nobody else is about to move."""
    return [_ticket(row) for row in await tx.fetch(_LOCK_DUE, limit)]


async def save(tx: Transaction, ticket: Ticket) -> None:
    """Store a ticket that was locked in this transaction."""
    await tx.execute(
        _SAVE,
        ticket.id,
        ticket.status.value,
        ticket.prep_minutes,
        ticket.ready_at,
        ticket.reason,
        ticket.version,
    )


async def find(reader: Reader, ticket_id: TicketId) -> Ticket | None:
    """One ticket."""
    row = await reader.fetch_one(_ONE, ticket_id)
    return None if row is None else _ticket(row)


async def page(
    reader: Reader,
    restaurant_id: RestaurantId,
    status: TicketStatus | None,
    *,
    after: int,
    limit: int,
) -> list[Ticket]:
    """The next ones of a restaurant in the order of their ids; without a status, all."""
    if status is None:  # two statements, because each has an index of its own
        rows = await reader.fetch(_PAGE, restaurant_id, after, limit)
    else:
        rows = await reader.fetch(_PAGE_OF_STATUS, restaurant_id, after, limit, status.value)
    return [_ticket(row) for row in rows]


async def story(reader: Reader, order_id: OrderId) -> list[Row]:
    """See `chassis.story.facts_of`."""
    return await reader.fetch(_STORY, order_id)


def _ticket(row: Row) -> Ticket:
    return Ticket(
        id=row["id"],
        order_id=row["order_id"],
        restaurant_id=row["restaurant_id"],
        status=TicketStatus(row["status"]),
        items=decode(row["items"].encode(), tuple[OrderedDish, ...]),
        notes=row["notes"],
        created_at=row["created_at"],
        accept_by=row["accept_by"],
        version=row["version"],
        correlation_id=row["correlation_id"],
        traceparent=row["traceparent"],
        prep_minutes=row["prep_minutes"],
        ready_at=row["ready_at"],
        reason=row["reason"],
    )
