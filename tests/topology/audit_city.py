"""A small city in which all is well: what the services would have stored, an hour ago."""

import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from itertools import cycle
from pathlib import Path
from secrets import token_hex
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import msgspec

from ordereats.chassis.clock import SystemClock
from ordereats.chassis.db.migrations import migrate
from ordereats.sandbox.actions import World
from ordereats.sandbox.app import create
from ordereats.topology import catalog, loading
from ordereats.topology.audit.reading import read
from ordereats.topology.audit.report import Report, check
from ordereats.topology.local.part import Process
from ordereats.topology.settings import by_database
from support.builders import fresh_database, run_sql, serving

HOUR = timedelta(hours=1)
AN_HOUR_AGO = "now() - interval '1 hour'"

ORDER = f"""
insert into orders (
    id, user_id, restaurant_id, items, subtotal_minor, delivery_fee_minor, service_fee_minor,
    tip_minor, tax_included_minor, total_minor, currency, status, version, created_at, updated_at,
    correlation_id
) values ($1, 1, 1, '[]', 2500, 0, 0, 0, 0, 2500, 'EUR', $2, $3, {AN_HOUR_AGO}, {AN_HOUR_AGO}, '-')
"""  # noqa: S608  # a constant
MOVE = f"""
insert into order_moves (order_id, version, status, at) values ($1, $2, $3, {AN_HOUR_AGO})
"""  # noqa: S608  # a constant
PAYMENT = f"""
insert into payments (
    id, order_id, user_id, restaurant_id, amount_minor, currency, subtotal_minor,
    delivery_fee_minor, service_fee_minor, tip_minor, payment_method, status, goal, charge_key,
    refunded_minor, provider_reference, correlation_id, created_at
) values (
    $1::bigint, $1::bigint, 1, 1, 2500, 'EUR', 2500, 0, 0, 0, 'pm_card_visa', $2, 'take',
    $1::bigint::text, $3, $4, '-', {AN_HOUR_AGO}
)
"""  # noqa: S608  # a constant
REFUND = f"""
insert into refunds (
    id, payment_id, amount_minor, currency, status, reason, key, correlation_id, created_at,
    provider_reference
) values (
    $1::bigint, $1::bigint, 2500, 'EUR', 'succeeded', 'cancelled', $1::bigint::text, '-',
    {AN_HOUR_AGO}, $2
)
"""  # noqa: S608  # a constant
JOURNAL = f"""
with journal as (
    insert into journals (payment_id, kind, refund_id, at)
    values ($1, $2, $3, {AN_HOUR_AGO}) returning id
)
insert into postings (journal_id, line, account, owner, amount_minor, at)
select id, 1, 'customer', 1, -$4::bigint, {AN_HOUR_AGO} from journal
union all
select id, 2, 'provider', null, $4::bigint, {AN_HOUR_AGO} from journal
"""  # noqa: S608  # a constant
TICKET = f"""
insert into tickets (
    order_id, restaurant_id, status, items, created_at, accept_by, correlation_id
) values ($1, 1, $2, '[]', {AN_HOUR_AGO}, {AN_HOUR_AGO}, '-')
"""  # noqa: S608  # a constant
COURIER = "insert into couriers (id, name, vehicle, created_at) values (1, 'Ana', 'car', now())"
USER = "insert into users (name, email, created_at) values ('Hieu', 'hieu@test.com', now())"
RESTAURANT = "insert into restaurants (name, created_at) values ('Pho Saigon', now())"
DELIVERY = f"""
insert into deliveries (
    order_id, restaurant_id, user_id, status, ready_at, courier_id, search_at, find_by, created_at,
    delivered_at, correlation_id
) values (
    $1, 1, 1, $2, {AN_HOUR_AGO}, $3, {AN_HOUR_AGO}, {AN_HOUR_AGO}, {AN_HOUR_AGO},
    case when $2 = 'delivered' then {AN_HOUR_AGO} end, '-'
)
"""  # noqa: S608  # a constant
NOTIFICATION = f"""
insert into notifications (
    receiver, receiver_id, order_id, fact, subject, text, created_at, mail
) values ('customer', 1, $1, 'ordereats.order.paid.v1', 'Paid', 'It is.', {AN_HOUR_AGO}, 'kept')
"""  # noqa: S608  # a constant
RECEIVED = """
insert into inbox (consumer, message_id, type, subject, state)
values ('kitchen.order', '01890000-0000-7000-8000-000000000001', 'ordereats.order.paid.v1',
    'order/1', 'done')
"""
NOTED = """
insert into inbox (consumer, message_id, type, subject, state)
values ($1, gen_random_uuid(), $2, 'order/' || $3::bigint::text, 'done')
"""
ANSWERED = """
insert into idempotency_keys (scope, key, fingerprint, body)
values ('POST /orders', 'key-of-' || $1::bigint::text, '', '{"id": ' || $1::bigint::text || '}')
"""

DELIVERED = ("paid", "accepted", "ready", "picked_up", "delivered")


