"""One PostgreSQL database: a pool, single statements and transactions. It knows no table."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from contextvars import ContextVar
from math import inf
from time import monotonic, perf_counter
from typing import NamedTuple, Protocol, Self, TypeAlias, TypeVar

import asyncpg

from ordereats.chassis import context
from ordereats.chassis.db.changes import REFUSALS, Changes
from ordereats.chassis.errors import (
    DatabaseError,
    DeadlineExceeded,
    RowRefused,
    TakesNoChanges,
)
from ordereats.chassis.failpoints import FAILPOINTS, Failpoint
from ordereats.chassis.telemetry.span import Span

T = TypeVar("T")
Row: TypeAlias = asyncpg.Record

STATEMENT_TIMEOUT_S = 5.0
"""How long the server lets one statement run."""
LOCK_TIMEOUT_S = 3.0
"""How long a statement waits for another transaction."""
CLIENT_TIMEOUT_S = STATEMENT_TIMEOUT_S + 2.0
"""How long we wait for a connection, and then for an answer: longer than the server takes to give
up by itself, so that this only strikes when the server says nothing any more."""
IDLE_S = 30.0
"""How long a connection that nobody needs is kept: each is a process of the server's."""
SERVERS_SHARE = 0.9
"""Of the time that a request has left: so long the server lets a statement of it run, so that its
answer is here before everyone has gone."""
GRACE_S = 0.25
"""How long after the deadline we wait for an answer; then the connection is dropped."""
UNCOMMITTED = Failpoint(
    "transaction.done", "All of a transaction has been done; it has not been committed."
)
COMMITTED = Failpoint(
    "transaction.committed", "A transaction has been committed; nobody has heard of it."
)
ALONE = Failpoint(
    "statement.committed", "One statement has changed something by itself; nobody has heard of it."
)
SHORT_S = 1.0
"""A single statement that has less time than this is told so. One that has more is not, for it
would cost two round trips: who waits so long before a connection is dropped drops few."""
ROLL_BACK_S = 1.0
NOTICED_AFTER_S = 0.5
"""How soon a server notices that who asked for a statement has dropped the connection."""


class Reader(Protocol):
    """Where a read may run: on the database, or inside a transaction."""

    async def fetch(self, sql: str, *arguments: object) -> list[Row]:
        """All rows."""
        ...

    async def fetch_one(self, sql: str, *arguments: object) -> Row | None:
        """The first row, or None where there is none."""
        ...


class Connections(NamedTuple):
    """What the connections of a pool do.

    Attributes:
        busy: at work.
        idle: at rest, and open.
        limit: how many there may be.
    """

    busy: int
    idle: int
    limit: int


