"""What the sandbox remembers, in one SQLite file: intents, entries, and the answers to keys.

An answer, the state behind it and its ledger entry are one transaction, on disk before anyone is
told. The rules are not here.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, cast

import msgspec
from msgspec import Raw, Struct

from ordereats.chassis.errors import Misconfigured
from ordereats.sandbox.intents import Intent, Movement, Refund, Refused
from ordereats.sandbox.schema import STEPS, VERSION

T = TypeVar("T")

FILE = "ledger.sqlite"


class Answer(NamedTuple):
    """What goes back to the caller, byte for byte, now and whenever its key comes again."""

    status: int
    body: bytes
    replayed: bool = False


class Key(NamedTuple):
    """An idempotency key, and a digest of the request that it stands for."""

    value: str
    request: bytes


class Untold(NamedTuple):
    """An event that somebody has to be told of."""

    id: str
    body: bytes
    attempts: int


class Entry(Struct, frozen=True, rename="camel"):
    """One line of the ledger, as `GET /ledger` shows it.

    Attributes:
        amount: in minor units.
        at: RFC 3339, UTC.
    """

    sequence: int
    kind: str
    payment_intent: str
    amount: int
    currency: str
    metadata: Raw
    idempotency_key: str | None
    at: str


class Ledger:
    """The open file. One thread reads and writes it, so that requests take their turn."""

    def __init__(self, folder: Path) -> None:
        """Open it, or make a new one.

        Raises:
            Misconfigured: the folder can't be written, or the file is none of ours.
        """
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="ledger")
        try:
            self._file = self._thread.submit(_open, folder).result()
        except Misconfigured:
            self._thread.shutdown()
            raise

    async def write(self, work: Callable[["Transaction"], Answer], key: Key | None) -> Answer:
        """Do the work once for a key; later calls with it get the first answer.

        Raises:
            Refused: the key has been used for another request.
        """

        def once(tx: "Transaction") -> Answer:
            if key is None:
                return work(tx)
            if earlier := tx.answer(key):
                return earlier
            answer = work(tx)
            tx.keep(key, answer)
            return answer

        return await self._run(once, key)

    async def read(self, work: Callable[["Transaction"], T]) -> T:
        """Look something up."""
        return await self._run(work, None)

    async def note(self, work: Callable[["Transaction"], None]) -> None:
        """Write something down that nobody waits for an answer to."""
        await self._run(work, None)

    async def check(self) -> str:
        """What is wrong, or nothing."""
        try:
            await self.read(lambda tx: tx.entries(limit=1, after=0))
        except sqlite3.Error as error:
            return str(error)
        return ""

    async def close(self) -> None:
        """Let what is under way commit, then close the file."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._file.close)
        self._thread.shutdown()

    async def _run(self, work: Callable[["Transaction"], T], key: Key | None) -> T:
        def run() -> T:
            with _transaction(self._file):
                return work(Transaction(self._file, key))

        return await asyncio.get_running_loop().run_in_executor(self._thread, run)


