"""One PostgreSQL database: a pool, single statements and transactions. It knows no table."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from contextvars import ContextVar
from typing import Protocol, Self, TypeAlias, TypeVar

import asyncpg

from ordereats.chassis.errors import DatabaseError, RowRefused

T = TypeVar("T")
Row: TypeAlias = asyncpg.Record

STATEMENT_TIMEOUT_S = 5.0
"""How long the server lets one statement run."""
LOCK_TIMEOUT_S = 3.0
"""How long a statement waits for another transaction."""
CLIENT_TIMEOUT_S = STATEMENT_TIMEOUT_S + 2.0
"""How long we wait for a connection, and then for an answer: longer than the server takes to give
up by itself, so that this only strikes when the server says nothing any more."""


class Reader(Protocol):
    """Where a read may run: on the database, or inside a transaction."""

    async def fetch(self, sql: str, *arguments: object) -> list[Row]:
        """All rows."""
        ...

    async def fetch_one(self, sql: str, *arguments: object) -> Row | None:
        """The first row, or None where there is none."""
        ...


class Transaction:
    """Statements that happen together or not at all. Made by `Database.transaction`."""

    def __init__(self, connection: "asyncpg.pool.PoolConnectionProxy[Row]") -> None:
        self._connection = connection
        self._after_commit: list[Callable[[], None]] = []

    async def fetch(self, sql: str, *arguments: object) -> list[Row]:
        """All rows."""
        return await _bounded(self._connection, self._connection.fetch, sql, *arguments)

    async def fetch_one(self, sql: str, *arguments: object) -> Row | None:
        """The first row, or None where there is none."""
        return await _bounded(self._connection, self._connection.fetchrow, sql, *arguments)

    async def execute(self, sql: str, *arguments: object) -> int:
        """Run a statement; how many rows it touched."""
        tag = await _bounded(self._connection, self._connection.execute, sql, *arguments)
        return _touched(tag)

    def after_commit(self, call: Callable[[], None]) -> None:
        """Call this once the transaction has been committed: a hint, never a duty."""
        self._after_commit.append(call)

    async def _begin(self) -> None:
        await _bounded(self._connection, self._connection.execute, "begin")

    async def _commit(self) -> None:
        await _bounded(self._connection, self._connection.execute, "commit")
        for call in self._after_commit:
            call()

    async def _roll_back(self) -> None:
        try:
            await _bounded(self._connection, self._connection.execute, "rollback")
        except DatabaseError:  # dropped, it has rolled back by that
            _drop(self._connection)


class Database:
    """A pool of connections to one database.

    The server bounds every statement in time. A connection whose statement was cancelled or not
    answered is dropped, never used again: the driver leaks otherwise.
    Every method raises `DatabaseError` when the database does not do what it was asked.
    """

    def __init__(self, pool: "asyncpg.Pool[Row]") -> None:
        self._pool = pool

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
            reset=_keep,
            timeout=3,
            server_settings={
                "application_name": f"ordereats {name}",
                "timezone": "UTC",
                "statement_timeout": str(int(STATEMENT_TIMEOUT_S * 1000)),
                "lock_timeout": str(int(LOCK_TIMEOUT_S * 1000)),
                "idle_in_transaction_session_timeout": "10000",
            },
        )
        async with pool:
            try:
                yield cls(pool)
            finally:
                try:
                    async with asyncio.timeout(CLIENT_TIMEOUT_S):
                        await pool.close()
                except TimeoutError:
                    pool.terminate()

    async def fetch(self, sql: str, *arguments: object) -> list[Row]:
        """All rows of one statement, a transaction of its own."""
        connection = await self._acquire()
        try:
            return await _bounded(connection, connection.fetch, sql, *arguments)
        finally:
            await self._pool.release(connection)

    async def fetch_one(self, sql: str, *arguments: object) -> Row | None:
        """The first row of one statement, a transaction of its own; None where there is none."""
        connection = await self._acquire()
        try:
            return await _bounded(connection, connection.fetchrow, sql, *arguments)
        finally:
            await self._pool.release(connection)

    async def execute(self, sql: str, *arguments: object) -> int:
        """Run one statement, a transaction of its own; how many rows it touched."""
        connection = await self._acquire()
        try:
            return _touched(await _bounded(connection, connection.execute, sql, *arguments))
        finally:
            await self._pool.release(connection)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """Commit what the block does, or none of it when it raises.

        A commit that was cut off is in doubt, as with any database: whoever asked has to look.
        """
        connection = await self._acquire()
        try:
            tx = Transaction(connection)
            await tx._begin()  # noqa: SLF001  # the two are one thing
            mark = _INSIDE.set(True)
            try:
                yield tx
            except BaseException:
                await tx._roll_back()  # noqa: SLF001  # as above
                raise
            finally:
                _INSIDE.reset(mark)
            await tx._commit()  # noqa: SLF001  # as above
        finally:
            await self._pool.release(connection)

    async def _acquire(self) -> "asyncpg.pool.PoolConnectionProxy[Row]":
        try:
            async with asyncio.timeout(CLIENT_TIMEOUT_S):
                return await self._pool.acquire()
        except _FAULTS as error:
            raise DatabaseError(f"no connection: {_said(error)}") from None


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


async def _bounded(
    connection: "asyncpg.pool.PoolConnectionProxy[Row]",
    run: Callable[..., Awaitable[T]],
    sql: str,
    *arguments: object,
) -> T:
    try:
        async with asyncio.timeout(CLIENT_TIMEOUT_S):
            return await run(sql, *arguments)
    except asyncio.CancelledError:
        _drop(connection)
        raise
    except _FAULTS as error:
        if isinstance(error, TimeoutError | asyncpg.InternalClientError):
            _drop(connection)
        kind = RowRefused if isinstance(error, _REFUSALS) else DatabaseError
        raise kind(_said(error)) from None


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