class Transaction:
    """Statements that happen together or not at all. Made by `Database.transaction`."""

    def __init__(
        self, connection: "asyncpg.pool.PoolConnectionProxy[Row]", changes: Changes
    ) -> None:
        self._connection = connection
        self._changes = changes
        self._has_inserted = False
        self._after_commit: list[Callable[[], None]] = []
        self._is_begun = False
        self._is_limited = False

    async def fetch(self, sql: str, *arguments: object) -> list[Row]:
        """All rows."""
        return await self._ask(self._connection.fetch, sql, *arguments)

    async def fetch_one(self, sql: str, *arguments: object) -> Row | None:
        """The first row, or None where there is none."""
        return await self._ask(self._connection.fetchrow, sql, *arguments)

    async def execute(self, sql: str, *arguments: object) -> int:
        """Run a statement; how many rows it touched."""
        return _touched(await self._ask(self._connection.execute, sql, *arguments))

    def after_commit(self, call: Callable[[], None]) -> None:
        """Call this once the transaction has been committed: a hint, never a duty."""
        self._after_commit.append(call)

    async def _begin(self) -> None:
        self._is_begun = True
        limit_s = _remaining_s() * SERVERS_SHARE
        self._is_limited = limit_s < STATEMENT_TIMEOUT_S
        begin = f"begin; set local {_limit(limit_s)}" if self._is_limited else "begin"
        await self._ask(self._connection.execute, begin)

    async def _commit(self) -> None:
        """Commit if there is time. One that has begun is not cut: it would be in doubt.

        The server does not either: its limit ends before a commit does its work.
        """
        if _remaining_s() <= 0:
            await self._roll_back()
            raise DeadlineExceeded("The time was over before the commit.")
        await self._end("commit", CLIENT_TIMEOUT_S)
        if self._has_inserted:
            self._changes.taken()
        for call in self._after_commit:
            call()

    async def _roll_back(self) -> None:
        try:
            await self._end("rollback", ROLL_BACK_S)
        except DatabaseError:  # dropped, it has rolled back by that
            _drop(self._connection)

    async def _end(self, sql: str, patience_s: float) -> None:
        try:
            async with asyncio.timeout(patience_s):
                await self._connection.execute(sql)
        except asyncio.CancelledError:
            _drop(self._connection)
            raise
        except _FAULTS as error:
            raise self._fault(error) from None

    async def _ask(self, run: Callable[..., Awaitable[T]], sql: str, *arguments: object) -> T:
        patience_s = _checked_s() + GRACE_S
        try:
            async with asyncio.timeout(min(CLIENT_TIMEOUT_S, patience_s)):
                answer = await run(sql, *arguments)
        except asyncio.CancelledError:
            _drop(self._connection)
            raise
        except _FAULTS as error:
            fault = self._fault(error)
            is_too_late = patience_s < CLIENT_TIMEOUT_S and isinstance(error, TimeoutError)
            # A change that is a transaction of its own may have been made.
            is_undone = self._is_begun or sql.lstrip().startswith("select")
            is_ended = self._is_limited and isinstance(error, asyncpg.QueryCanceledError)
            if is_ended or (is_too_late and is_undone):
                raise DeadlineExceeded(f"The database was too slow: {fault}") from None
            raise fault from None
        if self._changes.refused:
            self._note(sql, answer)
        return answer

    def _note(self, sql: str, answer: object) -> None:
        """Note a row that was inserted: that needs room. It counts once it is committed."""
        if "insert into" not in sql or answer in ([], None, "INSERT 0 0"):
            return
        if self._is_begun:
            self._has_inserted = True
        else:
            self._changes.taken()

    def _fault(self, error: Exception) -> DatabaseError:
        """What it means; a connection that gave no answer is dropped."""
        if isinstance(error, TimeoutError | asyncpg.InternalClientError):
            _drop(self._connection)
        if type(error) in REFUSALS:
            return TakesNoChanges(self._changes.refuse(error))
        kind = RowRefused if isinstance(error, _REFUSALS) else DatabaseError
        return kind(_said(error))


class Database:
    """A pool of connections to one database.

    The server bounds every statement in time: by `STATEMENT_TIMEOUT_S`, and by what the request
    that asks has left of its own time (`context.current().deadline`). A connection whose statement
    was cancelled or not answered is dropped, never used again: the driver leaks otherwise.
    Every method raises `DatabaseError` when the database does not do what it was asked,
    `TakesNoChanges` of that kind when it can't for want of room or is read-only, and
    `DeadlineExceeded` when the request's time was over first: then nothing was done.

    Attributes:
        changes: whether it takes any, as far as is known.
    """

    def __init__(self, pool: "asyncpg.Pool[Row]", name: str) -> None:
        self._pool = pool
        self.changes = Changes(name)

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str, *, name: str, size: int = 10) -> AsyncIterator[Self]:
        """Use a database for the length of a block. Connects when first asked, not here.

        Args:
            url: `postgres://…`.
            name: who connects, for the server's own list of its clients.
            size: connections at most.
        """
        pool = asyncpg.create_pool(
            url,
            min_size=0,
            max_size=size,
            max_inactive_connection_lifetime=IDLE_S,
            reset=_keep,
            timeout=3,
            server_settings={
                "application_name": f"ordereats {name}",
                "timezone": "UTC",
                "statement_timeout": str(int(STATEMENT_TIMEOUT_S * 1000)),
                "lock_timeout": str(int(LOCK_TIMEOUT_S * 1000)),
                "idle_in_transaction_session_timeout": "10000",
                "client_connection_check_interval": str(int(NOTICED_AFTER_S * 1000)),
            },
        )
        async with pool:
            try:
                yield cls(pool, name)
            finally:
                try:
                    async with asyncio.timeout(CLIENT_TIMEOUT_S):
                        await pool.close()
                except TimeoutError:
                    pool.terminate()

    async def fetch(self, sql: str, *arguments: object) -> list[Row]:
        """All rows of one statement, a transaction of its own."""
        return await self._alone(Transaction.fetch, sql, *arguments)

    async def fetch_one(self, sql: str, *arguments: object) -> Row | None:
        """The first row of one statement, a transaction of its own; None where there is none."""
        return await self._alone(Transaction.fetch_one, sql, *arguments)

    async def execute(self, sql: str, *arguments: object) -> int:
        """Run one statement, a transaction of its own; how many rows it touched."""
        return await self._alone(Transaction.execute, sql, *arguments)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """Commit what the block does, or none of it when it raises.

        A commit that was cut off is in doubt, as with any database: whoever asked has to look.
        """
        span = _span()
        try:
            connection = await self._acquire()
            if span is not None:
                now = perf_counter()
                span.waited_s, span.began = now - span.began, now
            try:
                tx = Transaction(connection, self.changes)
                await tx._begin()  # noqa: SLF001  # the two are one thing
                mark = _INSIDE.set(True)
                try:
                    yield tx
                    await UNCOMMITTED.reached()
                except BaseException:
                    await tx._roll_back()  # noqa: SLF001  # as above
                    raise
                finally:
                    _INSIDE.reset(mark)
                await tx._commit()  # noqa: SLF001  # as above
                await COMMITTED.reached()
            finally:
                await self._pool.release(connection)
        except BaseException as error:
            if span is not None:
                span.fail(error)
            raise
        finally:
            if span is not None:
                span.end()

    def connections(self) -> Connections:
        """What its connections do at this moment."""
        idle = self._pool.get_idle_size()
        return Connections(self._pool.get_size() - idle, idle, self._pool.get_max_size())

    async def _alone(self, run: Callable[..., Awaitable[T]], sql: str, *arguments: object) -> T:
        if _remaining_s() < SHORT_S:
            async with self.transaction() as tx:
                return await run(tx, sql, *arguments)
        connection = await self._acquire()
        try:
            found = await run(Transaction(connection, self.changes), sql, *arguments)
        finally:
            await self._pool.release(connection)
        if FAILPOINTS.is_on and found and not sql.lstrip().startswith("select"):
            await ALONE.reached()
        return found

    async def _acquire(self) -> "asyncpg.pool.PoolConnectionProxy[Row]":
        left_s = _checked_s()
        try:
            async with asyncio.timeout(min(CLIENT_TIMEOUT_S, left_s)):
                return await self._pool.acquire()
        except _FAULTS as error:
            if isinstance(error, TimeoutError) and _remaining_s() <= 0:
                raise DeadlineExceeded("No connection to the database in time.") from None
            raise DatabaseError(f"no connection: {_said(error)}") from None


