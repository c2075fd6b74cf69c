"""Listens to what passes through a PostgreSQL queue, and leaves nothing behind in it.

Who listens says so again and again, by a notification. As long as a bus hears that, it says what it
has published in the same way. Who is killed says nothing more, and is forgotten within seconds.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from time import monotonic

import asyncpg
import msgspec

from ordereats.chassis.messaging.bus import BusDownError, Message
from ordereats.contracts.wire import decode, encode

ASKS = "?tail"
"""What a listener says where buses hear each other; no queue has such a name."""
SAID = "ordereats_tail"
"""The channel on which they say what they have published."""

ASKS_EVERY_S = 1.0
ASKED_FOR_S = 5.0
MOST_WAITING = 1000
"""Then the oldest are dropped: who listens must not hold anybody up."""
LONGEST = 7900
"""Bytes. PostgreSQL takes no notification of 8000."""
PATIENCE_S = 5.0


class Overheard:
    """What a bus has published while somebody listens. Nothing, while nobody does."""

    def __init__(self) -> None:
        self._until = monotonic()
        self._said: deque[str] = deque(maxlen=MOST_WAITING)

    def asked(self) -> None:
        """Somebody listens."""
        self._until = monotonic() + ASKED_FOR_S

    def note(self, messages: Iterable[Message]) -> None:
        """These were published."""
        if monotonic() < self._until:
            self._said.extend(said for each in messages if (said := _said(each)) is not None)

    def take(self) -> list[str]:
        """What has to be said, once."""
        said = list(self._said)
        self._said.clear()
        return said


def _said(message: Message) -> str | None:
    """As much of it as there is room for: a fact that is too long is left out."""
    for each in (message, msgspec.structs.replace(message, data=b"")):
        said = encode(each)
        if len(said) <= LONGEST:
            return said.decode()
    return None


@asynccontextmanager
async def tail(url: str, *, channel: str) -> AsyncIterator[AsyncIterator[Message]]:
    """As `connect.open_tail` says.

    Args:
        url: of the queue's database.
        channel: where buses hear each other.
    """
    try:
        connection = await asyncpg.connect(
            url,
            timeout=PATIENCE_S,
            command_timeout=PATIENCE_S,
            server_settings={"application_name": "ordereats tail"},
        )
        heard: asyncio.Queue[str] = asyncio.Queue(MOST_WAITING)
        try:
            await connection.add_listener(SAID, lambda *said: _keep(heard, str(said[-1])))
            await _ask(connection, channel)
            yield _passing(connection, channel, heard)
        finally:
            connection.terminate()
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
        raise BusDownError(f"{type(error).__name__}: {error}") from error


async def _passing(
    connection: "asyncpg.Connection[asyncpg.Record]", channel: str, heard: asyncio.Queue[str]
) -> AsyncIterator[Message]:
    asks_at = monotonic() + ASKS_EVERY_S
    while True:
        said = None
        with suppress(TimeoutError):
            async with asyncio.timeout(asks_at - monotonic()):
                said = await heard.get()
        if said is not None:
            yield decode(said.encode(), Message)
        if monotonic() >= asks_at:
            await _ask(connection, channel)
            asks_at = monotonic() + ASKS_EVERY_S


async def _ask(connection: "asyncpg.Connection[asyncpg.Record]", channel: str) -> None:
    await connection.execute("select pg_notify($1, $2)", channel, ASKS)


def _keep(heard: asyncio.Queue[str], said: str) -> None:
    if heard.full():
        heard.get_nowait()
    heard.put_nowait(said)
