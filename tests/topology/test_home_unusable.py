"""A folder that `up` can't use is one sentence with the way out, and exit status 2."""

from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

from ordereats.topology.local.part import free_ports
from support.disks import fill, mounted
from support.served import refused

DETACHED = pytest.mark.parametrize("options", [(), ("--detach",)], ids=["", "detached"])


async def up(folder: Path, home: Path, *options: str) -> str:
    """Try to start a platform there; what is said."""
    status, said = await refused(
        *options,
        command="up",
        folder=folder,
        ORDEREATS_HOME=str(home),
        PORT=str(free_ports(1)[0]),
    )

    assert status == 2, said
    assert len(said.splitlines()) == 1, said
    assert "choose another folder by ORDEREATS_HOME" in said
    return said


@DETACHED
async def test_a_disk_that_is_read_only(
    open_folder: Path, tmp_path: Path, missing: Callable[[str], NoReturn], options: tuple[str, ...]
) -> None:
    with mounted(open_folder / "disk", missing, size=2**20, read_only=True) as disk:
        assert "(Read-only file system)" in await up(tmp_path, disk / "home", *options)


@DETACHED
async def test_a_disk_that_is_full(
    open_folder: Path, tmp_path: Path, missing: Callable[[str], NoReturn], options: tuple[str, ...]
) -> None:
    with mounted(open_folder / "disk", missing, size=2**20) as disk:
        fill(disk)

        assert "(No space left on device)" in await up(tmp_path, disk / "home", *options)


@DETACHED
async def test_logs_that_have_no_place(tmp_path: Path, options: tuple[str, ...]) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "logs").touch()

    assert f"{home / 'logs'} can't be used (" in await up(tmp_path, home, *options)


async def test_a_disk_that_became_read_only_under_the_data_of_postgresql(
    open_folder: Path, tmp_path: Path, missing: Callable[[str], NoReturn]
) -> None:
    home = open_folder / "home"
    (home / "data").mkdir(parents=True)
    with mounted(home / "data" / "postgres", missing, size=2**20, read_only=True):
        said = await up(tmp_path, home, "--topology=monolith")

    assert "(Read-only file system)" in said
