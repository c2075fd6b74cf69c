"""Turns what many callers ask at the same time into one question: one statement, one commit."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from ordereats.chassis.background import Background
from ordereats.chassis.errors import RowRefused

Asked = TypeVar("Asked")
Given = TypeVar("Given")


class Coalescer(Generic[Asked, Given]):
    """Runs a batch at a time; whoever comes meanwhile is in the next one.

    Nobody waits for a batch to fill: the first caller starts one at once, and batches grow only as
    far as the load makes them. A batch starts after all of its callers asked, so each of them sees
    everything that was committed before. A caller that is cancelled does not disturb the others.
    Measured: `python -m bench`, with and without.
    """

    def __init__(
        self,
        run: Callable[[Sequence[Asked]], Awaitable[Sequence[Given | Exception]]],
        background: Background,
        *,
        name: str,
        most: int = 64,
    ) -> None:
        """Prepare, in the loop that will ask.

        Args:
            run: answers a batch, in its order; an exception is raised to that one caller. If it
                raises, all of the batch get that error, except for `RowRefused`: then nothing was
                done, and each is run alone, so that nobody pays for another's row.
            background: owns the task that runs batches.
            name: of the task.
            most: callers in one batch.
        """
        self._loop = asyncio.get_running_loop()
        self._run = run
        self._background = background
        self._name = name
        self._most = most
        self._waiting: list[tuple[Asked, asyncio.Future[Given]]] = []
        self._is_running = False

    async def ask(self, asked: Asked) -> Given:
        """Join the next batch, and take this caller's part of its result."""
        future: asyncio.Future[Given] = self._loop.create_future()
        self._waiting.append((asked, future))
        if not self._is_running:
            self._is_running = True
            self._background.start(self._drain(), name=self._name)
        return await future

    async def _drain(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
                try:
                    await self._answer(batch)
                finally:  # whoever has no answer by now gets none: the process is torn down
                    for _, future in batch:
                        future.cancel()
        finally:
            self._is_running = False
            for _, future in self._waiting:  # only when the process is being torn down
                future.cancel()

    async def _answer(self, batch: list[tuple[Asked, asyncio.Future[Given]]]) -> None:
        try:
            results = await self._run([asked for asked, _ in batch])
        except Exception as error:  # noqa: BLE001  # it is raised to each caller
            if isinstance(error, RowRefused) and len(batch) > 1:
                for each in batch:
                    await self._answer([each])
                return
            results = [error] * len(batch)
        for (_, future), result in zip(batch, results, strict=True):
            _give(future, result)


def _give(future: asyncio.Future[Given], result: Given | Exception) -> None:
    if future.done():  # its caller was cancelled
        return
    if isinstance(result, Exception):
        future.set_exception(result)
    else:
        future.set_result(result)
