"""A monotonic clock that stands still until a test moves it."""

from dataclasses import dataclass


@dataclass
class HandClock:
    """Seconds, moved by hand."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now
