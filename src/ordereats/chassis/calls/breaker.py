"""A circuit breaker: stops asking a neighbour that fails or is slow. A state machine without I/O.

Its words and rules are those of resilience4j, but for one: a call's result counts only in the state
that let the call go. What began before the breaker opened says nothing of whether the neighbour is
well again.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from itertools import count

from ordereats.chassis.backoff import Chance, equal_jitter_s
from ordereats.chassis.calls.window import Clock, CountWindow, TimeWindow, Window


class State(StrEnum):
    """Of a breaker."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"
    FORCED_OPEN = "forced_open"
    FORCED_CLOSED = "forced_closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerSettings:
    """When a breaker opens and closes.

    Attributes:
        window_s: it looks at the calls of the last so many seconds. Ten: a deploy of the neighbour
            (a second or two) does not outweigh what came before, and a neighbour that dies is
            noticed before those who ask it have piled up.
        window_calls: it looks at the last so many calls instead, if given.
        minimum_calls: without so many it judges nobody: a rate of two calls is no rate. Five: one
            customer whose calls all end at a deadline of two seconds makes no more in a window.
            A window of fewer calls is judged when it is full.
        failure_rate: it opens when so great a part of the calls failed.
        slow_rate: it opens when so great a part was slow: the same harm to whoever waits.
        open_first_s: how long it stays open at most at first: about the time of a restart.
        open_longest_s: how long when trials keep failing. Each time twice as long, up to this:
            three calls in ten seconds load nobody, and one who is well again is asked again soon.
        probes: calls that a half-open breaker lets go, and judges by: of three, chance fails
            rarely two.
        probes_within_s: when they have not ended by then, they have failed.
        obeyed_s: a `Retry-After` is obeyed up to this.
    """

    window_s: int = 10
    window_calls: int | None = None
    minimum_calls: int = 5
    failure_rate: float = 0.5
    slow_rate: float = 0.5
    open_first_s: float = 1.0
    open_longest_s: float = 10.0
    probes: int = 3
    probes_within_s: float = 30.0
    obeyed_s: float = 30.0

    @property
    def enough_calls(self) -> int:
        """How many it takes to be judged: never more than the window can hold."""
        return min(self.minimum_calls, self.window_calls or self.minimum_calls)


@dataclass(frozen=True, slots=True)
class Transition:
    """A breaker's state changed.

    Attributes:
        at: when, by its clock.
        state: that it has from then on.
        reason: why, with the figures.
    """

    at: float
    state: State
    reason: str