def _span() -> Span | None:
    """A transaction is a part of what is under way; of what nobody follows, nobody follows it."""
    at = context.known()
    return None if at is None or at.span is None else at.span.child("transaction", "transaction")


def inside_transaction() -> bool:
    """Whether the code that is running now stands inside a transaction."""
    return _INSIDE.get()


def one(row: Row | None) -> Row:
    """The row of a statement that always gives one."""
    if row is None:
        raise DatabaseError("a statement that always gives a row gave none")
    return row


def columns(rows: Sequence[Sequence[object]], width: int) -> list[list[object]]:
    """Rows turned into columns, as `unnest` takes them; `width` speaks for no rows at all."""
    return [[row[index] for row in rows] for index in range(width)]


def _remaining_s() -> float:
    """How long whoever asks still waits; for ever where nobody does: events, jobs."""
    at = context.known()
    return inf if at is None or at.deadline is None else at.deadline - monotonic()


def _checked_s() -> float:
    left_s = _remaining_s()
    if left_s <= 0:
        raise DeadlineExceeded("No time was left to ask the database.")
    return left_s


def _limit(seconds: float) -> str:
    return f"statement_timeout = {max(1, int(seconds * 1000))}"  # 0 would be no limit


def _drop(connection: "asyncpg.pool.PoolConnectionProxy[Row]") -> None:
    with suppress(asyncpg.InterfaceError):  # it was lost already
        connection.terminate()


async def _keep(_connection: object) -> None:
    """Leave a returned connection as it is: nothing here keeps session state.

    asyncpg's own reset is a round trip at each release (measured: POST 184 → 154 µs of CPU).
    """


def _touched(tag: str) -> int:
    count = tag.rpartition(" ")[2]
    return int(count) if count.isdecimal() else 0


def _said(error: Exception) -> str:
    """What happened, without the detail that PostgreSQL adds: it quotes rows, people's data."""
    return f"{type(error).__name__}: {error.args[0] if error.args else ''}"


_FAULTS: tuple[type[Exception], ...] = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # the driver's own, when the server dies at a bad moment
    OSError,
    TimeoutError,
)
_REFUSALS = (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError)
_INSIDE: ContextVar[bool] = ContextVar("ordereats_inside_transaction", default=False)
