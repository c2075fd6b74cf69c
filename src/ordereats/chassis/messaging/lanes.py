"""Lanes: handlers run for many subjects at once, for one subject in order. They know no broker."""

import asyncio
from abc import ABC, abstractmethod
from collections import deque

import structlog

from ordereats.chassis.backoff import equal_jitter_s
from ordereats.chassis.failpoints import Failpoint
from ordereats.chassis.messaging.bus import Handler, Message, UnreadableError
from ordereats.chassis.messaging.sessions import FIRST_PAUSE_S, is_being_cancelled

log = structlog.get_logger(__name__)

AT_ONCE = 10
"""Handlers of one queue that run at the same time, at most."""
LONGEST_PAUSE_S = 15.0
TAKEN = Failpoint("consumer.taken", "A message was taken from a queue; nothing was done about it.")
ANSWERED = Failpoint(
    "consumer.answered", "A message is done with; its acknowledgement is on its way, or lost."
)
LONGEST_REASON = 500
"""Characters of the reason that stands with a dead letter."""


class Delivery(ABC):
    """A message that was taken from a queue and has no answer yet.

    Attributes:
        lane: its subject; deliveries of one lane are handled one after the other.
        message_id: for the log.
        type: for the log.
        handed_out: how often, to whomever, this time included.
        failures: of its handler, here and now.
    """

    __slots__ = ("failures", "handed_out", "lane", "message_id", "type")

    def __init__(self, *, lane: str, message_id: str, type_: str, handed_out: int) -> None:
        self.lane = lane
        self.message_id = message_id
        self.type = type_
        self.handed_out = handed_out
        self.failures = 0

    @property
    @abstractmethod
    def is_gone(self) -> bool:
        """Whether the broker gives, or has given, it to somebody else."""

    @abstractmethod
    def read(self) -> Message:
        """What was sent.

        Raises:
            UnreadableError: this is no message of ours.
        """

    @abstractmethod
    async def done(self) -> None:
        """Answer that it was handled. An answer that is lost means: handed out again."""

    @abstractmethod
    async def back(self) -> None:
        """Answer that it was not begun. An answer that is lost means the same, only later."""

    @abstractmethod
    async def bury(self, reason: str) -> None:
        """Put it among the dead letters, and answer that it was handled.

        Raises:
            Exception: it is not safe there; it is still this queue's.
        """


class Lanes:
    """Runs the handler of one queue.

    A handler that fails is called again here, with the same message, after a pause: its lane waits,
    the others go on. Nothing is sent back for that, because a message that returns to its queue may
    come after its successors, and because each return counts towards the broker's delivery limit,
    which an hour without a database would use up.
    """

    def __init__(self, queue: str, handler: Handler) -> None:
        """Prepare; the queue's name is for the log."""
        self._queue = queue
        self._handler = handler
        self._lanes: dict[str, deque[Delivery]] = {}
        self._ready: asyncio.Queue[str | None] = asyncio.Queue()
        self._running: set[str] = set()
        self._pauses: dict[str, asyncio.TimerHandle] = {}
        self._is_held = False

    @property
    def in_hand(self) -> int:
        """Deliveries that were put in and have no answer yet."""
        return len(self._running) + sum(map(len, self._lanes.values()))

    def put(self, delivery: Delivery) -> None:
        """Take a delivery in; it is handled when those of its lane before it are."""
        lane = self._lanes.get(delivery.lane)
        if lane is None:
            self._lanes[delivery.lane] = deque((delivery,))
            self._ready.put_nowait(delivery.lane)
        else:
            lane.append(delivery)

    async def run(self) -> None:
        """Handle what is put in, until `hold` and then `finish`."""
        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(self._work())

    def hold(self) -> None:
        """Begin no handler any more."""
        self._is_held = True
        for pause in self._pauses.values():
            pause.cancel()

    async def finish(self) -> None:
        """Hand back what was not begun, at once; `run` returns when the last handler has."""
        for key in self._lanes.keys() - self._running:
            await self._hand_back(key)
        for _ in range(AT_ONCE):
            self._ready.put_nowait(None)

    async def _work(self) -> None:
        while (key := await self._ready.get()) is not None:
            if self._is_held:
                continue
            lane = self._lanes[key]
            delivery = lane.popleft()
            self._running.add(key)
            is_answered = await self._handle(delivery)
            self._running.remove(key)
            if not is_answered:
                lane.appendleft(delivery)
            if self._is_held:
                # Only now, so that nobody is given a later message of this subject before.
                await self._hand_back(key)
            elif not lane:
                del self._lanes[key]
            elif is_answered:
                self._ready.put_nowait(key)
            else:
                self._pause(key, delivery.failures)

    async def _handle(self, delivery: Delivery) -> bool:
        if delivery.is_gone:
            return True
        try:
            await self._answer(delivery)
        except (Exception, asyncio.CancelledError) as error:
            if is_being_cancelled():
                raise
            delivery.failures += 1
            fields = self._fields(delivery)
            log.warning("handler_failed", **fields, failures=delivery.failures, exc_info=error)
            return False
        return True

    async def _answer(self, delivery: Delivery) -> None:
        await TAKEN.reached(self._queue)
        reason = await self._why_unreadable(delivery)
        if reason is None:
            await delivery.done()
            await ANSWERED.reached(self._queue)
        else:
            await delivery.bury(reason)
            log.error("message_buried", **self._fields(delivery), reason=reason)

    async def _why_unreadable(self, delivery: Delivery) -> str | None:
        try:
            await self._handler(delivery.read(), delivery.handed_out)
        except UnreadableError as error:
            return str(error)
        return None

    def _pause(self, key: str, failures: int) -> None:
        def resume() -> None:
            del self._pauses[key]
            self._ready.put_nowait(key)

        pause_s = equal_jitter_s(failures, first_s=FIRST_PAUSE_S, longest_s=LONGEST_PAUSE_S)
        self._pauses[key] = asyncio.get_running_loop().call_later(pause_s, resume)

    async def _hand_back(self, key: str) -> None:
        for delivery in self._lanes.pop(key):
            if not delivery.is_gone:
                await delivery.back()

    def _fields(self, delivery: Delivery) -> dict[str, str]:
        return {
            "queue": self._queue,
            "message_id": delivery.message_id,
            "type": delivery.type,
        }
