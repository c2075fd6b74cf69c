"""Counts durations by how long they were, as a histogram of Prometheus is read. Pure."""

from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate


class Histogram:
    """Durations of one thing.

    Attributes:
        sum_s: of all.
    """

    __slots__ = ("_bounds_s", "_counts", "sum_s")

    def __init__(self, bounds_s: Sequence[float]) -> None:
        """Count none yet.

        Args:
            bounds_s: up to which a duration falls into each bucket, growing; the last has no end.
        """
        self._bounds_s = bounds_s
        self._counts = [0] * (len(bounds_s) + 1)
        self.sum_s = 0.0

    def note(self, seconds: float) -> None:
        """Count one."""
        self._counts[bisect_left(self._bounds_s, seconds)] += 1
        self.sum_s += seconds

    def buckets(self) -> list[tuple[str, float]]:
        """How many were no longer than each bound, which is written as Prometheus has it."""
        bounds = (*map(str, self._bounds_s), "+Inf")
        return list(zip(bounds, accumulate(self._counts), strict=True))
