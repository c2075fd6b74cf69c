"""Shows each database of a process: its connections, and the messages that wait in it."""

import asyncio
from collections.abc import Mapping
from time import monotonic

from prometheus_client.metrics_core import GaugeMetricFamily

from ordereats.chassis import context
from ordereats.chassis.context import Context
from ordereats.chassis.db.pool import Database, Row, one
from ordereats.chassis.errors import DatabaseError, Unavailable
from ordereats.chassis.telemetry.metrics import Families

PATIENCE_S = 1.0
"""A scrape waits no longer for databases that are down."""

MOST_COUNTED = 10_000
"""Counting on would cost a database the more, the worse it is already."""

# Each by an index, and so for the same price however many were handled before.
_WAITING = """
select
    (select count(*) from (select from outbox limit $1) as unpublished) as unpublished,
    coalesce((
        select extract(epoch from now() - time) from outbox order by position limit 1
    ), 0)::float as oldest_s,
    (select count(*) from (
        select from inbox where state = 'waiting' limit $1
    ) as waiting) as waiting,
    (select count(*) from (select from inbox where state = 'parked' limit $1) as parked) as parked
"""


class Databases:
    """The databases of a process, each by the names of the services that share it."""

    def __init__(self) -> None:
        self._databases: dict[str, Database] = {}

    def add(self, name: str, database: Database) -> None:
        """Show one more."""
        self._databases[name] = database

    async def families(self) -> Families:
        """Gauges. What a database itself would have to say is absent while it does not answer."""
        rows = await _all_waiting(self._databases)
        up = GaugeMetricFamily(
            "ordereats_database_up",
            f"Whether the database answered this scrape within {PATIENCE_S:.0f} s.",
            labels=("database",),
        )
        for name, row in rows.items():
            up.add_metric((name,), row is not None)
        answered = {name: row for name, row in rows.items() if row is not None}
        return [up, *self._connections(), *_outboxes(answered), _inboxes(answered)]

    def _connections(self) -> tuple[GaugeMetricFamily, GaugeMetricFamily]:
        open_ones = GaugeMetricFamily(
            "ordereats_database_connections",
            "Connections of the pool, at work or at rest.",
            labels=("database", "state"),
        )
        limit = GaugeMetricFamily(
            "ordereats_database_connections_limit",
            "How many there may be.",
            labels=("database",),
        )
        for name, database in self._databases.items():
            connections = database.connections()
            open_ones.add_metric((name, "busy"), connections.busy)
            open_ones.add_metric((name, "idle"), connections.idle)
            limit.add_metric((name,), connections.limit)
        return open_ones, limit


async def _all_waiting(databases: Mapping[str, Database]) -> dict[str, Row | None]:
    async with asyncio.TaskGroup() as tasks:
        asked = {name: tasks.create_task(_waiting(each)) for name, each in databases.items()}
    return {name: each.result() for name, each in asked.items()}


async def _waiting(database: Database) -> Row | None:
    deadline = monotonic() + PATIENCE_S
    with context.entered(Context(context.current().correlation_id, deadline=deadline)):
        try:
            return one(await database.fetch_one(_WAITING, MOST_COUNTED))
        except (DatabaseError, Unavailable):
            return None


def _outboxes(rows: Mapping[str, Row]) -> tuple[GaugeMetricFamily, GaugeMetricFamily]:
    unpublished = GaugeMetricFamily(
        "ordereats_outbox_unpublished_events",
        f"Events that wait to be published, counted up to {MOST_COUNTED}.",
        labels=("database",),
    )
    oldest = GaugeMetricFamily(
        "ordereats_outbox_oldest_event_seconds",
        "How long the first of them has waited.",
        labels=("database",),
    )
    for name, row in rows.items():
        unpublished.add_metric((name,), row["unpublished"])
        oldest.add_metric((name,), row["oldest_s"])
    return unpublished, oldest


def _inboxes(rows: Mapping[str, Row]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(
        "ordereats_inbox_messages",
        f"Messages to be tried again or, parked, looked at; counted up to {MOST_COUNTED}.",
        labels=("database", "state"),
    )
    for name, row in rows.items():
        family.add_metric((name, "waiting"), row["waiting"])
        family.add_metric((name, "parked"), row["parked"])
    return family
