"""Whatever order a service hears its facts in, and however often, the same comes of them."""

import json
import re
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice, permutations, repeat
from math import factorial
from random import Random

import pytest

from ordereats.chassis.background import Background
from ordereats.chassis.calls.client import Calls
from ordereats.chassis.calls.edges import Edges, EdgeSettings
from ordereats.chassis.clock import SystemClock
from ordereats.chassis.config import Environment
from ordereats.chassis.db.migrations import migrate
from ordereats.chassis.db.pool import Database
from ordereats.chassis.http.health import Draining
from ordereats.chassis.http.idempotency import Answers
from ordereats.chassis.messaging.bus import Message
from ordereats.chassis.messaging.inbox import Inbox
from ordereats.chassis.messaging.outbox import Outbox
from ordereats.chassis.service import Ports
from ordereats.contracts.events import type_of
from ordereats.topology import catalog, loading
from ordereats.topology.local.part import Process
from services.lives import HOLD, LIVES, messages
from support.builders import fresh_database, nothing

AT_MOST = 12
"""Orders of one life that are tried: all of up to three facts, this many of more."""
CAUSES = {
    "orders": {
        "ticket": "ordereats.payment.authorized.v1",
        "delivery": "ordereats.ticket.accepted.v1",
    }
}
"""What others say only because a service has told them that it heard of this."""
SEEDS = {
    "orders": """
        insert into orders (
            id, user_id, restaurant_id, items, subtotal_minor, delivery_fee_minor,
            service_fee_minor, tip_minor, tax_included_minor, total_minor, currency, status,
            version, created_at, updated_at, correlation_id
        ) values (
            1, 1, 1, '[]', 2500, 0, 0, 0, 0, 2500, 'EUR', 'pending', 1, now(), now(), 'the-walk'
        )
    """,
    "restaurants": f"""
        with place as (
            insert into restaurants (id, name, created_at, menu_version, menu_sections)
            values (1, 'Pho', now(), 1, '{{Soups}}') returning id
        ), dish as (
            insert into dishes (
                id, restaurant_id, section, position, name, price_minor, option_groups, sold_out,
                portions_left
            ) select 1, id, 0, 0, 'Pho', 1250, '[]', false, 3 from place
        )
        insert into portion_holds (id, restaurant_id, dish_ids, quantities, state, due_at)
        select '{HOLD}', id, '{{1}}', '{{2}}', 'held', now() + interval '1 hour' from place
    """,  # noqa: S608  # a constant
}
"""What is there before the first fact, by itself or by a request."""
NOT_COMPARED = {"version", "attempts", "due_at", "fact", "text", "estimated_at", "latest_at"}
"""Given by the order of work, or by what was known at the moment: words, estimates."""
OF_OTHERS = {"order_id", "user_id", "restaurant_id", "courier_id", "receiver_id"}
"""Ids that facts bring; the others are given when a row is made."""

Rows = dict[str, list[str]]


@dataclass
class Hearer:
    """One service on its own tables, which hears what it is told."""

    service: str
    database: Database
    inbox: Inbox
    types: Mapping[str, str]
    tables: Sequence[str]

    @property
    def forget(self) -> str:
        """Say in one statement that all is gone: cheaper than to truncate, and keys hold again."""
        gone = ", ".join(f"_{table} as (delete from {table})" for table in self.tables)  # noqa: S608  # tables of ours
        return f"with {gone} select"

    def hears(self, life: str) -> list[Message]:
        return [each for each in messages(life) if each.type in self.types]

    async def after(self, told: Sequence[Message]) -> Rows:
        """Tell a service that knows nothing yet, let it retry, and read what it has made of it."""
        await self.database.execute(self.forget)
        if self.service in SEEDS:
            await self.database.execute(SEEDS[self.service])
        for message in told:
            await self.inbox.handler(self.types[message.type])(message, 1)
        while await self._retry():
            pass
        return {table: await self._rows(table) for table in self.tables if table != "inbox"}

    async def _retry(self) -> bool:
        """Try all that waits once more; whether any of it is done now, and more may be."""
        before = await self._waiting()
        if before:
            await self.database.execute("update inbox set due_at = now() where state = 'waiting'")
            await self.inbox.retry_once()
        return 0 < await self._waiting() < before

    async def _waiting(self) -> int:
        return len(await self.database.fetch("select from inbox where state = 'waiting'"))

    async def _rows(self, table: str) -> list[str]:
        what = "data" if table == "outbox" else f"to_jsonb({table})"
        found = await self.database.fetch(f"select {what} as row from {table}")  # noqa: S608  # a table of ours
        rows = [json.loads(each["row"]) for each in found]
        return sorted(json.dumps(_plain(_seen(row))) for row in rows if _is_told(row))


