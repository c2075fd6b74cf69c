"""Measures how long events take from what they tell of to their effect, by consumer."""

from bisect import bisect_left
from datetime import datetime
from itertools import accumulate

from prometheus_client.metrics_core import HistogramMetricFamily

from ordereats.chassis.clock import Clock
from ordereats.chassis.telemetry.metrics import Families

BOUNDS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0, 600.0, 3600.0)
"""From a platform at rest to an hour in which a service was down."""

_LE = (*(str(bound) for bound in BOUNDS_S), "+Inf")


class Effects:
    """The effects of events in a process. Two machines' clocks are behind each duration."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._series: dict[str, _Series] = {}

    def note(self, consumer: str, happened_at: datetime) -> None:
        """An event that tells of this moment has had its effect, and that is committed."""
        seconds = max(0.0, (self._clock.now() - happened_at).total_seconds())
        series = self._series.setdefault(consumer, _Series())
        series.counts[bisect_left(BOUNDS_S, seconds)] += 1
        series.sum_s += seconds

    async def families(self) -> Families:
        """One histogram."""
        durations = HistogramMetricFamily(
            "ordereats_event_effect_seconds",
            "From what an event tells of to the commit of its effect.",
            labels=("consumer",),
        )
        for consumer, series in self._series.items():
            counted = zip(_LE, accumulate(series.counts), strict=True)
            durations.add_metric((consumer,), list(counted), series.sum_s)
        return [durations]


class _Series:
    """What is counted of one consumer."""

    __slots__ = ("counts", "sum_s")

    def __init__(self) -> None:
        self.counts = [0] * len(_LE)
        self.sum_s = 0.0