class Transaction:
    """One statement a method, all within one transaction."""

    def __init__(self, file: sqlite3.Connection, key: Key | None) -> None:
        self._file = file
        self._key = key

    def intent(self, intent_id: str) -> Intent | None:
        """One intent as it is now."""
        row = self._one("select state from intents where id = ?", intent_id)
        return None if row is None else _INTENT.decode(row[0])

    def put(self, intent: Intent) -> None:
        """Store an intent, new or moved."""
        self._file.execute(
            """
            insert into intents (id, state) values (?, ?)
            on conflict (id) do update set state = excluded.state
            """,
            (intent.id, msgspec.json.encode(intent)),
        )
        self._file.executemany(
            "insert or ignore into marks (name, value, intent) values (?, ?, ?)",
            [(name, value, intent.id) for name, value in intent.metadata.items()],
        )

    def marked(self, name: str, value: str, *, limit: int) -> list[Intent]:
        """The latest intents whose metadata says so."""
        rows = self._file.execute(
            """
            select state from intents join marks on marks.intent = intents.id
            where name = ? and value = ? order by sequence desc limit ?
            """,
            (name, value, limit),
        )
        return [_INTENT.decode(state) for (state,) in rows]

    def intents(self, *, limit: int, before: str | None) -> list[Intent]:
        """The latest first, from one on if it is named."""
        rows = self._file.execute(
            """
            select state from intents
            where ? is null or sequence < (select sequence from intents where id = ?)
            order by sequence desc limit ?
            """,
            (before, before, limit),
        )
        return [_INTENT.decode(state) for (state,) in rows]

    def refund(self, refund_id: str) -> Refund | None:
        """One refund."""
        row = self._one("select state from refunds where id = ?", refund_id)
        return None if row is None else _REFUND.decode(row[0])

    def add_refund(self, refund: Refund) -> None:
        """Store a new refund."""
        self._file.execute(
            "insert into refunds (id, state, intent) values (?, ?, ?)",
            (refund.id, msgspec.json.encode(refund), refund.intent),
        )

    def put_refund(self, refund: Refund) -> None:
        """Store what has become of a refund."""
        self._file.execute(
            "update refunds set state = ? where id = ?", (msgspec.json.encode(refund), refund.id)
        )

    def refunds_of(self, intent_id: str, *, limit: int, before: str | None) -> list[Refund]:
        """The refunds of an intent, the latest first, from one on if it is named."""
        rows = self._file.execute(
            """
            select state from refunds where intent = ? and (? is null or id < ?)
            order by id desc limit ?
            """,
            (intent_id, before, before, limit),
        )
        return [_REFUND.decode(state) for (state,) in rows]

    def add_event(self, event_id: str, body: bytes, *, due_at: float) -> None:
        """Store what is to be told, as it will be told."""
        self._file.execute(
            "insert into events (id, body, due_at) values (?, ?, ?)", (event_id, body, due_at)
        )

    def events(self, *, limit: int, before: str | None) -> list[Raw]:
        """What was to be told, the latest first, from one on if it is named."""
        rows = self._file.execute(
            """
            select body from events
            where ? is null or sequence < (select sequence from events where id = ?)
            order by sequence desc limit ?
            """,
            (before, before, limit),
        )
        return [Raw(body) for (body,) in rows]

    def has_event(self, event_id: str) -> bool:
        """Whether there is such an event."""
        return self._one("select 1 from events where id = ?", event_id) is not None

    def untold(self, *, now: float, limit: int) -> list[Untold]:
        """Events that are due to be told, in order."""
        rows = self._file.execute(
            """
            select id, body, attempts from events where due_at <= ?
            order by due_at, sequence limit ?
            """,
            (now, limit),
        )
        return [Untold(*row) for row in rows]

    def told(self, event_id: str, *, again_at: float | None) -> None:
        """Note an attempt to tell of an event, and when to make another one, if at all."""
        self._file.execute(
            "update events set attempts = attempts + 1, due_at = ? where id = ?",
            (again_at, event_id),
        )

    def record(self, intent: Intent, movement: Movement, *, at: str) -> None:
        """Add a line to the ledger. None is ever changed."""
        self._file.execute(
            """
            insert into entries
                (kind, payment_intent, amount, currency, metadata, order_id, idempotency_key, at)
            values (?, ?, ?, ?, ?, ?, ?, ?)
            """,
            (
                movement.kind,
                intent.id,
                movement.amount,
                intent.currency,
                msgspec.json.encode(intent.metadata),
                intent.metadata.get("order_id"),
                self._key and self._key.value,
                at,
            ),
        )

    def entries(self, *, limit: int, after: int) -> list[Entry]:
        """The ledger's lines, in order."""
        return self._lines("sequence > ?", after, limit)

    def entries_of(self, order_id: str, *, limit: int, after: int) -> list[Entry]:
        """The lines of one order, in order."""
        return self._lines("order_id = ? and sequence > ?", order_id, after, limit)

    def answer(self, key: Key) -> Answer | None:
        """What was said when the key first came.

        Raises:
            Refused: it came with another request.
        """
        row = self._one("select request, status, body from answers where key = ?", key.value)
        if row is None:
            return None
        request, status, body = row
        if request != key.request:
            raise Refused(
                "This idempotency key has been used for another request.",
                kind="idempotency_error",
            )
        return Answer(status, body, replayed=True)

    def keep(self, key: Key, answer: Answer) -> None:
        """Remember what was said."""
        self._file.execute(
            "insert into answers (key, request, status, body) values (?, ?, ?, ?)",
            (key.value, key.request, answer.status, answer.body),
        )

    def _lines(self, which: str, *parameters: str | int) -> list[Entry]:
        rows = self._file.execute(
            f"""
            select sequence, kind, payment_intent, amount, currency, metadata, idempotency_key, at
            from entries where {which} order by sequence limit ?
            """,  # noqa: S608  # `which` is one of the two texts above
            parameters,
        )
        return [
            Entry(sequence, kind, intent, amount, currency, Raw(metadata), key, at)
            for sequence, kind, intent, amount, currency, metadata, key, at in rows
        ]

    def _one(self, sql: str, parameter: str) -> tuple[Any, ...] | None:
        return cast("tuple[Any, ...] | None", self._file.execute(sql, (parameter,)).fetchone())


def _open(folder: Path) -> sqlite3.Connection:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = sqlite3.connect(folder / FILE, isolation_level=None)
        (found,) = file.execute("pragma user_version").fetchone()
        if found > VERSION:
            raise Misconfigured(
                f"{folder / FILE} was written by a newer version: use that, or another folder."
            )
        file.execute("pragma journal_mode = wal")
        file.execute("pragma synchronous = full")
        for step in STEPS[found:]:
            file.executescript(step)
    except (OSError, sqlite3.Error) as error:
        raise Misconfigured(f"{folder / FILE} can't be used: {error}.") from error
    return file


@contextmanager
def _transaction(file: sqlite3.Connection) -> Iterator[None]:
    file.execute("begin immediate")
    try:
        yield
        file.execute("commit")
    finally:
        if file.in_transaction:
            file.execute("rollback")


_INTENT = msgspec.json.Decoder(Intent)
_REFUND = msgspec.json.Decoder(Refund)
