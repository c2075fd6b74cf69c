"""What a breaker remembers of the calls that ended: sums over a window that slides. Pure."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

Clock = Callable[[], float]
"""Seconds that only grow; `time.monotonic` is one."""


class Window(Protocol):
    """The last calls.

    Attributes:
        calls: how many of them it knows.
        failed: how many of these failed.
        slow: how many of these were slow; one call may be both.
    """

    calls: int
    failed: int
    slow: int

    def add(self, *, failed: bool, slow: bool) -> None:
        """Take in a call that has just ended."""
        ...

    def slide(self) -> None:
        """Let go what has left the window."""
        ...


class CountWindow:
    """The last so many calls, however long ago they ended."""

    def __init__(self, size: int) -> None:
        self.calls = self.failed = self.slow = 0
        self._size = size
        self._ended: deque[tuple[bool, bool]] = deque()

    def add(self, *, failed: bool, slow: bool) -> None:
        self._ended.append((failed, slow))
        self.calls += 1
        self.failed += failed
        self.slow += slow
        if self.calls > self._size:
            had_failed, was_slow = self._ended.popleft()
            self.calls -= 1
            self.failed -= had_failed
            self.slow -= was_slow

    def slide(self) -> None:
        """Time takes nothing out of it."""


@dataclass(slots=True)
class _Second:
    """The sums of one second."""

    at: int
    calls: int = 0
    failed: int = 0
    slow: int = 0


class TimeWindow:
    """The calls that ended in the last so many seconds: the present one and those before it.

    It keeps a sum for each second, so that its size does not grow with the calls.
    """

    def __init__(self, seconds: int, clock: Clock) -> None:
        self.calls = self.failed = self.slow = 0
        self._length = seconds
        self._clock = clock
        self._seconds: deque[_Second] = deque()

    def add(self, *, failed: bool, slow: bool) -> None:
        now = int(self._clock())
        if not self._seconds or self._seconds[-1].at != now:
            self.slide()
            self._seconds.append(_Second(now))
        second = self._seconds[-1]
        second.calls += 1
        second.failed += failed
        second.slow += slow
        self.calls += 1
        self.failed += failed
        self.slow += slow

    def slide(self) -> None:
        gone = int(self._clock()) - self._length
        while self._seconds and self._seconds[0].at <= gone:
            second = self._seconds.popleft()
            self.calls -= second.calls
            self.failed -= second.failed
            self.slow -= second.slow
