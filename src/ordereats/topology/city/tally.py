"""What became of requests, counted."""

from collections import Counter, defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass

OK = "ok"
UNKNOWN = "unknown"
LATEST = 5


@dataclass(frozen=True, slots=True)
class Line:
    """One kind of request.

    Attributes:
        outcomes: `ok`, `refused CODE`, `failed WHY`, or `unknown`: it may have been done.
        repeated: how often it was sent again.
        median_ms: from the wish to the answer, with all repetitions and the wait for a connection
            of ours; of those that were answered. So is `p99_ms`.
    """

    what: str
    outcomes: dict[str, int]
    repeated: int
    median_ms: float
    p99_ms: float


class Tally:
    """Counts requests by what they ask and what came of them."""

    def __init__(self) -> None:
        self._outcomes: dict[str, Counter[str]] = defaultdict(Counter)
        self._repeated: Counter[str] = Counter()
        self._took_s: dict[str, list[float]] = defaultdict(list)
        self.latest: deque[str] = deque(maxlen=LATEST)

    def count(self, what: str, outcome: str, took_s: float | None = None) -> None:
        """A request has come to its end."""
        self._outcomes[what][outcome] += 1
        if took_s is not None:
            self._took_s[what].append(took_s)
        if outcome != OK:
            self.latest.append(f"{what}: {outcome}")

    def repeated(self, what: str) -> None:
        """A request is sent again."""
        self._repeated[what] += 1

    @property
    def total(self) -> int:
        """All requests that have come to an end."""
        return sum(sum(each.values()) for each in self._outcomes.values())

    @property
    def failed(self) -> int:
        """Those that the platform neither did nor refused, as far as is known."""
        return sum(
            count
            for outcomes in self._outcomes.values()
            for outcome, count in outcomes.items()
            if outcome != OK and not outcome.startswith("refused")
        )

    def lines(self) -> Iterator[Line]:
        """One line for each kind of request."""
        for what, outcomes in sorted(self._outcomes.items()):
            took = sorted(self._took_s[what])
            yield Line(
                what,
                dict(outcomes.most_common()),
                self._repeated[what],
                1000 * quantile(took, 0.5),
                1000 * quantile(took, 0.99),
            )


def quantile(ordered: list[float], part: float) -> float:
    """The value below which this part of the values lies; 0 where there are none."""
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))] if ordered else 0.0
