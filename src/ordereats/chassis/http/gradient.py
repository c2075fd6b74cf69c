"""Learns how many requests a process can work on at once, from how long each takes. Pure.

After Gradient2 of Netflix's concurrency-limits and Envoy's adaptive concurrency, without what is
known to go wrong with them: a request is compared with others of its own route, so that a change of
the mix is no overload; what is usual is learnt only where nothing queues, so that a long overload
does not become the usual; the limit grows only while what there is of it is used and is enough.
"""

from dataclasses import dataclass
from math import sqrt
from statistics import median

TOLERANCE = 2.0
"""How many times as long as on a quiet day a request may take."""
SLACK_S = 0.1
"""And how much longer: hardly anyone feels it, and with a short queue no core waits for work."""
WINDOW_S = 0.1
WINDOW_SAMPLES = 10
"""A window is judged when it has lasted so long and has so many samples."""
STALE_S = 1.0
"""A window that has fewer by then says nothing of now."""
QUIET = 8
"""With no more requests at work, the time that one takes is its own."""
FALLING, RISING = 0.1, 0.02
"""How fast the usual time follows one that is shorter, and one that is longer: it is nearer to the
quickest than to the mean, and a rare hiccup does not move it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Where the limit may lie.

    Attributes:
        least: never lower: so many at once share their statements.
        first: where it begins.
        most: never higher.
    """

    least: int = 16
    first: int = 200
    most: int = 1000


class Gradient:
    """The limit, as learnt so far.

    Attributes:
        limit: how many requests may be at work at once.
        slowness: how long requests take by how long they may: the median of the last window.
    """

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self.limit = float(bounds.first)
        self.slowness = 0.0
        self._usual_s: dict[str, float] = {}
        self._samples: list[float] = []
        self._peak = 0
        self._opened = 0.0
        self._lowered = float("-inf")

    def is_quiet(self, in_flight: int) -> bool:
        """Whether so many at work leave each the time that is usual for it.

        At the least limit the least of it is quiet enough. It gets no quieter than that, and where
        everything takes longer than it used to, for good, that is the new usual.
        """
        least = self._bounds.least
        return in_flight <= (least if self.limit <= least else QUIET)

    def learn(self, route: str, took_s: float, *, was_quiet: bool) -> None:
        """Take in what is usual on a route: the time of one that was answered without a fault.

        Args:
            route: what was asked.
            took_s: of our own time.
            was_quiet: when it came, and now. If not, it can only show that less is usual.
        """
        usual_s = self._usual_s.setdefault(route, took_s)
        if took_s < usual_s:
            self._usual_s[route] = usual_s + FALLING * (took_s - usual_s)
        elif was_quiet:
            self._usual_s[route] = usual_s + RISING * (took_s - usual_s)

    def note(self, route: str, *, began: float, took_s: float, now: float, in_flight: int) -> None:
        """Take in how long a request took, and judge when a window is full.

        Args:
            route: what was asked.
            began: when it came. Who came before the limit was lowered tells of the time before.
            took_s: of our own time.
            now: it has just ended.
            in_flight: how many were at work, this one among them.
        """
        if began < self._lowered:
            return
        if len(self._samples) < WINDOW_SAMPLES and now - self._opened > STALE_S:
            self._samples.clear()
        if not self._samples:
            self._opened, self._peak = now, 0
        may_take_s = TOLERANCE * self._usual_s.get(route, took_s) + SLACK_S
        self._samples.append(took_s / may_take_s)
        self._peak = max(self._peak, in_flight)
        if len(self._samples) >= WINDOW_SAMPLES and now - self._opened >= WINDOW_S:
            self._judge(now)
            self._samples.clear()

    def _judge(self, now: float) -> None:
        self.slowness = median(self._samples)
        if self.slowness > 1:
            lower = max(self._bounds.least, self.limit * max(0.5, 1 / self.slowness))
            if lower < self.limit:
                self.limit, self._lowered = lower, now
        elif self._peak >= self.limit / 2:
            self.limit = min(self._bounds.most, self.limit + sqrt(self.limit))
