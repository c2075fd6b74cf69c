"""An event loop that answers requests, simulated: its time passes only by what it works on."""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count

from ordereats.chassis.context import Priority
from ordereats.chassis.http.shedding import Limiter
from ordereats.chassis.slots import Slot

REFUSAL_S = 0.00002


@dataclass(frozen=True)
class Kind:
    """Of request.

    Attributes:
        work_s: what the loop has to do for one, half of it before it waits and half after.
        wait_s: for the database.
    """

    name: str
    work_s: float
    wait_s: float
    priority: Priority = Priority.CHANGE


@dataclass
class Outcome:
    """What became of requests that were due within one stretch of time."""

    seconds: float
    took_s: dict[str, list[float]] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=dict)

    def rate(self, *, within_s: float = 1.0) -> float:
        """Answers a second that came in time."""
        good = sum(each <= within_s for took in self.took_s.values() for each in took)
        return good / self.seconds


class EventLoop:
    """One core; what is ready runs in turns, whatever else comes meanwhile waits for the next."""

    def __init__(self) -> None:
        self.now = 0.0
        self._later: list[tuple[float, int, Iterator[float], bool]] = []
        self._numbers = count()

    def run(
        self, limiter: Limiter, kinds: Sequence[Kind], *, rate: float, seconds: float
    ) -> Outcome:
        """Let requests come at a steady rate, the kinds in turns."""
        outcome = Outcome(seconds)
        began = self.now
        due: deque[tuple[float, Kind]] = deque(
            (began + number / rate, kinds[number % len(kinds)])
            for number in range(int(rate * seconds))
        )
        while due or self._later:
            ready = deque(self._ready(due, limiter, outcome))
            if not ready:
                first = [due[0][0]] if due else []
                waits = [self._later[0][0]] if self._later else []
                self.now = min(first + waits)
                continue
            for work in ready:
                self._step(work)
        return outcome

    def _ready(
        self, due: "deque[tuple[float, Kind]]", limiter: Limiter, outcome: Outcome
    ) -> Iterator[Iterator[float]]:
        until = self.now
        while self._later and self._later[0][0] <= until:
            yield heappop(self._later)[2]
        while due and due[0][0] <= until:
            at, kind = due.popleft()
            slot = limiter.admit(kind.priority)
            if slot is None:
                self.now += REFUSAL_S
                outcome.refused[kind.name] = outcome.refused.get(kind.name, 0) + 1
            else:
                yield self._answer(kind, slot, at, outcome)

    def _answer(self, kind: Kind, slot: Slot, at: float, outcome: Outcome) -> Iterator[float]:
        self.now += kind.work_s / 2
        yield kind.wait_s
        self.now += kind.work_s / 2
        slot.end(kind.name, has_failed=False)
        outcome.took_s.setdefault(kind.name, []).append(self.now - at)

    def _step(self, work: Iterator[float]) -> None:
        for wait_s in work:
            heappush(self._later, (self.now + wait_s, next(self._numbers), work, True))
            return
