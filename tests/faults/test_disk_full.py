"""A database whose disk is full, or that is read-only, is said so, and heals by itself."""

import shutil
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import asyncpg
import pytest

from ordereats.chassis.errors import RETRY_AFTER_S
from ordereats.topology.local.account import unprivileged
from ordereats.topology.local.files import give_tree
from ordereats.topology.local.part import Process, free_ports
from ordereats.topology.local.postgres import Postgres
from support.builders import Client, a_restaurant, a_user, an_order, run_sql, until_true
from support.disks import fill, make_room, mounted
from support.served import Served, refused

SPARE = 48 * 1024**2
"""Bytes that are free on the small disk, beside the tables as they are made."""


@dataclass(frozen=True, slots=True)
class SmallDisk:
    """A disk with room for little more than an empty database.

    Attributes:
        folder: where it is mounted.
        server: keeps its tables there; its journal is on another.
    """

    folder: Path
    server: Process


@pytest.fixture
async def small_disk(
    postgres: Postgres, open_folder: Path, missing: Callable[[str], NoReturn]
) -> AsyncIterator[SmallDisk]:
    """Give a PostgreSQL whose tables are on a file system of their own."""
    part = postgres.part("postgres", folder=open_folder.name, port=free_ports(1)[0])
    server = Process(part, open_folder / "postgres.log")
    await server.start()
    await server.stop()
    tables = Path(part.command[2]) / "base"
    with mounted(open_folder / "disk", missing, size=_size(tables) + SPARE) as folder:
        kept = folder / "base"
        shutil.copytree(tables, kept)
        shutil.rmtree(tables)
        if account := unprivileged():
            give_tree(kept, account.user, account.group)
        tables.symlink_to(kept, target_is_directory=True)
        await server.start()
        yield SmallDisk(folder, server)
        await server.kill()


async def test_a_full_disk_is_503_for_what_must_be_stored_and_nothing_is_stored_in_part(
    small_disk: SmallDisk, tmp_path: Path
) -> None:
    url = small_disk.server.url
    async with Served.start("all", folder=tmp_path, DATABASE_URL=url) as served:
        client = served.client
        await client.post("/users", a_user())
        await client.post("/restaurants", a_restaurant())
        first = (await client.post("/orders", an_order())).json()
        fill(small_disk.folder)

        answers = [await client.post("/orders", an_order()) for _ in range(200)]

        turned_away = [each for each in answers if each.status != 201]
        assert {each.status for each in turned_away} == {503}
        assert {each.headers["retry-after"] for each in turned_away} == {str(RETRY_AFTER_S)}
        assert turned_away[-1].json()["code"] == "database_takes_no_changes"
        assert turned_away[-1].json()["detail"] == (
            "The database takes no changes (disk full); nothing was done."
        )
        assert await _check(client, "changes") == ("degraded", "disk full")
        assert (await client.get(f"/orders/{first['id']}")).status == 200
        told = [line for line in served.log if line["event"] == "database_takes_no_changes"]
        assert {line["reason"] for line in told} == {"disk full"}
        pools = [line["database"] for line in told]  # the services', and the queue's
        assert len(set(pools)) == len(pools) <= 2, "each says it once, and not for each request"
        assert "No space left on device" in told[0]["error"]
        assert not [line for line in served.log if line["event"] == "request_failed"]

        make_room(small_disk.folder)

        await until_true(lambda: _is_taken(client))
        assert await _check(client, "changes") == ("ready", "")
        assert any(line["event"] == "database_takes_changes" for line in served.log)
        taken = 2 + sum(each.status == 201 for each in answers)
        await until_true(lambda: _has(url, "select count(*) from orders", taken))
        await until_true(lambda: _has(url, _PAID, taken), within_s=30)
        assert served.process.returncode is None
        assert "Traceback" not in served.output


async def test_a_database_that_became_read_only_is_503_until_it_is_not(
    database_url: str, tmp_path: Path
) -> None:
    async with Served.start("users", folder=tmp_path, DATABASE_URL=database_url) as served:
        await _read_only(database_url, is_on=True)
        await until_true(lambda: _is_refused(served.client))
        assert await _check(served.client, "changes") == ("degraded", "read-only")

        await _read_only(database_url, is_on=False)

        await until_true(lambda: _is_user_taken(served.client))
        assert await _check(served.client, "changes") == ("ready", "")


async def test_one_that_is_read_only_at_the_start_is_one_sentence(
    database_url: str, tmp_path: Path
) -> None:
    await _read_only(database_url, is_on=True)

    status, said = await refused("users", folder=tmp_path, DATABASE_URL=database_url)

    assert status == 2
    assert said.startswith("The database takes no changes: it is a standby, or default_transaction")
    assert len(said.splitlines()) == 1


_PAID = "select count(*) from payments where status = 'requested'"


async def _check(client: Client, name: str) -> tuple[str, str]:
    """A check of readiness: how it is, and why."""
    checks: list[dict[str, Any]] = (await client.get("/health/ready")).json()["checks"]
    [check] = [each for each in checks if each["name"].partition(" ")[0] == name]
    return check["status"], check["detail"]


async def _is_taken(client: Client) -> bool:
    return (await client.post("/orders", an_order())).status == 201


async def _is_user_taken(client: Client) -> bool:
    return (await client.post("/users", a_user(email="another@test.com"))).status == 201


async def _is_refused(client: Client) -> bool:
    return (await client.post("/users", a_user())).status == 503


async def _has(url: str, count: str, wanted: int) -> bool:
    (row,) = await run_sql(url, count)
    return bool(row["count"] == wanted)


async def _read_only(url: str, *, is_on: bool) -> None:
    """Let new sessions change nothing, or all again, and end those that there are."""
    name = url.rpartition("/")[2]
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("set default_transaction_read_only = off")
        setting = f"default_transaction_read_only = {'on' if is_on else 'off'}"
        await connection.execute(f"alter database {name} set {setting}")
        await connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = current_database() and pid <> pg_backend_pid()"
        )
    finally:
        await connection.close()


def _size(folder: Path) -> int:
    """What it takes on a disk, a page at least for each file."""
    files = [each for each in folder.rglob("*") if each.is_file()]
    return sum((each.stat().st_size // 4096 + 2) * 4096 for each in files)
