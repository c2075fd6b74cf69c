"""Counts requests: how many, how they ended and how long they took, by route."""

from prometheus_client.metrics_core import CounterMetricFamily, HistogramMetricFamily

from ordereats.chassis.telemetry.histogram import Histogram
from ordereats.chassis.telemetry.metrics import Families

BOUNDS_S = (0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""From a read of one row to the longest patience that a request may have."""

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Requests:
    """The requests of a process."""

    def __init__(self) -> None:
        self._series: dict[tuple[str, str], _Series] = {}

    def note(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one.

        Args:
            method: anything that is not one of HTTP's is counted as `other`.
            route: the template of the path, never the path.
            status: of the answer.
            seconds: from its first byte to the end of its answer.
        """
        series = self._series.get((method, route))
        if series is None:
            series = self._first(method, route)
        series.statuses[status // 100] += 1
        series.durations.note(seconds)

    async def families(self) -> Families:
        """A counter by the class of the status, and a histogram of durations."""
        requests = CounterMetricFamily(
            "ordereats_http_requests",
            "Requests that were answered, by the class of their status.",
            labels=("method", "route", "status"),
        )
        durations = HistogramMetricFamily(
            "ordereats_http_request_duration_seconds",
            "How long answering took.",
            labels=("method", "route"),
        )
        for key, series in self._series.items():
            for kind, count in enumerate(series.statuses):
                if count:
                    requests.add_metric((*key, f"{kind}xx"), count)
            durations.add_metric(key, series.durations.buckets(), series.durations.sum_s)
        return [requests, durations]

    def _first(self, method: str, route: str) -> "_Series":
        key = (method if method in METHODS else "other", route)
        return self._series.setdefault(key, _Series())


class _Series:
    """What is counted of one method and route."""

    __slots__ = ("durations", "statuses")

    def __init__(self) -> None:
        self.statuses = [0] * 6
        self.durations = Histogram(BOUNDS_S)
