"""Brings a database up to date: numbered SQL files, each once, each in a transaction of its own.

A newer program's steps are no reason to refuse a database: the version before has to go on beside
the new one, and to come back after it. A step with which that can't be says so in its first line,
`-- needs 0002`: programs that don't know that step, the second of the same owner, can't use a
database that has it.
"""

import asyncio
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from ordereats.chassis.backoff import up_to_twice_s
from ordereats.chassis.db.pool import Reader
from ordereats.chassis.errors import DatabaseError, Misconfigured
from ordereats.chassis.failpoints import Failpoint

_LOCK = 7_234_001
"""Of all that migrate this database only one does at a time (advisory, so any number may wait)."""
PAUSE_S = 0.25
"""The shortest before a step is tried again."""
UNCOMMITTED = Failpoint("migration.done", "A step has been done; it has not been committed.")
COMMITTED = Failpoint("migration.committed", "A step has been committed; the next has not begun.")

_TABLE = """
create table if not exists schema_steps (
    owner text not null,
    version int not null,
    name text not null,
    checksum text not null,
    needs int not null,
    applied_at timestamptz not null default now(),
    primary key (owner, version)
)
"""
_EARLIER = "select to_regclass('schema_migrations') is not null"
_TAKE_OVER = """
insert into schema_steps (owner, version, name, checksum, needs, applied_at)
select owner, version, name, checksum, 0, applied_at from schema_migrations
on conflict do nothing
"""
"""Where earlier releases kept their steps. They refuse to start if they find others there, so ours
are kept elsewhere, and that table is left as they know it. The release after the next drops it."""
_NEEDS = re.compile(r"-- needs (\d{4})\n")


@dataclass(frozen=True, slots=True)
class MigrationSet:
    """The migrations of one owner.

    Attributes:
        owner: whose tables these are: a service, or the chassis.
        folder: holds `0001_what.sql`, `0002_….sql` and so on, without gaps.
    """

    owner: str
    folder: Path


@dataclass(frozen=True, slots=True)
class Migration:
    """One step.

    Attributes:
        needs: the last step that a program has to know to use a database that has this one; 0: it
            may know none of them.
    """

    version: int
    name: str
    sql: str

    @property
    def needs(self) -> int:
        found = _NEEDS.match(self.sql)
        return int(found[1]) if found else 0

    @property
    def checksum(self) -> str:
        """Tells a file that was changed after it was applied."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


async def migrate(url: str, sets: Sequence[MigrationSet], *, patience_s: float = 30.0) -> int:
    """Apply what is missing, in the order of the sets. Safe while other versions run, and twice.

    Waits for a database that is still starting, for another program that is migrating it, and for
    locks of running transactions: each step gives up after 3 s, so that it never makes others queue
    behind it, and tries again.

    Returns:
        How many were applied.

    Raises:
        Misconfigured: a step that was applied has changed since, or the database is too new or
            read-only.
        DatabaseError: the database did not answer, or refused a step, for all of `patience_s`.
    """
    loop = asyncio.get_running_loop()
    give_up = loop.time() + patience_s
    while True:
        try:
            return await _migrate_once(url, sets, wait_s=max(0.1, give_up - loop.time()))
        except (asyncpg.LockNotAvailableError, asyncpg.CannotConnectNowError, OSError) as error:
            if loop.time() > give_up:
                raise DatabaseError(f"not migrated in {patience_s:g} s: {error}") from error
            await asyncio.sleep(up_to_twice_s(PAUSE_S))
        except asyncpg.ReadOnlySQLTransactionError:
            raise Misconfigured(
                "The database takes no changes: it is a standby, or default_transaction_read_only"
                " is on. Name the primary, or let it take changes."
            ) from None
        except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise DatabaseError(f"not migrated: {type(error).__name__}: {error}") from error


def read(folder: Path) -> list[Migration]:
    """The steps of a folder, in order.

    Raises:
        Misconfigured: a gap, a number twice, or a name without a number.
    """
    steps: list[Migration] = []
    for expected, file in enumerate(sorted(folder.glob("*.sql")), start=1):
        number, _, name = file.stem.partition("_")
        if number != f"{expected:04}" or not name:
            raise Misconfigured(f"{file.name} should be called {expected:04}_something.sql.")
        steps.append(Migration(expected, name, file.read_text(encoding="utf-8")))
    return steps


async def missing(reader: Reader, sets: Sequence[MigrationSet]) -> list[str]:
    """The steps that a running program needs and its database does not have."""
    rows = await reader.fetch("select owner, version from schema_steps")
    applied = {(row["owner"], row["version"]) for row in rows}
    return [
        _named(each, step)
        for each in sets
        for step in read(each.folder)
        if (each.owner, step.version) not in applied
    ]


async def _migrate_once(url: str, sets: Sequence[MigrationSet], *, wait_s: float) -> int:
    connection = await asyncpg.connect(url, timeout=3, server_settings={"lock_timeout": "3000"})
    try:
        await _wait_for_turn(connection, wait_s)
        await connection.execute(_TABLE)
        if await connection.fetchval(_EARLIER):
            await connection.execute(_TAKE_OVER)
        return sum([await _apply(connection, each) for each in sets])
    finally:
        connection.terminate()  # drops the lock as well, and can't hang


async def _wait_for_turn(connection: "asyncpg.Connection[asyncpg.Record]", wait_s: float) -> None:
    try:
        await connection.execute(f"set lock_timeout = {int(wait_s * 1000)}")
        await connection.execute(f"select pg_advisory_lock({_LOCK})")
        await connection.execute("set lock_timeout = 3000")
    except asyncpg.LockNotAvailableError as error:
        raise DatabaseError(
            f"not migrated: for all of {wait_s:.1f} s another program was migrating this database."
            " Let it finish, or end it, and start again."
        ) from error


async def _apply(connection: "asyncpg.Connection[asyncpg.Record]", which: MigrationSet) -> int:
    steps = read(which.folder)
    rows = await connection.fetch(
        "select version, checksum, needs from schema_steps where owner = $1", which.owner
    )
    _check(which.owner, steps, rows)
    applied = {row["version"] for row in rows}
    missing = [step for step in steps if step.version not in applied]
    for step in missing:
        async with connection.transaction():
            await connection.execute(step.sql)
            await connection.execute(
                "insert into schema_steps (owner, version, name, checksum, needs)"
                " values ($1, $2, $3, $4, $5)",
                which.owner,
                step.version,
                step.name,
                step.checksum,
                step.needs,
            )
            await UNCOMMITTED.reached(_named(which, step))
        await COMMITTED.reached(_named(which, step))
    return len(missing)


def _named(which: MigrationSet, step: Migration) -> str:
    return f"{which.owner}/{step.version:04}"


def _check(owner: str, steps: Sequence[Migration], applied: Sequence[asyncpg.Record]) -> None:
    known = {step.version: step.checksum for step in steps}
    for row in applied:
        version = row["version"]
        if version not in known and row["needs"] > len(steps):
            raise Misconfigured(
                f"The database has step {version:04} of {owner}, with which only a program works"
                f" that knows step {row['needs']:04}; this one does not. Start a newer version, or"
                " use another database."
            )
        if version in known and known[version] != row["checksum"]:
            raise Misconfigured(
                f"Step {version:04} of {owner} was changed after it had been applied."
                " Put it back, and make the change a new step."
            )
