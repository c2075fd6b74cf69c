"""Counts what the log of a process says that is not as it should be, by the name of the event.

Most of what a person has to look at is an event of the log already; so it can be an alert as well.
"""

from typing import Final

from prometheus_client.metrics_core import CounterMetricFamily
from structlog.typing import EventDict, WrappedLogger

from ordereats.chassis.telemetry.metrics import Families

COUNTED: Final = frozenset({"warning", "error", "critical"})


class LogEvents:
    """The warnings and errors of a process. Libraries are not counted: theirs are sentences."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str], int] = {}

    def processor(self, _logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        """Count an event on its way to the log; it has its `level` already."""
        if event["level"] in COUNTED:
            key = (event["level"], str(event["event"]))
            self._counts[key] = self._counts.get(key, 0) + 1
        return event

    async def families(self) -> Families:
        """One counter."""
        family = CounterMetricFamily(
            "ordereats_log_events",
            "Warnings and errors that this process has logged.",
            labels=("level", "event"),
        )
        for key, count in self._counts.items():
            family.add_metric(key, count)
        return [family]
