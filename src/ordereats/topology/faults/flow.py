"""One direction of a connection: bytes go from source to sink, in order, as an effect lets them.

It knows no socket and no event loop but by three small ports, so that time itself can be tested.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from math import inf
from typing import Protocol

from ordereats.topology.faults.toxics import Effect

MOST_WAITING = 1 << 20
"""Bytes that may wait here; then the source is not read until there is room."""

_PIECE_S = 0.01  # of a limited bandwidth: what comes at once


class End(Enum):
    """How a source ends."""

    CLOSED = auto()  # FIN: it sends no more
    RESET = auto()  # RST: it is gone


class Timer(Protocol):
    """Something that will be called."""

    def cancel(self) -> None: ...


class Timers(Protocol):
    """Time."""

    def now(self) -> float:
        """Seconds on the monotonic clock."""
        ...

    def later(self, delay_s: float, callback: Callable[[], None]) -> Timer:
        """Call once, after the delay or a little more."""
        ...


class Source(Protocol):
    """Where bytes come from."""

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


class Sink(Protocol):
    """Where they go."""

    def write(self, data: bytes) -> None: ...

    def end(self, how: End) -> None:
        """Pass on the end of the source, after all that was written."""
        ...

    def cut(self) -> None:
        """Close the whole connection: its limit is reached."""
        ...


@dataclass(frozen=True, slots=True)
class _Waiting:
    arrived: float
    luck: float
    what: bytes | End


class Flow:
    """A direction. It begins without any effect: then what comes is passed on at once."""

    def __init__(
        self, source: Source, sink: Sink, timers: Timers, chance: Callable[[], float]
    ) -> None:
        """Connect them.

        Args:
            source: what is read.
            sink: what is written.
            timers: time.
            chance: a number from 0 to 1, another one each time.
        """
        self.passed = 0
        self._source = source
        self._sink = sink
        self._timers = timers
        self._chance = chance
        self._effect: Effect | None = None
        self._waiting: deque[_Waiting] = deque()
        self._size = 0
        self._next: tuple[float, int] | None = None
        self._busy_until = -inf
        self._timer: Timer | None = None
        self._is_blocked = False
        self._is_paused = False
        self._is_over = False

    @property
    def is_affected(self) -> bool:
        """Whether what comes now is not simply passed on."""
        return self._effect is not None

    def receive(self, data: bytes) -> None:
        """Take what the source has sent."""
        is_free = not self._waiting and not self._is_blocked and not self._is_over
        if self._effect is None and is_free:
            self.passed += len(data)
            self._sink.write(data)
        else:
            self._wait(data)

    def end(self, how: End) -> None:
        """The source ends: after all that it has sent, the sink hears of it."""
        self._wait(how)

    def come_under(self, effect: Effect | None) -> None:
        """Go by another effect from now on, also with what waits already."""
        self._effect = effect
        self._next = None
        self._step()

    def block(self) -> None:
        """The sink can take no more for now."""
        self._is_blocked = True
        self._steer()

    def unblock(self) -> None:
        """The sink can take more."""
        self._is_blocked = False
        self._step()

    def stop(self) -> None:
        """The sink is gone: forget what waits, and whatever may come."""
        self._is_over = True
        self._waiting.clear()
        self._size = 0
        self._cancel()
        self._steer()

    def _wait(self, what: bytes | End) -> None:
        if self._is_over:
            return
        now = self._timers.now()
        self._waiting.append(_Waiting(now, 2 * self._chance() - 1, what))
        self._size += len(what) if isinstance(what, bytes) else 0
        if len(self._waiting) == 1:
            self._step()
        else:
            self._steer()

    def _step(self) -> None:
        """Pass on what is due, and be called again when more is."""
        self._cancel()
        while self._waiting and not self._is_blocked:
            due, length = self._next = self._next or self._plan(self._waiting[0])
            wait_s = due - self._timers.now()
            if wait_s == inf:
                break
            if wait_s > 0:
                self._timer = self._timers.later(wait_s, self._step)
                break
            self._next = None
            self._pass_on(due, length)
            if self._effect and self._effect.piece and self._waiting:
                # Each piece is written on its own, or the system would send them as one.
                self._timer = self._timers.later(0, self._step)
                break
        self._steer()

    def _plan(self, first: _Waiting) -> tuple[float, int]:
        """When the next piece is passed on, and how many bytes of what waits it has."""
        length = len(first.what) if isinstance(first.what, bytes) else 0
        at = self._effect
        if at is None:
            return first.arrived, length
        if at.is_held:
            return inf, 0
        due = first.arrived + max(0.0, at.delay_s + first.luck * at.jitter_s)
        if not length:
            return due + (at.end_delay_s if first.what is End.CLOSED else 0.0), 0
        if at.piece:
            size, vary = at.piece
            length = min(length, max(1, size + round((2 * self._chance() - 1) * vary)))
        if at.bytes_per_s < inf:
            length = min(length, max(1, int(at.bytes_per_s * _PIECE_S)))
        # At a limit of infinity this is 0; a piece has come when its last byte has.
        return max(due, self._busy_until) + length / at.bytes_per_s, length

    def _pass_on(self, due: float, length: int) -> None:
        first = self._waiting.popleft()
        if isinstance(first.what, End):
            self._sink.end(first.what)
            return
        if length < len(first.what):
            self._waiting.appendleft(_Waiting(first.arrived, first.luck, first.what[length:]))
        self._size -= length
        at = self._effect or Effect()
        self._busy_until = max(due, self._timers.now()) + at.pause_s if at.pause_s else due
        length = int(min(length, at.limit - self.passed))
        if length:
            self._sink.write(first.what[:length])
            self.passed += length
        if self.passed >= at.limit:
            self.stop()
            self._sink.cut()

    def _steer(self) -> None:
        """Read the source only while there is room for what it sends."""
        wanted = not self._is_over and (self._is_blocked or self._size > MOST_WAITING)
        if wanted and not self._is_paused:
            self._source.pause_reading()
        elif self._is_paused and not wanted:
            self._source.resume_reading()
        self._is_paused = wanted

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
