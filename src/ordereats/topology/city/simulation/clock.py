"""Simulated time: minutes that pass as fast as one likes."""

import asyncio
from collections.abc import Callable
from math import ceil
from time import monotonic

SECONDS_PER_MINUTE = 60.0
GLANCE_MIN = 0.5
LEAST_GLANCE_S = 0.5
MOST_GLANCE_S = 5.0


class SimulatedClock:
    """Minutes since the start of the simulation.

    Attributes:
        speed: how many times faster than on the wall; at 60 a simulated minute lasts a second.
    """

    def __init__(self, speed: float, time_s: Callable[[], float] = monotonic) -> None:
        self.speed = speed
        self._time_s = time_s
        self._started = time_s()

    @property
    def now_min(self) -> float:
        """How many simulated minutes have passed."""
        return self.minutes(self._time_s() - self._started)

    def seconds(self, minutes: float) -> float:
        """How long so many simulated minutes last on the wall."""
        return minutes * SECONDS_PER_MINUTE / self.speed

    def minutes(self, seconds: float) -> float:
        """How many simulated minutes pass in so many seconds of the wall."""
        return seconds * self.speed / SECONDS_PER_MINUTE

    def platform_minutes(self, minutes: float) -> int:
        """So many simulated minutes in the words of the platform: whole real ones, at least 1."""
        return max(1, ceil(minutes / self.speed))

    async def sleep(self, minutes: float) -> None:
        """Let so many simulated minutes pass."""
        await asyncio.sleep(self.seconds(minutes))

    async def until(self, minute: float) -> None:
        """Let time pass up to a minute."""
        await self.sleep(max(0.0, minute - self.now_min))

    @property
    def glance_s(self) -> float:
        """How often people look at their screens: each half minute, within reason for a server."""
        return min(MOST_GLANCE_S, max(LEAST_GLANCE_S, self.seconds(GLANCE_MIN)))
