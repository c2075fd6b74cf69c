"""Reads what the audit needs: each database in one snapshot, and the provider's ledger."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

import aiohttp
import asyncpg
import msgspec

from ordereats.chassis.clock import Clock
from ordereats.chassis.errors import DatabaseError, Misconfigured
from ordereats.contracts.events import Event, type_of
from ordereats.contracts.orders import OrderAccepted, OrderCancelled, OrderPaid, OrderPlaced
from ordereats.topology.audit import rows
from ordereats.topology.audit.rows import Entry, Snapshot
from ordereats.topology.settings import by_database

T = TypeVar("T")

PAGE = 500
_TIMEOUT_S = 60.0
_REMEMBERED = "6 days"
"""An inbox forgets after seven: what is older than this need not stand in it."""


def _noted(consumer: str, *facts: type[Event]) -> str:
    """Whether a row follows from a fact about its order that stands in the inbox, or did once."""
    types = ", ".join(f"'{type_of(each)}'" for each in facts)
    return f"""
        created_at < now() - interval '{_REMEMBERED}' or exists (
            select from inbox
            where consumer = '{consumer}' and type in ({types}) and state = 'done'
                and subject = 'order/' || order_id::text
        )
    """


_OF_EACH_DATABASE: Mapping[str, tuple[type, str]] = {
    "unpublished": (
        rows.Unpublished,
        """
        select source, subject, type, extract(epoch from now() - time)::float as age_s
        from outbox order by position
        """,
    ),
    "received": (
        rows.Received,
        """
        select consumer, message_id::text, max(type) as type,
            case when bool_or(state = 'parked') then 'parked' else max(state) end as state,
            count(*) as times, max(last_error) as last_error
        from inbox group by consumer, message_id
        having count(*) > 1 or bool_or(state = 'parked') order by max(received_at)
        """,
    ),
}
_OF_SERVICE: Mapping[str, Mapping[str, tuple[type, str]]] = {
    "orders": {
        "orders": (
            rows.Order,
            """
            select id, status, version, total_minor,
                extract(epoch from now() - created_at)::float as age_s,
                extract(epoch from now() - updated_at)::float as still_s,
                extract(epoch from now() - due_at)::float as overdue_s
            from orders order by id
            """,
        ),
        "moves": (
            rows.Move,
            """
            select order_id, version, status, extract(epoch from now() - at)::float as age_s
            from order_moves order by order_id, version
            """,
        ),
        "answers": (
            rows.Answer,
            """
            select key, (body::json ->> 'id')::bigint as order_id from idempotency_keys
            where scope = 'POST /orders' order by created_at
            """,
        ),
    },
    "payments": {
        "payments": (
            rows.Payment,
            f"""
            select id, order_id, status, amount_minor, refunded_minor, provider_reference,
                (
                    select coalesce(sum(amount_minor), 0)::bigint from refunds
                    where payment_id = payments.id and status = 'succeeded'
                ) as refunds_minor,
                extract(epoch from now() - created_at)::float as age_s,
                {_noted("payments.order", OrderPlaced)} as is_noted
            from payments order by id
            """,  # noqa: S608  # constants
        ),
        "journals": (
            rows.Journal,
            """
            select journals.id, payment_id, extract(epoch from now() - journals.at)::float as age_s,
                coalesce(sum(amount_minor), 0)::bigint as balance_minor,
                coalesce(
                    sum(amount_minor) filter (where account = 'provider'), 0
                )::bigint as provider_minor
            from journals left join postings on journal_id = journals.id
            group by journals.id order by journals.id
            """,
        ),
    },
    "kitchen": {
        "tickets": (
            rows.Ticket,
            f"""
            select id, order_id, status, extract(epoch from now() - created_at)::float as age_s,
                extract(epoch from now() - accept_by)::float as overdue_s,
                {_noted("kitchen.order", OrderPaid, OrderCancelled)} as is_noted
            from tickets order by id
            """,  # noqa: S608  # constants
        ),
    },
    "deliveries": {
        "deliveries": (
            rows.Delivery,
            f"""
            select id, order_id, status, courier_id,
                extract(epoch from now() - created_at)::float as age_s,
                extract(epoch from now() - find_by)::float as search_overdue_s,
                extract(epoch from now() - offered_until)::float as offer_overdue_s,
                extract(epoch from now() - delivered_at)::float as brought_s,
                {_noted("deliveries.order", OrderAccepted, OrderCancelled)} as is_noted
            from deliveries order by id
            """,  # noqa: S608  # constants
        ),
    },
    "notifications": {
        "told": (
            rows.Told,
            """
            select receiver, receiver_id, order_id, fact, count(*) as times from notifications
            group by receiver, receiver_id, order_id, fact having count(*) > 1
            """,
        ),
    },
}


class LedgerEntry(msgspec.Struct, frozen=True, rename="camel"):
    """A line of the provider's ledger, as it is shown."""

    sequence: int
    kind: str
    payment_intent: str
    amount: int
    metadata: dict[str, Any]
    at: datetime