class Breaker:
    """Asked before each call, told after it.

    Attributes:
        state: that it has.
        slow_s: a call that takes longer is slow.
        history: its last transitions, the oldest first.
        opened: how often it has opened by itself.
    """

    def __init__(
        self,
        settings: BreakerSettings,
        *,
        slow_s: float,
        clock: Clock,
        chance: Chance,
        changed: Callable[[Transition], None] = lambda _transition: None,
    ) -> None:
        """Begin closed.

        Args:
            settings: when to open and close.
            slow_s: a call that takes longer is slow.
            clock: monotonic seconds.
            chance: for the time that it stays open, so that not everyone comes back at once.
            changed: hears of each transition.
        """
        self._settings = settings
        self.slow_s = slow_s
        self._clock = clock
        self._chance = chance
        self._changed = changed
        self.state = State.CLOSED
        self.history: deque[Transition] = deque(maxlen=10)
        self._began = clock()
        self._eras = count(1)
        self._era = 0
        self._window = self._closed_window()
        self._permits = 0
        self._opened_in_a_row = 0
        self.opened = 0
        self._open_until = self._told_until = 0.0

    def acquire(self) -> int | None:
        """Ask for permission to call.

        Returns:
            The permission, to be given to `record` or `release` once, or None: don't call.
        """
        if self.state in _LETS_GO:
            return self._era
        if self.state is State.OPEN and self._clock() >= self._open_until:
            self._become(State.HALF_OPEN, f"open for {self._clock() - self._began:.1f} s")
        if self.state is not State.HALF_OPEN:
            return None
        if self._permits:
            self._permits -= 1
            return self._era
        if self._clock() - self._began >= self._settings.probes_within_s:
            self._open("probes did not end")
        return None

    def record(self, permission: int, *, took_s: float, failed: bool, told_s: float = 0) -> None:
        """Say how a call ended.

        Args:
            permission: that it had.
            took_s: how long it took.
            failed: whether it says that the neighbour is not well.
            told_s: how long the neighbour asked to be left alone.
        """
        if permission != self._era:
            return
        if told_s:
            told_until = self._clock() + min(told_s, self._settings.obeyed_s)
            self._told_until = max(self._told_until, told_until)
        window = self._window
        window.add(failed=failed, slow=took_s > self.slow_s)
        if self.state is State.HALF_OPEN:
            self._judge_probes()
        elif self.state is State.CLOSED and (window.failed or window.slow):
            self._judge()

    def release(self, permission: int) -> None:
        """Give a permission back: the call did not happen, or its end says nothing."""
        if permission == self._era and self.state is State.HALF_OPEN:
            self._permits += 1

    def force(self, state: State | None) -> None:
        """Hold it open or closed by hand, whatever happens; None: let it judge by itself again.

        Args:
            state: `FORCED_OPEN`, `FORCED_CLOSED` or None. Then it begins closed, knowing nothing.
        """
        self._opened_in_a_row = 0
        self._become(state or State.CLOSED, "by hand")

    def seen(self) -> Window:
        """The calls that it judges by, as of now; of an open one, those that it opened for."""
        if self.state is not State.OPEN:
            self._window.slide()
        return self._window

    def age_s(self) -> float:
        """How long it has been in its state."""
        return self._clock() - self._began

    def retry_in_s(self) -> float:
        """How long it will not let anyone go; 0 where it does, or where a probe may say so."""
        return max(0.0, self._open_until - self._clock()) if self.state is State.OPEN else 0.0

    def _judge(self) -> None:
        if self._window.calls >= self._settings.enough_calls and self._is_bad():
            self._open(self._figures())

    def _judge_probes(self) -> None:
        if self._window.calls < min(self._settings.probes, self._settings.enough_calls):
            return
        if self._is_bad():
            self._open(self._figures())
        else:
            self._opened_in_a_row = 0
            self._become(State.CLOSED, self._figures())

    def _is_bad(self) -> bool:
        window = self._window
        return (
            window.failed >= self._settings.failure_rate * window.calls
            or window.slow >= self._settings.slow_rate * window.calls
        )

    def _figures(self) -> str:
        window = self._window
        return f"of {window.calls} calls {window.failed} failed, {window.slow} were slow"

    def _open(self, reason: str) -> None:
        self.opened += 1
        self._opened_in_a_row += 1
        open_s = equal_jitter_s(
            self._opened_in_a_row,
            first_s=self._settings.open_first_s,
            longest_s=self._settings.open_longest_s,
            chance=self._chance,
        )
        self._open_until = max(self._clock() + open_s, self._told_until)
        self._become(State.OPEN, reason)

    def _become(self, state: State, reason: str) -> None:
        self.state = state
        self._began = self._clock()
        self._era = next(self._eras)
        if state is State.HALF_OPEN:
            self._permits = self._settings.probes
            self._window = CountWindow(self._settings.probes)
        elif state is not State.OPEN:
            self._window = self._closed_window()
        transition = Transition(self._began, state, reason)
        self.history.append(transition)
        self._changed(transition)

    def _closed_window(self) -> Window:
        if self._settings.window_calls is not None:
            return CountWindow(self._settings.window_calls)
        return TimeWindow(self._settings.window_s, self._clock)


_LETS_GO = frozenset({State.CLOSED, State.FORCED_CLOSED})
