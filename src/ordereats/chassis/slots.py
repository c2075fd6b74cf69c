"""The place of a request among those at work here; it is free while the request waits elsewhere."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol

from ordereats.chassis.context import Priority


class Limits(Protocol):
    """Gives places, and counts who is at work."""

    def step_out(self) -> float:
        """One less is at work; when that is."""
        ...

    def step_in(self) -> float:
        """One more is at work, without asking: it was in before. When that is."""
        ...

    def learn(self, slot: "Slot", route: str, *, has_failed: bool) -> None:
        """Take in how long a request was at work, until now."""
        ...


class Slot:
    """The place of one request among those at work, from its arrival until its answer begins.

    Attributes:
        began: when it came.
        priority: of the request.
        away_s: how long it has waited for others: neighbours, or its client.
        is_quiet: hardly anyone else was at work when it came; in a burst that holds for the first
            few, so that it counts only if it holds again at the end.
    """

    __slots__ = (
        "_away",
        "_away_since",
        "_is_held",
        "_limiter",
        "away_s",
        "began",
        "is_quiet",
        "priority",
    )

    def __init__(
        self,
        limiter: Limits,
        began: float,
        priority: Priority,
        *,
        is_held: bool = True,
        is_quiet: bool = False,
    ) -> None:
        self._limiter = limiter
        self._is_held = is_held
        self._away = 0
        self._away_since = 0.0
        self.away_s = 0.0
        self.began = began
        self.priority = priority
        self.is_quiet = is_quiet

    def leave(self) -> None:
        """Wait for someone else. What is asked of several at once is one wait."""
        self._away += 1
        if self._is_held and self._away == 1:
            self._away_since = self._limiter.step_out()

    def come_back(self) -> None:
        """They have answered, or never will."""
        self._away -= 1
        if self._is_held and self._away == 0:
            self.away_s += self._limiter.step_in() - self._away_since

    def end(self, route: str, *, has_failed: bool) -> None:
        """The answer begins: what is left is to send it, as fast as the client reads.

        Args:
            route: what was asked, to compare it with others of its kind.
            has_failed: with a fault: that is quick at times, but not what an answer takes.
        """
        if self._is_held:
            self._limiter.learn(self, route, has_failed=has_failed)
            self.give_up()

    def give_up(self) -> None:
        """The place is free again."""
        if self._is_held:
            self._is_held = False
            if not self._away:
                self._limiter.step_out()


@contextmanager
def entered(slot: Slot) -> Iterator[None]:
    """Run a block for the request of a slot."""
    token = _SLOT.set(slot)
    try:
        yield
    finally:
        _SLOT.reset(token)


@contextmanager
def elsewhere() -> Iterator[None]:
    """Wait for a neighbour in this block: that we wait for others does not say that we can't cope.

    Bulkheads and breakers bound how many do so, and for how long. The wait for a client that still
    sends its body is one of this kind; the request's deadline bounds it.
    """
    slot = _SLOT.get()
    if slot is None:
        yield
        return
    slot.leave()
    try:
        yield
    finally:
        slot.come_back()


_SLOT: ContextVar[Slot | None] = ContextVar("ordereats_slot", default=None)