async def read(databases: Mapping[str, str], *, ledger: str | None, clock: Clock) -> Snapshot:
    """Read everything.

    Args:
        databases: the address of each service's.
        ledger: the address of the provider, if it shows its ledger.
        clock: tells the age of the ledger's lines.

    Raises:
        DatabaseError: a database did not answer, or has not the tables of this version.
        Misconfigured: the provider's ledger can't be read.
    """
    found: dict[str, Any] = {"received_in_all": 0}
    for url, names in by_database(databases).items():
        for what, value in (await _read_database(url, names)).items():
            found[what] = found[what] + value if what in found else value
    # Last: what the provider did since the databases were read is younger than any grace.
    return Snapshot(**found, entries=await _read_ledger(ledger, clock))


async def _read_database(url: str, names: Sequence[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    try:
        connection = await asyncpg.connect(url, timeout=5, command_timeout=_TIMEOUT_S)
        try:
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                wanted = dict(_OF_EACH_DATABASE)
                for name in names:
                    wanted |= _OF_SERVICE.get(name, {})
                for what, (kind, sql) in wanted.items():
                    found[what] = _converted(await connection.fetch(sql), kind)
                found["received_in_all"] = await connection.fetchval("select count(*) from inbox")
                if "notifications" in names:
                    found["told_in_all"] = await connection.fetchval(
                        "select count(*) from notifications"
                    )
        finally:
            connection.terminate()
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
        said = f"{type(error).__name__}: {error}"
        raise DatabaseError(f"The database of {', '.join(names)} can't be read: {said}") from error
    return found


async def _read_ledger(base: str | None, clock: Clock) -> list[Entry] | None:
    if base is None:
        return None
    found: list[LedgerEntry] = []
    try:
        timeout = aiohttp.ClientTimeout(total=_TIMEOUT_S)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            while len(found) % PAGE == 0:
                after = found[-1].sequence if found else 0
                page = {"limit": PAGE, "after": after}
                async with session.get(f"{base.rstrip('/')}/ledger", params=page) as answer:
                    if answer.status == 404:  # a provider that shows none, such as Stripe itself
                        return None
                    answer.raise_for_status()
                    more = msgspec.json.decode(await answer.read(), type=list[LedgerEntry])
                if not more:
                    break
                found += more
    except (aiohttp.ClientError, TimeoutError, msgspec.MsgspecError) as error:
        raise Misconfigured(
            f"The provider's ledger at {base} can't be read: {type(error).__name__}."
        ) from error
    now = clock.now()
    return [
        Entry(
            kind=each.kind,
            intent=each.payment_intent,
            amount_minor=each.amount,
            order_id=each.metadata.get("order_id"),
            age_s=(now - each.at).total_seconds(),
        )
        for each in found
    ]


def _converted(found: Sequence[Mapping[str, Any]], kind: type[T]) -> list[T]:
    return msgspec.convert([dict(row) for row in found], list[kind])  # type: ignore[valid-type]  # a type that is known when it runs
