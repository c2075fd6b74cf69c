"""A crowd of clients, in a process of its own so that what it costs is not the server's.

It speaks just enough HTTP to send many requests from one core: each is bytes that were made before.
"""

import asyncio
import sys
from collections import deque
from collections.abc import Sequence
from itertools import cycle
from time import perf_counter
from typing import cast

import msgspec
import uvloop
from msgspec import Struct, field

TICK_S = 0.002


class Kind(Struct, frozen=True):
    """A request, and how many of it to send for each of the others."""

    name: str
    raw: bytes
    weight: int = 1


class Crowd(Struct, frozen=True):
    """What to send.

    Attributes:
        clients: how many, each with a connection and one request at a time.
        rate: requests a second, whether or not those before were answered; one for which no client
            is free waits for one, and its time runs. 0: each client sends as soon as it may.
    """

    port: int
    kinds: Sequence[Kind]
    seconds: float
    clients: int
    rate: float = 0


class Tally(Struct):
    """What came of one kind.

    Attributes:
        due: how many were to be sent.
        took_s: from when each was due to its answer, by status, in order; of the answers that came
            while requests were sent. Of a refusal, from when it was sent: that no client was free
            to send it sooner is no fault of who refuses.
        unfounded: refusals without a `Retry-After`.
        broken: connections that ended instead of an answer.
    """

    due: int = 0
    took_s: dict[int, list[float]] = field(default_factory=dict)
    unfounded: int = 0
    broken: int = 0


class Report(Struct):
    """What came of all.

    Attributes:
        seconds: for which requests were sent.
    """

    seconds: float
    tallies: dict[str, Tally]


async def gathered(crowd: Crowd) -> Report:
    """Let it come, and hear what it has to tell."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", __file__),  # -P: `platform` beside it would hide Python's own
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await process.communicate(msgspec.json.encode(crowd))
    return msgspec.json.decode(said, type=Report)


class _Crowd:
    def __init__(self, crowd: Crowd) -> None:
        self._crowd = crowd
        self._turns = cycle([kind for kind in crowd.kinds for _ in range(kind.weight)])
        self._waiting: deque[tuple[Kind, float]] = deque()
        self._free: list[_Client] = []
        self._under_way = 0
        self.is_over = False
        self._ended = asyncio.Event()
        self.tallies = {kind.name: Tally() for kind in crowd.kinds}

    async def run(self) -> Report:
        loop = asyncio.get_running_loop()
        for _ in range(self._crowd.clients):
            await loop.create_connection(lambda: _Client(self), "127.0.0.1", self._crowd.port)
        began = perf_counter()
        await self._come(began)
        seconds = perf_counter() - began
        self.is_over = True
        self._end_if_over()
        await self._ended.wait()
        for tally in self.tallies.values():
            for took in tally.took_s.values():
                took.sort()
        return Report(seconds, self.tallies)

    async def _come(self, began: float) -> None:
        if not self._crowd.rate:
            for _ in range(self._crowd.clients):
                self._call(perf_counter())
            await asyncio.sleep(self._crowd.seconds)
            return
        sent = 0
        while (passed := perf_counter() - began) < self._crowd.seconds:
            for number in range(sent, int(passed * self._crowd.rate)):
                self._call(began + number / self._crowd.rate)
            sent = max(sent, int(passed * self._crowd.rate))
            await asyncio.sleep(TICK_S)

    def _call(self, due: float) -> None:
        """A request is due."""
        kind = next(self._turns)
        self.tallies[kind.name].due += 1
        if self._free:
            self._under_way += 1
            self._free.pop().send(kind, due)
        else:
            self._waiting.append((kind, due))

    def freed(self, client: "_Client") -> None:
        """A client has its answer."""
        self._under_way -= 1
        self.join(client)
        self._end_if_over()
        if self.is_over:
            return
        if self._waiting:
            self._under_way += 1
            self._free.pop().send(*self._waiting.popleft())
        elif not self._crowd.rate:
            self._call(perf_counter())

    def join(self, client: "_Client") -> None:
        """A client is there."""
        self._free.append(client)

    def lost(self) -> None:
        """A client's request was broken off."""
        self._under_way -= 1
        self._end_if_over()

    def _end_if_over(self) -> None:
        if self.is_over and not self._under_way:
            self._ended.set()


class _Client(asyncio.Protocol):
    def __init__(self, crowd: _Crowd) -> None:
        self._crowd = crowd
        self._kind: Kind | None = None
        self._due = self._sent = 0.0
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._crowd.join(self)

    def connection_lost(self, _error: Exception | None) -> None:
        if self._kind is not None:
            self._crowd.tallies[self._kind.name].broken += 1
            self._crowd.lost()

    def send(self, kind: Kind, due: float) -> None:
        self._kind, self._due, self._sent = kind, due, perf_counter()
        self._transport.write(kind.raw)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, body = self._buffer.partition(b"\r\n\r\n")
        if not found:
            return
        head = head.lower()
        length = int(head.partition(b"content-length: ")[2].split(b"\r", 1)[0])
        if len(body) < length or self._kind is None:
            return
        self._buffer = b""
        status = int(head[9:12])
        tally = self._crowd.tallies[self._kind.name]
        if not self._crowd.is_over:
            since = self._sent if status == 503 else self._due
            tally.took_s.setdefault(status, []).append(perf_counter() - since)
        tally.unfounded += status == 503 and b"retry-after: " not in head
        self._kind = None
        self._crowd.freed(self)


async def _main() -> None:
    crowd = msgspec.json.decode(sys.stdin.buffer.read(), type=Crowd)
    report = await _Crowd(crowd).run()
    sys.stdout.buffer.write(msgspec.json.encode(report))


if __name__ == "__main__":
    uvloop.run(_main())
