"""Measures how long events take from what they tell of to their effect, by consumer."""

from datetime import datetime

from prometheus_client.metrics_core import HistogramMetricFamily

from ordereats.chassis.clock import Clock
from ordereats.chassis.telemetry.histogram import Histogram
from ordereats.chassis.telemetry.metrics import Families

BOUNDS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0, 600.0, 3600.0)
"""From a platform at rest to an hour in which a service was down."""


class Effects:
    """The effects of events in a process. Two machines' clocks are behind each duration."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._durations: dict[str, Histogram] = {}

    def note(self, consumer: str, happened_at: datetime) -> None:
        """An event that tells of this moment has had its effect, and that is committed."""
        seconds = max(0.0, (self._clock.now() - happened_at).total_seconds())
        self._durations.setdefault(consumer, Histogram(BOUNDS_S)).note(seconds)

    async def families(self) -> Families:
        """One histogram."""
        durations = HistogramMetricFamily(
            "ordereats_event_effect_seconds",
            "From what an event tells of to the commit of its effect.",
            labels=("consumer",),
        )
        for consumer, its in self._durations.items():
            durations.add_metric((consumer,), its.buckets(), its.sum_s)
        return [durations]
