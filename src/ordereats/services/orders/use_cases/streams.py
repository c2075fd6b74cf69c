"""Streams: tell whoever follows an order of its moves, also of those that other processes make.

One look at the database serves all streams of a process; none of them holds a connection.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence

from ordereats.chassis.background import Hint
from ordereats.chassis.db.pool import Database
from ordereats.chassis.errors import Unavailable
from ordereats.chassis.http.health import Draining
from ordereats.contracts.ids import OrderId
from ordereats.contracts.orders import TimelineEntry
from ordereats.services.orders import domain, store

HEARTBEAT_S = 15.0
"""Below the half minute after which proxies take a silent connection for a dead one."""


class TooManyStreams(Unavailable, code="too_many_streams"):
    """This process has as many as it may, or is about to stop."""


class Stream:
    """The moves of one order, for one client. Made by `Streams.open`."""

    def __init__(
        self, moves: Sequence[TimelineEntry], *, order_id: OrderId, version: int, heartbeat_s: float
    ) -> None:
        self.order_id = order_id
        self.version = version
        self._moves = deque(moves)
        self._heartbeat_s = heartbeat_s
        self._news = Hint()
        self._ended = asyncio.Event()

    def give(self, move: TimelineEntry) -> None:
        """Let the client hear of a move, if it has not yet."""
        if move.version > self.version:
            self.version = move.version
            self._moves.append(move)
            self._news.give()

    def end(self) -> None:
        """Let the client hear what there is, and then no more; it may go on elsewhere."""
        self._ended.set()
        self._news.give()

    async def moves(self) -> AsyncIterator[TimelineEntry | None]:
        """Each move as it comes, until the order has ended; None after a while without one."""
        while True:
            while self._moves:
                move = self._moves.popleft()
                yield move
                if move.status in domain.ENDS:
                    return
            if self._ended.is_set():
                return
            await self._news.wait(self._heartbeat_s)
            if not self._moves and not self._ended.is_set():
                yield None


class Streams:
    """The streams of a process.

    Attributes:
        hint: says that an order has moved here, so that nobody waits for the next look.
    """

    def __init__(
        self,
        database: Database,
        draining: Draining,
        *,
        most: int,
        heartbeat_s: float = HEARTBEAT_S,
    ) -> None:
        self.hint = Hint()
        self._database = database
        self._draining = draining
        self._most = most
        self._heartbeat_s = heartbeat_s
        self._open: set[Stream] = set()

    def open(self, timeline: Sequence[TimelineEntry], *, after: int) -> Stream:
        """Begin with what an order has gone through, but for what the client knows already.

        Args:
            timeline: of the order so far.
            after: the last version that the client has heard of; 0: none.

        Raises:
            TooManyStreams: this one would be.
        """
        if self._draining.is_on or len(self._open) >= self._most:
            raise TooManyStreams("Too many follow orders here; ask again, or GET the order.")
        last = timeline[-1]
        stream = Stream(
            [each for each in timeline if each.version > after],
            order_id=last.order_id,
            version=last.version,
            heartbeat_s=self._heartbeat_s,
        )
        self._open.add(stream)
        return stream

    async def close(self, stream: Stream) -> None:
        """Forget one whose client has gone, or has heard all."""
        self._open.discard(stream)

    async def look(self) -> bool:
        """Look for moves of all orders that are followed here; before a stop, end all streams."""
        if self._draining.is_on:
            for stream in self._open:
                stream.end()
            return False
        followed: dict[OrderId, list[Stream]] = {}
        for stream in self._open:
            followed.setdefault(stream.order_id, []).append(stream)
        if followed:
            known = [(each, min(s.version for s in its)) for each, its in followed.items()]
            for move in await store.moves_since(self._database, known):
                for stream in followed[move.order_id]:
                    stream.give(move)
        return False
