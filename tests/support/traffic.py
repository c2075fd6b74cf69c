"""Steady requests in the background of a test, each kept with its answer and its time."""

import asyncio
import math
from asyncio import Task, TaskGroup
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from time import monotonic

from support.platform import Answer

Ask = Callable[[], Awaitable[Answer]]
NOISE_S = 0.03


@dataclass(frozen=True)
class Asked:
    """A request, and what came of it.

    Attributes:
        began: by the monotonic clock.
    """

    answer: Answer
    began: float
    seconds: float

    def without(self, stalls: "Iterable[Asked]") -> "Asked":
        """The same, less the longest of these that was under way in the same moments."""
        ended = self.began + self.seconds
        beside = [
            each.seconds
            for each in stalls
            if each.began < ended and self.began < each.began + each.seconds
        ]
        return replace(self, seconds=max(0.0, self.seconds - max(beside, default=0.0)))


@dataclass(frozen=True)
class Sample:
    """Requests of some kinds that were sent in the same stretch of time.

    Attributes:
        asked: those of each kind; their seconds are without stalls of the machine.
        control: what has nothing to do with what is tested, if it was asked for.
    """

    asked: Mapping[str, Sequence[Asked]]
    control: Sequence[Asked]

    def answers(self, kind: str) -> list[Answer]:
        """In the order in which they were asked for."""
        return [each.answer for each in self.asked[kind]]

    def statuses(self, kind: str) -> Counter[int]:
        """How often each."""
        return Counter(answer.status for answer in self.answers(kind))

    def median(self, kind: str) -> float:
        """Seconds that half of them did not take."""
        return self._share(kind, 0.5)

    def p95(self, kind: str) -> float:
        """Seconds that all but one in twenty did not take."""
        return self._share(kind, 0.95)

    def slowest(self, kind: str) -> float:
        """Seconds."""
        return self._share(kind, 1)

    def slowed(self, before: "Sample", kind: str) -> str:
        """What is wrong if the p95 is more than twice of what it was; empty if it is not.

        What is below 30 ms is noise, and what the control takes now is what anything takes.
        """
        now, earlier, any_now = self.p95(kind), before.p95(kind), _share(self.control, 0.95)
        if now <= 2 * max(earlier, any_now, NOISE_S):
            return ""
        return f"{kind}: p95 {now:.3f} s, before {earlier:.3f} s, control {any_now:.3f} s"

    def _share(self, kind: str, share: float) -> float:
        return _share(self.asked[kind], share)


class Traffic:
    """The requests so far."""

    def __init__(self, kinds: Mapping[str, Ask], control: Ask | None) -> None:
        self._kinds = kinds
        self._control = control
        self._sent: dict[str, list[Task[Asked]]] = {kind: [] for kind in kinds}
        self._controls: list[Task[Asked]] = []
        self._more = asyncio.Event()

    async def watch(self, requests: int) -> Sample:
        """The next so many requests of each kind, once all of them are answered."""
        first = len(self._sent[next(iter(self._kinds))])
        while any(len(sent) < first + requests for sent in self._sent.values()):
            await self._more.wait()
        return await self._sample(slice(first, first + requests))

    async def all(self) -> Sample:
        """All so far, once they are answered."""
        return await self._sample(slice(None))

    def send(self, group: TaskGroup) -> None:
        """Send one of each kind."""
        for kind, ask in self._kinds.items():
            self._sent[kind].append(group.create_task(timed(ask())))
        if self._control is not None:
            self._controls.append(group.create_task(timed(self._control())))
        self._more.set()
        self._more = asyncio.Event()

    async def _sample(self, which: slice) -> Sample:
        asked = {kind: [await each for each in sent[which]] for kind, sent in self._sent.items()}
        stalls = [await each for each in tuple(self._controls)]
        return Sample(
            {kind: [each.without(stalls) for each in those] for kind, those in asked.items()},
            stalls[which],
        )


@asynccontextmanager
async def steadily(
    kinds: Mapping[str, Ask], *, per_second: float, control: Ask | None = None
) -> AsyncIterator[Traffic]:
    """Send so many of each kind a second, whether or not earlier ones were answered.

    Args:
        kinds: what is asked, by name.
        per_second: how often.
        control: asks as often for something that has nothing to do with what is tested. What it
            waits for is the machine, which has other guests; so long all others are late as well,
            and it is not counted against them.
    """
    traffic = Traffic(kinds, control)
    async with TaskGroup() as group:
        sending = group.create_task(_send(traffic, group, per_second))
        yield traffic
        sending.cancel()


async def timed(asked: Awaitable[Answer]) -> Asked:
    """Wait for an answer, and see how long that takes."""
    began = monotonic()
    answer = await asked
    return Asked(answer, began, monotonic() - began)


def _share(asked: Sequence[Asked], share: float) -> float:
    """Seconds that this share of them did not exceed; 0 where there are none."""
    seconds = sorted(each.seconds for each in asked)
    return seconds[math.ceil(share * len(seconds)) - 1] if seconds else 0.0


async def _send(traffic: Traffic, group: TaskGroup, per_second: float) -> None:
    due = monotonic()
    while True:
        traffic.send(group)
        due += 1 / per_second
        await asyncio.sleep(due - monotonic())
