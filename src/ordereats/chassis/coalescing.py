"""Turns what many callers ask at the same time into one question: one statement, one commit."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from math import inf
from time import monotonic
from typing import Generic, TypeVar

from ordereats.chassis import context
from ordereats.chassis.background import Background
from ordereats.chassis.context import Context
from ordereats.chassis.db.pool import GRACE_S
from ordereats.chassis.errors import DatabaseError, DeadlineExceeded, RowRefused
from ordereats.chassis.telemetry.span import Span

Asked = TypeVar("Asked")
Given = TypeVar("Given")


IN_DOUBT_AFTER_S = 2 * GRACE_S
"""How long after its deadline a caller waits to hear of a change that has begun: the database, if
it gives up at that deadline, says before this that nothing was done."""
STUCK_AFTER_S = 1.0
"""Whoever waits behind a batch that takes longer is in one beside it: a connection may be dead
while the database is well."""


class Coalescer(Generic[Asked, Given]):
    """Runs a batch at a time; whoever comes meanwhile is in the next one.

    Nobody waits for a batch to fill: the first caller starts one at once, and batches grow only as
    far as the load makes them. A batch starts after all of its callers asked, so each of them sees
    everything that was committed before. A batch has as long as the most patient of its callers;
    each leaves at their own deadline, or when cancelled, and disturbs no other by that. Whoever has
    left before a batch starts is not in it. Only a batch that is stuck has another beside it.
    Measured: `python -m bench`, with and without.
    """

    def __init__(
        self,
        run: Callable[[Sequence[Asked]], Awaitable[Sequence[Given | Exception]]],
        background: Background,
        *,
        name: str,
        most: int = 64,
        is_change: bool = False,
    ) -> None:
        """Prepare, in the loop that will ask.

        Args:
            run: answers a batch, in its order; an exception is raised to that one caller. If it
                raises, all of the batch get that error, except for `RowRefused`: then nothing was
                done, and each is run alone, so that nobody pays for another's row.
            background: owns the task that runs batches.
            name: of the task.
            most: callers in one batch.
            is_change: what has begun may be done, also when nobody hears of it.
        """
        self._loop = asyncio.get_running_loop()
        self._run = run
        self._background = background
        self._name = name
        self._most = most
        self._is_change = is_change
        self._waiting: list[_Caller[Asked, Given]] = []
        self._draining: object | None = None

    async def ask(self, asked: Asked) -> Given:
        """Join the next batch, and take this caller's part of its result.

        Raises:
            DeadlineExceeded: the time was over, and nothing was done.
            DatabaseError: the time was over, and a change had begun: it is in doubt.
        """
        caller: _Caller[Asked, Given] = _Caller(
            asked, self._loop.create_future(), _deadline(), context.known()
        )
        self._waiting.append(caller)
        if self._draining is None:
            self._start()
        if caller.deadline == inf:
            return await caller.future
        caller.leaves = self._loop.call_later(caller.deadline - monotonic(), self._leave, caller)
        try:
            return await caller.future
        finally:
            caller.leaves.cancel()

    def _start(self) -> None:
        """Run batches beside those that are stuck, if any are."""
        self._draining = mine = object()
        self._background.start(self._drain(mine), name=self._name)

    async def _drain(self, mine: object) -> None:
        try:
            while self._waiting and self._draining is mine:
                batch = self._next_batch()
                stuck = self._loop.call_later(STUCK_AFTER_S, self._pass_by)
                try:
                    await self._answer_in_time(batch)
                finally:  # whoever has no answer by now gets none: the process is torn down
                    stuck.cancel()
                    for caller in batch:
                        caller.future.cancel()
        finally:
            if self._draining is mine:
                self._draining = None
                for caller in self._waiting:  # only when the process is being torn down
                    caller.future.cancel()

    def _pass_by(self) -> None:
        self._draining = None
        if self._waiting:
            self._start()

    def _next_batch(self) -> "list[_Caller[Asked, Given]]":
        first, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
        now = monotonic()
        batch = [each for each in first if each.deadline > now and not each.future.done()]
        for caller in batch:
            caller.has_begun = True
        return batch

    async def _answer_in_time(self, batch: "list[_Caller[Asked, Given]]") -> None:
        if not batch:
            return
        latest = max(caller.deadline for caller in batch)
        # Not in the context that this task began with: that is of its first caller, perhaps of a
        # batch that was long ago.
        first = batch[0].at or Context(context.new_id())
        alone = None if self._is_change or len(batch) > 1 else first.span
        at = Context(
            first.correlation_id,
            first.principal,
            None if latest == inf else latest,
            first.traceparent if alone else None,
            first.priority,
            alone,
        )
        spans = self._spans(batch)
        with context.entered(at):
            await self._answer(batch)
        for future, span in spans:
            has_error = future.done() and not future.cancelled()
            span.end(future.exception() if has_error else None)

    def _spans(
        self, batch: "list[_Caller[Asked, Given]]"
    ) -> list[tuple[asyncio.Future[Given], Span]]:
        """One for each caller: what is done for several at once is a part of all their traces."""
        if not self._is_change:
            return []
        return [
            (caller.future, caller.at.span.child("transaction", self._name))
            for caller in batch
            if caller.at is not None and caller.at.span is not None
        ]

    async def _answer(self, batch: "list[_Caller[Asked, Given]]") -> None:
        try:
            results = await self._run([caller.asked for caller in batch])
        except Exception as error:  # noqa: BLE001  # it is raised to each caller
            if isinstance(error, RowRefused) and len(batch) > 1:
                for caller in batch:
                    if not caller.future.done():
                        await self._answer([caller])
                return
            results = [error] * len(batch)
        for caller, result in zip(batch, results, strict=True):
            _give(caller.future, result)

    def _leave(self, caller: "_Caller[Asked, Given]") -> None:
        """Let a caller go whose time is over. A change that has begun is waited for a little."""
        if not caller.has_begun:
            _give(caller.future, DeadlineExceeded("The time was over before its turn came."))
        elif not self._is_change:
            _give(caller.future, DeadlineExceeded("The time was over before the answer came."))
        else:
            in_doubt = DatabaseError("no answer in time: it may have been done, or be done yet")
            caller.leaves = self._loop.call_later(IN_DOUBT_AFTER_S, _give, caller.future, in_doubt)


@dataclass(slots=True, eq=False)
class _Caller(Generic[Asked, Given]):
    """Someone who asks.

    Attributes:
        asked: what.
        future: where the answer goes.
        deadline: how long it is waited for.
        at: what goes along with it.
        has_begun: its batch has, so that what was asked may be done.
        leaves: lets go at the deadline.
    """

    asked: Asked
    future: asyncio.Future[Given]
    deadline: float
    at: Context | None
    has_begun: bool = False
    leaves: asyncio.TimerHandle | None = None


def _deadline() -> float:
    at = context.known()
    return inf if at is None or at.deadline is None else at.deadline


def _give(future: asyncio.Future[Given], result: Given | Exception) -> None:
    if future.done():  # its caller has left
        return
    if isinstance(result, Exception):
        future.set_exception(result)
    else:
        future.set_result(result)