def _is_told(row: Mapping[str, object]) -> bool:
    """Whether it is no fact of a ticket that nobody has seen, where the end came first."""
    return row.get("type") not in {"ordereats.ticket.created.v1", "ordereats.ticket.cancelled.v1"}


def _seen(row: Mapping[str, object]) -> Mapping[str, object]:
    """What is cancelled without what it was before: where the end came first, it never was that."""
    if row.get("status") != "cancelled" or "total_minor" in row:  # an order always was
        return row
    return {key: row[key] for key in ("order_id", "restaurant_id", "status") if key in row}


def _plain(value: object) -> object:
    """A value without what is another in each run."""
    match value:
        case dict():
            return {key: _plain(value[key]) for key in sorted(value) if _is_compared(key)}
        case list():
            return [_plain(each) for each in value]
        case str() if value.startswith(_TODAY):
            return "today"
    return value


def _is_compared(key: str) -> bool:
    name = re.sub("([A-Z])", r"_\1", key).lower()
    is_given = name == "id" or (name.endswith("_id") and name not in OF_OTHERS)
    return not is_given and name not in NOT_COMPARED and not name.endswith("_key")


# The run may go over midnight.
_TODAY = tuple(f"{SystemClock().now() + timedelta(days=days):%Y-%m-%d}" for days in (-1, 0, 1))


CASES = [
    pytest.param(service, life, id=f"{service}: {life}")
    for service in catalog.SERVICES
    for life in LIVES
]


@pytest.mark.parametrize(("service", "life"), CASES)
async def test_the_rows_are_the_same_in_any_order_and_with_repetitions(
    hearers: Mapping[str, Hearer], service: str, life: str
) -> None:
    hearer = hearers[service]
    told = hearer.hears(life)
    if not told:
        return
    expected = await hearer.after(told)

    for order in _orders(told, CAUSES.get(service, {})):
        rows = await hearer.after(order)

        assert rows == expected, [f"{each.type} {each.subject} {each.version}" for each in order]


def test_every_event_that_someone_hears_is_in_a_life(hearers: Mapping[str, Hearer]) -> None:
    heard = {type_ for each in hearers.values() for type_ in each.types}
    told = {type_of(fact) for life in LIVES.values() for fact in life}

    assert heard - told == set()


def _orders(told: Sequence[Message], causes: Mapping[str, str]) -> list[list[Message]]:
    """Every order that can be, or many of them; in each, a fact comes twice."""
    random = Random(len(told))  # noqa: S311  # repeatable, and no secret
    orders: Iterable[Sequence[Message]]
    if factorial(len(told)) <= AT_MOST:
        orders = permutations(told)
    else:
        orders = (random.sample(told, len(told)) for _ in repeat(None))
    found = []
    for order in islice((each for each in orders if _can_be(each, causes)), AT_MOST):
        again = random.randrange(len(order))
        repeated = list(order)
        repeated.insert(random.randint(again + 1, len(order)), order[again])
        found.append(repeated)
    return found


def _can_be(order: Sequence[Message], causes: Mapping[str, str]) -> bool:
    """Whether nothing comes before what it has followed from."""
    types = [each.type for each in order]
    for place, type_ in enumerate(types):
        cause = causes.get(type_.split(".")[1])
        if cause in types and types.index(cause) > place:
            return False
    return True


@pytest.fixture(scope="module")
async def hearers(postgres_server: Process) -> AsyncIterator[Mapping[str, Hearer]]:
    async with AsyncExitStack() as stack:
        yield {
            name: await stack.enter_async_context(_hearer(postgres_server, name))
            for name in catalog.SERVICES
        }


@asynccontextmanager
async def _hearer(server: Process, name: str) -> AsyncIterator[Hearer]:
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(fresh_database(server))
        await migrate(url, loading.migrations([name]))
        database = await stack.enter_async_context(Database.open(url, name="tests"))
        clock, edges = SystemClock(), Edges(EdgeSettings())
        service = loading.builder(name)(
            Ports(
                database=database,
                outbox=Outbox(name, clock, nothing),
                answers=Answers(database),
                calls=Calls({}, edges),
                edges=edges,
                clock=clock,
                background=await stack.enter_async_context(Background.open()),
                environment=Environment({}),
                resources=stack,
                draining=Draining(),
            )
        )
        found = await database.fetch(
            "select tablename from pg_tables where schemaname = 'public'"
            " and tablename not in ('schema_steps', 'idempotency_keys')"
        )
        yield Hearer(
            name,
            database,
            Inbox(database, service.subscriptions),
            {type_: each.queue.name for each in service.subscriptions for type_ in each.effects},
            sorted(row["tablename"] for row in found),
        )
