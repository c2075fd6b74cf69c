"""Looks at a database: whether it is there, fit for its services, and keeps what it is given."""

from collections.abc import Sequence

from ordereats.chassis.clock import Clock
from ordereats.chassis.db.migrations import missing
from ordereats.chassis.db.pool import Database, Row, one
from ordereats.chassis.skew import MOST_S, behind_s, told
from ordereats.topology import catalog, loading
from ordereats.topology.doctor.finding import Finding, ok, warn, wrong

OLDEST = 14
"""The oldest PostgreSQL that services run on."""
CONNECTIONS_OF_A_GROUP = 25
"""That a process opens to a database at most: its pool of 20, a queue's few, and who looks on."""

_STATE = """
select current_setting('server_version_num')::int / 10000 as version,
    current_setting('max_connections')::int as most,
    current_setting('superuser_reserved_connections')::int as reserved,
    pg_is_in_recovery() as is_standby,
    current_setting('default_transaction_read_only') = 'on' as is_read_only,
    pg_encoding_to_char(encoding) as encoding,
    (
        select string_agg(name, ', ' order by name) from pg_settings
        where name in ('fsync', 'full_page_writes', 'synchronous_commit') and setting = 'off'
    ) as off
from pg_database where datname = current_database()
"""
_BEGUN = "select to_regclass('schema_steps') is not null as is_begun"


async def look(url: str, names: Sequence[str], *, groups: int, clock: Clock) -> list[Finding]:
    """Look at one database.

    Args:
        url: its address.
        names: the services that share it.
        groups: how many databases of ours the same server has.
        clock: this machine's.

    Raises:
        DatabaseError: it does not answer.
    """
    name = f"database {'all' if catalog.is_whole(names) else '+'.join(names)}"
    async with Database.open(url, name="doctor", size=1) as database:
        state = one(await database.fetch_one(_STATE))
        return [
            *_server(name, state),
            *_keeping(name, state),
            *_room(name, state, groups),
            *await _migrated(name, database, names),
            _time(name, await behind_s(database, clock)),
        ]


def _server(name: str, state: Row) -> list[Finding]:
    found = [ok(name, f"PostgreSQL {state['version']} answers.")]
    if state["version"] < OLDEST:
        said = f"It is PostgreSQL {state['version']}, and services need {OLDEST} or newer."
        found = [wrong(name, said, "Upgrade it, or take another.")]
    if state["encoding"] != "UTF8":
        said = f"Its encoding is {state['encoding']}: not every name can be stored."
        found.append(wrong(name, said, "Make a database with encoding UTF8."))
    return found


def _keeping(name: str, state: Row) -> list[Finding]:
    found = []
    if state["off"]:
        said = f"{state['off']} is off: a power cut loses what was answered with 201."
        found.append(wrong(name, said, "Switch it on in postgresql.conf."))
    if state["is_standby"] or state["is_read_only"]:
        why = "a standby" if state["is_standby"] else "default_transaction_read_only is on"
        said = f"It takes no changes ({why})."
        found.append(wrong(name, said, "Name the primary, or let it take changes."))
    return found or [ok(name, "It keeps every commit, and takes changes.")]


def _room(name: str, state: Row, groups: int) -> list[Finding]:
    free, needed = state["most"] - state["reserved"], groups * CONNECTIONS_OF_A_GROUP
    if free >= needed:
        return [ok(name, f"It has connections enough: {free}, of which {needed} may be used.")]
    said = (
        f"The server lets in {free} connections, and one process for each of our {groups}"
        f" database{'s' if groups > 1 else ''} on it opens up to {needed}."
    )
    return [warn(name, said, "Raise max_connections, or put a pooler in front.")]


async def _migrated(name: str, database: Database, names: Sequence[str]) -> list[Finding]:
    way_out = f"`ordereats migrate {' '.join(names)}`; `serve` does the same as it starts."
    begun = one(await database.fetch_one(_BEGUN))
    if not begun["is_begun"]:
        return [warn(name, "It is empty.", way_out)]
    steps = await missing(database, loading.migrations(names))
    if steps:
        return [warn(name, f"Steps of its migrations are missing: {', '.join(steps)}.", way_out)]
    newer = await _newer(database, names)
    if too_new := [step for step, needs_more in newer.items() if needs_more]:
        said = f"It belongs to a newer version: nothing older works with {', '.join(too_new)}."
        return [wrong(name, said, "Start that version, or name another database.")]
    if newer:
        return [ok(name, f"A newer version was here, and left room for this: {', '.join(newer)}.")]
    return [ok(name, "Its migrations are all there.")]


async def _newer(database: Database, names: Sequence[str]) -> dict[str, bool]:
    """The steps that this program does not have; of each, whether it can't do with it."""
    rows = await database.fetch("select owner, version, needs from schema_steps order by 1, 2")
    known = {each.owner: len(list(each.folder.glob("*.sql"))) for each in loading.migrations(names)}
    return {
        f"{row['owner']}/{row['version']:04}": row["needs"] > known[row["owner"]]
        for row in rows
        if row["owner"] in known and row["version"] > known[row["owner"]]
    }


def _time(name: str, difference_s: float) -> Finding:
    if abs(difference_s) <= MOST_S:
        return ok(name, "Its clock and this machine's agree.")
    return wrong(name, f"{told(difference_s)}.", "Let NTP set the clock of both machines.")
