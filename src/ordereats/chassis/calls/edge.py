"""An edge: one kind of call to one neighbour, through its bulkhead and its breaker, in its time."""

import asyncio
from collections.abc import Awaitable, Callable
from copy import copy
from math import ceil, inf
from typing import TypeVar

from ordereats.chassis.backoff import Chance
from ordereats.chassis.calls.breaker import Breaker
from ordereats.chassis.calls.bulkhead import Bulkhead
from ordereats.chassis.calls.retry import RetryBudget, pause_s
from ordereats.chassis.calls.states import Changed, Counts, EdgeState, NeighbourState
from ordereats.chassis.calls.window import Clock
from ordereats.chassis.errors import (
    BulkheadFull,
    CircuitOpen,
    Conflict,
    DeadlineExceeded,
    Invalid,
    NotFound,
    Unavailable,
)
from ordereats.chassis.telemetry import tracing

T = TypeVar("T")


def is_failure(error: Exception) -> bool:
    """Whether an error says that the callee is not well; a refusal is an answer like another."""
    return not isinstance(error, Invalid | NotFound | Conflict)


class Neighbour:
    """Someone whom this process asks: what all kinds of calls to it share.

    Attributes:
        callee: a service, or someone outside, such as `provider`.
        budget: for asking again.
    """

    def __init__(self, callee: str, bulkhead: Bulkhead) -> None:
        self.callee = callee
        self.bulkhead = bulkhead
        self.budget = RetryBudget()

    def state(self) -> NeighbourState:
        """How all of this is."""
        return NeighbourState(
            callee=self.callee,
            running=self.bulkhead.running,
            limit=self.bulkhead.limit,
            waiting=self.bulkhead.waiting,
            retry_tokens=self.budget.tokens,
            retries=self.budget.spent,
            retries_denied=self.budget.denied,
        )


class Edge:
    """One kind of call to one neighbour. Made by `Edges`."""

    def __init__(
        self, neighbour: Neighbour, kind: str, breaker: Breaker, clock: Clock, chance: Chance
    ) -> None:
        self.neighbour = neighbour
        self.kind = kind
        self._name = f"{neighbour.callee} {kind}"
        self.breaker = breaker
        self.counts = Counts()
        self._clock = clock
        self._chance = chance

    async def run(
        self,
        ask: Callable[[], Awaitable[T]],
        *,
        fails: Callable[[Exception], bool] = is_failure,
        within_s: float | None = None,
    ) -> T:
        """Ask once, if the neighbour may be asked.

        Who stops waiting and is cancelled says nothing about the neighbour; an answer that does
        not come within the time given here does.

        Args:
            ask: does it.
            fails: which of its errors say that the neighbour is not well.
            within_s: how long it may take; None: `ask` has a limit of its own.

        Raises:
            CircuitOpen: it is not asked for a while: it fails, or is slow.
            BulkheadFull: too many wait for it already.
            DeadlineExceeded: no answer within the time.
        """
        with tracing.part("client", self._name):
            if not self.neighbour.bulkhead.take():
                within_s = await self._queue(within_s)
            try:
                return await self._ask(ask, fails, within_s)
            finally:
                self.neighbour.bulkhead.give_back()

    def pause_s(self, error: Unavailable, attempt: int, *, remaining_s: float) -> float | None:
        """How long to pause before asking again; None: don't. See `retry`."""
        return pause_s(
            error,
            attempt,
            remaining_s=remaining_s,
            budget=self.neighbour.budget,
            chance=self._chance,
        )

    def state(self) -> EdgeState:
        """How it is."""
        breaker, window = self.breaker, self.breaker.seen()
        now = self._clock()
        return EdgeState(
            callee=self.neighbour.callee,
            kind=self.kind,
            breaker=breaker.state.value,
            since_s=round(breaker.age_s(), 1),
            calls=window.calls,
            failure_rate=round(window.failed / (window.calls or 1), 3),
            slow_rate=round(window.slow / (window.calls or 1), 3),
            retry_in_s=round(breaker.retry_in_s(), 1),
            slow_s=breaker.slow_s,
            history=[
                Changed(round(now - each.at, 1), each.state.value, each.reason)
                for each in breaker.history
            ],
            opened=breaker.opened,
            counts=copy(self.counts),
        )

    async def _queue(self, within_s: float | None) -> float | None:
        """Wait for a slot, and tell how much time is left."""
        self.breaker.release(self._permission())  # who would be refused does not wait for it
        began = self._clock()
        try:
            await self.neighbour.bulkhead.wait(inf if within_s is None else within_s)
        except BulkheadFull:
            self.counts.full += 1
            raise
        except asyncio.CancelledError:
            self.counts.cancelled += 1
            raise
        return None if within_s is None else within_s - (self._clock() - began)

    async def _ask(
        self,
        ask: Callable[[], Awaitable[T]],
        fails: Callable[[Exception], bool],
        within_s: float | None,
    ) -> T:
        permission, began = self._permission(), self._clock()
        try:
            answer = await (ask() if within_s is None else self._in_time(ask, within_s))
        except Exception as error:
            if within_s is not None and self._is_hurry(error, within_s):
                self._cancelled(permission)
            else:
                self._ended(permission, began, error, failed=fails(error))
            raise
        except BaseException:
            self._cancelled(permission)
            raise
        self._ended(permission, began, None, failed=False)
        return answer

    def _permission(self) -> int:
        permission = self.breaker.acquire()
        if permission is None:
            self.counts.refused += 1
            raise CircuitOpen(
                f"{self.neighbour.callee} is not asked for a while: it failed, or was slow.",
                retry_after_s=max(1, ceil(self.breaker.retry_in_s())),
            )
        return permission

    async def _in_time(self, ask: Callable[[], Awaitable[T]], within_s: float) -> T:
        try:
            async with asyncio.timeout(within_s) as limit:
                return await ask()
        except TimeoutError:
            if not limit.expired():
                raise
        raise DeadlineExceeded(f"{self.neighbour.callee} gave no answer in {within_s:.2f} s.")

    def _is_hurry(self, error: Exception, within_s: float) -> bool:
        """Whether the caller had less than half of the time that is called slow.

        Else one in a hurry would shut out all. But where everybody has a little less than that
        time, a neighbour that hangs is still one that fails.
        """
        return isinstance(error, DeadlineExceeded) and within_s < self.breaker.slow_s / 2

    def _cancelled(self, permission: int) -> None:
        self.breaker.release(permission)
        self.counts.cancelled += 1

    def _ended(
        self, permission: int, began: float, error: Exception | None, *, failed: bool
    ) -> None:
        if failed:
            self.counts.failed += 1
        else:
            self.counts.answered += 1
            self.neighbour.budget.earn()
        self.breaker.record(
            permission,
            took_s=self._clock() - began,
            failed=failed,
            told_s=getattr(error, "told_s", None) or 0,  # a service said so, or a provider
        )
