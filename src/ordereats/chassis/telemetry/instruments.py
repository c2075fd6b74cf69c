"""What a service counts of its own business, in plain numbers that are read at the scrape.

A process counts what it did itself: of several of a service, the sum is what happened. A count is
told after the commit, and begins at 0 with the process. What is so now is asked of the database,
and every process of a service says the same of it: there the greatest is what is so.
"""

from collections.abc import Iterable, Sequence

from prometheus_client.metrics_core import CounterMetricFamily, HistogramMetricFamily

from ordereats.chassis.telemetry.histogram import Histogram
from ordereats.chassis.telemetry.metrics import Families


class Counter:
    """How often something happened, by the values of its labels: words of the code, and few."""

    def __init__(
        self,
        name: str,
        text: str,
        labels: Sequence[str] = (),
        *,
        known: Iterable[tuple[str, ...]] = (),
    ) -> None:
        """Begin at 0.

        Args:
            name: without `_total`, which the page adds.
            text: what is counted, as a sentence.
            labels: by which it is counted.
            known: values that are shown from the beginning. A series that appears with its first
                count has no step that Prometheus could see, and an alert would miss it.
        """
        self._name, self._text, self._labels = name, text, labels
        self._counts: dict[tuple[str, ...], int] = dict.fromkeys(known, 0)

    def note(self, *values: str, by: int = 1) -> None:
        """Count some."""
        self._counts[values] = self._counts.get(values, 0) + by

    async def families(self) -> Families:
        """One counter."""
        family = CounterMetricFamily(self._name, self._text, labels=self._labels)
        for values, count in self._counts.items():
            family.add_metric(values, count)
        return [family]


class Durations:
    """How long something took, by the values of its labels: likewise."""

    def __init__(
        self,
        name: str,
        text: str,
        labels: Sequence[str] = (),
        *,
        bounds_s: Sequence[float],
        known: Iterable[tuple[str, ...]] = (),
    ) -> None:
        """Begin with none; `bounds_s` as in `Histogram`, the others as in `Counter`."""
        self._name, self._text, self._labels = name, text, labels
        self._bounds_s = tuple(map(float, bounds_s))  # Prometheus has `le="1.0"`, never `le="1"`
        self._histograms = {each: Histogram(self._bounds_s) for each in known}

    def note(self, seconds: float, *values: str) -> None:
        """Count one. Below 0 it is 0: the clocks of two machines may differ."""
        histogram = self._histograms.get(values)
        if histogram is None:
            histogram = self._histograms.setdefault(values, Histogram(self._bounds_s))
        histogram.note(max(0.0, seconds))

    async def families(self) -> Families:
        """One histogram."""
        family = HistogramMetricFamily(self._name, self._text, labels=self._labels)
        for values, histogram in self._histograms.items():
            family.add_metric(values, histogram.buckets(), histogram.sum_s)
        return [family]
