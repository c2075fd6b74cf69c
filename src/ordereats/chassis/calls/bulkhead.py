"""A bulkhead: at most so many calls at once to one neighbour, and a short queue in front of it."""

import asyncio
from collections import OrderedDict

from ordereats.chassis.errors import BulkheadFull


class Bulkhead:
    """Slots, given out in the order in which they were asked for.

    Attributes:
        limit: how many there are.
        running: how many are taken.
    """

    def __init__(self, callee: str, *, limit: int, queue: int, wait_s: float) -> None:
        """Begin with all slots free.

        Args:
            callee: whom it is for.
            limit: slots.
            queue: how many may wait for one.
            wait_s: how long each of them waits at most.
        """
        self._callee = callee
        self.limit = limit
        self.running = 0
        self._queue = queue
        self._wait_s = wait_s
        self._waiting = OrderedDict[asyncio.Future[bool], None]()

    @property
    def waiting(self) -> int:
        """How many wait for a slot."""
        return len(self._waiting)

    def take(self) -> bool:
        """Take a slot if one is free. Whoever gets one gives it back."""
        if self.running < self.limit:  # while anyone waits, none is free: see `give_back`
            self.running += 1
            return True
        return False

    async def wait(self, within_s: float) -> None:
        """Wait for a slot, and take it.

        Args:
            within_s: no longer than this.

        Raises:
            BulkheadFull: too many wait already, or none became free in time.
        """
        if len(self._waiting) >= self._queue:
            raise BulkheadFull(f"Too many wait for {self._callee} already.")
        loop = asyncio.get_running_loop()
        slot: asyncio.Future[bool] = loop.create_future()
        self._waiting[slot] = None
        lapse = loop.call_later(min(within_s, self._wait_s), _lapse, slot)
        try:
            is_mine = await slot
        except asyncio.CancelledError:
            # It may have come in the same turn of the loop in which its owner was cancelled.
            if not slot.cancelled() and slot.result():
                self.give_back()
            raise
        finally:
            lapse.cancel()
            self._waiting.pop(slot, None)
        if not is_mine:
            raise BulkheadFull(f"{self._callee} is busy: no call of ours to it ended in time.")

    def give_back(self) -> None:
        """Give a slot back: to who has waited longest, if anyone does."""
        while self._waiting:
            slot, _ = self._waiting.popitem(last=False)
            if not slot.done():
                slot.set_result(True)
                return
        self.running -= 1


def _lapse(slot: asyncio.Future[bool]) -> None:
    if not slot.done():
        slot.set_result(False)
