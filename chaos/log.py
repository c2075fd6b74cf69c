"""The log of every request: what was asked and what came of it, a line each, as it happens."""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from time import monotonic
from typing import TextIO

import aiohttp
import msgspec
from msgspec import Struct
from msgspec.structs import replace

from ordereats.contracts.orders import PlaceOrder
from ordereats.topology.city.client import Api, Failed, Method, Refused, Reply
from ordereats.topology.city.tally import Tally

PLACE = "place an order"
"""What the simulation calls it."""


class Answered(StrEnum):
    """What came of a request, with all its repetitions."""

    OK = "ok"
    FAILED = "failed"
    """Definitely nothing was done."""
    UNKNOWN = "unknown"
    """No answer came that says so: it may have been done, or be done later."""


class Asked(Struct, frozen=True, rename="camel", omit_defaults=True):
    """One request.

    Attributes:
        at_s: when it was wanted, since the load began.
        took_s: from the wish to the answer.
        key: its Idempotency-Key.
        why: it was not done.
        made: the id in the answer to a request with a key.
    """

    at_s: float
    took_s: float
    what: str
    path: str
    answered: Answered
    key: str | None = None
    why: str | None = None
    made: int | None = None


class Log:
    """A file of them, and those with a key in memory, too.

    Attributes:
        began_s: by the monotonic clock.
        orders: what came of each attempt to place one.
    """

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self.began_s = monotonic()
        self.orders: list[Asked] = []
        self.requests = 0

    @classmethod
    @contextmanager
    def to(cls, path: Path) -> "Iterator[Log]":
        """Begin one. Each line is with the system when it is written: a crash loses none."""
        with path.open("w", encoding="utf-8", buffering=1) as file:
            yield cls(file)

    def begin(self) -> None:
        """The load begins now; what was before is before 0."""
        self.began_s = monotonic()

    def now_s(self) -> float:
        """Since the load began."""
        return monotonic() - self.began_s

    def write(self, asked: Asked) -> None:
        """One more."""
        self.requests += 1
        if asked.what == PLACE:
            self.orders.append(asked)
        self._file.write(msgspec.json.encode(asked).decode() + "\n")


class LoggedApi(Api):
    """The API, each request of which is logged. An order has its key in its notes.

    By that it is found again when no answer told its id.
    """

    def __init__(self, http: aiohttp.ClientSession, tally: Tally, log: Log) -> None:
        super().__init__(http, tally)
        self._log = log

    async def send(
        self,
        what: str,
        method: Method,
        path: str,
        body: Struct | None = None,
        *,
        key: str | None = None,
    ) -> Reply:
        if isinstance(body, PlaceOrder):
            body = replace(body, notes=key)
        at_s = self._log.now_s()
        answered, made = Answered.UNKNOWN, None
        why: str | None = "given up"
        try:
            reply = await super().send(what, method, path, body, key=key)
            answered, why = Answered.OK, None
            made = msgspec.json.decode(reply.body, type=_Made).id if key else None
        except (Refused, Failed) as error:
            answered = Answered.UNKNOWN if error.maybe_done else Answered.FAILED
            why = str(error)
            raise
        else:
            return reply
        finally:
            took_s = round(self._log.now_s() - at_s, 4)
            self._log.write(
                Asked(round(at_s, 3), took_s, what, path, answered, key=key, why=why, made=made)
            )


class _Made(Struct):
    id: int