@dataclass(frozen=True, slots=True)
class City:
    """What the audit reads.

    Attributes:
        ledger: the address of a payment sandbox.
        folder: of its data.
    """

    databases: Mapping[str, str]
    ledger: str
    folder: Path

    async def sql(self, service: str, statement: str, *arguments: object) -> None:
        await run_sql(self.databases[service], statement, *arguments)

    async def audit(self, *, grace_s: float = 60, without_ledger: bool = False) -> Report:
        ledger = None if without_ledger else self.ledger
        snapshot = await read(self.databases, ledger=ledger, clock=SystemClock())
        return check(snapshot, grace_s=grace_s)

    async def charge(self, order_id: int) -> str:
        """Have the provider reserve the money of an order; the name of the charge."""
        intent = await self.ask(
            "payment_intents",
            {
                "amount": "2500",
                "currency": "eur",
                "payment_method": "pm_card_visa",
                "confirm": "true",
                "capture_method": "manual",
                "metadata[order_id]": str(order_id),
            },
        )
        return str(intent["id"])

    async def let_refund_fail(self) -> None:
        """Have the one refund fail at the provider, after it has succeeded."""
        (row,) = await run_sql(
            self.databases["payments"], "select provider_reference as name from refunds"
        )
        await self.ask(f"refunds/{row['name']}/fail", of="sandbox")

    async def ask(
        self, path: str, form: dict[str, str] | None = None, *, of: str = "v1"
    ) -> dict[str, Any]:
        """Ask the payment provider."""
        async with (
            aiohttp.ClientSession(headers={"Authorization": "Bearer sk_test_x"}) as session,
            session.post(f"{self.ledger}/{of}/{path}", data=form or {}) as answer,
        ):
            assert answer.status == 200, await answer.text()
            body: dict[str, Any] = msgspec.json.decode(await answer.read())
            return body


@asynccontextmanager
async def city(server: Process, folder: Path, *, has_one_database: bool) -> AsyncIterator[City]:
    """Fill a city for the length of a block: one order was delivered, two were cancelled."""
    async with AsyncExitStack() as stack:
        urls = [
            await stack.enter_async_context(fresh_database(server))
            for _ in (["all"] if has_one_database else catalog.SERVICES)
        ]
        databases = dict(zip(catalog.SERVICES, cycle(urls), strict=False))
        for url, names in by_database(databases).items():
            await migrate(url, loading.migrations(names))
        filled = await stack.enter_async_context(_with_provider(databases, folder))
        await _fill(filled)
        yield filled


@asynccontextmanager
async def copy_of(original: City, server: Process, folder: Path) -> AsyncIterator[City]:
    """Copy a city of one database, which nobody is using now, for the length of a block."""
    (url,) = set(original.databases.values())
    name = f"copy_{token_hex(6)}"
    await run_sql(server.url, f"create database {name} template {urlsplit(url).path[1:]}")
    copy = urlsplit(server.url)._replace(path=f"/{name}").geturl()
    shutil.copytree(original.folder, folder)
    async with _with_provider(dict.fromkeys(catalog.SERVICES, copy), folder) as it:
        yield it
    await run_sql(server.url, f"drop database {name} with (force)")


async def place(city: City, order_id: int, *moves: str) -> None:
    """Place an order, and make its moves."""
    status = moves[-1] if moves else "pending"
    await city.sql("orders", ORDER, order_id, status, len(moves) + 1)
    for version, each in enumerate(moves, start=2):
        await city.sql("orders", MOVE, order_id, version, each)


@asynccontextmanager
async def _with_provider(databases: Mapping[str, str], folder: Path) -> AsyncIterator[City]:
    """Run a payment sandbox in which it is an hour ago."""
    clock = SystemClock()
    world = World(lambda: clock.now() - HOUR, lambda kind: f"{kind}_{clock.new_id().hex}")
    sandbox = create(folder, world=world)
    async with sandbox.lifespan(), serving(sandbox) as client:
        yield City(databases, client.url, folder)


async def _fill(city: City) -> None:
    await city.sql(
        "users", "insert into users (name, email, created_at) values ('A', 'a@b', now())"
    )
    await city.sql("restaurants", RESTAURANT)
    await city.sql("deliveries", COURIER)
    await place(city, 1, *DELIVERED)
    await place(city, 2, "paid", "accepted", "cancelled")
    await place(city, 3, "cancelled")
    for order_id in (1, 2):
        charge = await city.charge(order_id)
        await city.ask(f"payment_intents/{charge}/capture")
        status, refunded = ("captured", 0) if order_id == 1 else ("refunded", 2500)
        await city.sql("payments", PAYMENT, order_id, status, refunded, charge)
        await city.sql("payments", JOURNAL, order_id, "captured", None, 2500)
        if refunded:
            refund = await city.ask("refunds", {"payment_intent": charge})
            await city.sql("payments", REFUND, order_id, refund["id"])
            await city.sql("payments", JOURNAL, order_id, "refunded", order_id, -2500)
        await city.sql("orders", ANSWERED, order_id)
        await city.sql("notifications", NOTIFICATION, order_id)
    await city.sql("payments", PAYMENT, 3, "voided", 0, None)
    await city.sql("kitchen", TICKET, 1, "handed_over")
    await city.sql("kitchen", TICKET, 2, "cancelled")
    await city.sql("kitchen", RECEIVED)
    await city.sql("kitchen", NOTED, "kitchen.order", "ordereats.order.cancelled.v1", 2)
    await city.sql("deliveries", DELIVERY, 1, "delivered", 1)
    await city.sql("deliveries", DELIVERY, 2, "cancelled", None)
    for order_id in (1, 2):
        await city.sql(
            "deliveries", NOTED, "deliveries.order", "ordereats.order.accepted.v1", order_id
        )
    for order_id in (1, 2, 3):
        await city.sql("payments", NOTED, "payments.order", "ordereats.order.placed.v1", order_id)
