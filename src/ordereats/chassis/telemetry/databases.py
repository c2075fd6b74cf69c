"""Shows each database of a process: its connections, and the messages that wait in it."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from prometheus_client.metrics_core import GaugeMetricFamily

from ordereats.chassis.db.pool import Database
from ordereats.chassis.messaging import lag
from ordereats.chassis.messaging.lag import MOST_COUNTED, InboxLag, Lag
from ordereats.chassis.telemetry.asking import PATIENCE_S, asked
from ordereats.chassis.telemetry.metrics import Families


@dataclass(frozen=True, slots=True)
class _Shown:
    database: Database
    consumers: Sequence[str]


class Databases:
    """The databases of a process, each by the names of the services that share it."""

    def __init__(self) -> None:
        self._databases: dict[str, _Shown] = {}

    def add(self, name: str, database: Database, consumers: Sequence[str]) -> None:
        """Show one more, and the inboxes of these consumers in it."""
        self._databases[name] = _Shown(database, consumers)

    async def families(self) -> Families:
        """Gauges. What a database itself would have to say is absent while it does not answer."""
        lags = await self._lags()
        up = GaugeMetricFamily(
            "ordereats_database_up",
            f"Whether the database answered this scrape within {PATIENCE_S:.0f} s.",
            labels=("database",),
        )
        for name, found in lags.items():
            up.add_metric((name,), found is not None)
        answered = {name: found for name, found in lags.items() if found is not None}
        return [up, *self._connections(), *_outboxes(answered), *self._inboxes(answered)]

    async def _lags(self) -> dict[str, Lag | None]:
        async with asyncio.TaskGroup() as tasks:
            lags = {
                name: tasks.create_task(asked(partial(lag.read, each.database)))
                for name, each in self._databases.items()
            }
        return {name: each.result() for name, each in lags.items()}

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
        for name, each in self._databases.items():
            connections = each.database.connections()
            open_ones.add_metric((name, "busy"), connections.busy)
            open_ones.add_metric((name, "idle"), connections.idle)
            limit.add_metric((name,), connections.limit)
        return open_ones, limit

    def _inboxes(self, lags: Mapping[str, Lag]) -> tuple[GaugeMetricFamily, GaugeMetricFamily]:
        messages = GaugeMetricFamily(
            "ordereats_inbox_messages",
            f"Messages to be tried again or, parked, looked at; counted up to {MOST_COUNTED}.",
            labels=("consumer", "state"),
        )
        oldest = GaugeMetricFamily(
            "ordereats_inbox_oldest_message_seconds",
            "How long the first of those to be tried again has been there.",
            labels=("consumer",),
        )
        for name, found in lags.items():
            inboxes = {each: InboxLag(each, 0, 0, 0) for each in self._databases[name].consumers}
            inboxes |= {each.consumer: each for each in found.inboxes}
            for each in inboxes.values():
                messages.add_metric((each.consumer, "waiting"), each.waiting)
                messages.add_metric((each.consumer, "parked"), each.parked)
                oldest.add_metric((each.consumer,), each.oldest_s)
        return messages, oldest


def _outboxes(lags: Mapping[str, Lag]) -> list[GaugeMetricFamily]:
    unpublished = GaugeMetricFamily(
        "ordereats_outbox_unpublished_events",
        f"Events that wait to be published, counted up to {MOST_COUNTED}.",
        labels=("database",),
    )
    refused = GaugeMetricFamily(
        "ordereats_outbox_refused_events",
        "Of these, those that the broker did not take: no queue is there for them, or one is full.",
        labels=("database",),
    )
    oldest = GaugeMetricFamily(
        "ordereats_outbox_oldest_event_seconds",
        "How long the first of them has waited.",
        labels=("database",),
    )
    for name, found in lags.items():
        unpublished.add_metric((name,), found.unpublished)
        refused.add_metric((name,), found.refused)
        oldest.add_metric((name,), found.oldest_s)
    return [unpublished, refused, oldest]
