"""Each service runs without the others: in a folder and on a database with nothing of theirs."""

import asyncio
import shutil
import sys
from pathlib import Path

import pytest

from architecture.house import HERE, House
from ordereats.topology.catalog import SERVICES

PROGRAM = Path(__file__).with_name("alone.py")


@pytest.mark.parametrize("name", SERVICES)
async def test_a_service_runs_alone(name: str, tmp_path: Path, database_url: str) -> None:
    house = _only(name, tmp_path)

    assert await _run(name, house, database_url) == ""


@pytest.mark.parametrize(
    ("path", "text", "said"),
    [
        (
            "service.py",
            "import_module('.'.join(['ordereats', 'services', 'users', 'store']))\n",
            "No module named 'ordereats.services.users'",
        ),
        (
            "service.py",
            "import_module('ordereats.topology.catalog')\n",
            "No module named 'ordereats.topology'",
        ),
        (
            "store.py",
            "_KNOWN = 'select true from us' + 'ers where id = $1'\n",
            'relation "users" does not exist',
        ),
        (
            "migrations/0003_known.sql",
            "alter table orders add foreign key (user_id) references users (id);\n",
            'relation "users" does not exist',
        ),
    ],
    ids=["a service by its name", "the topology", "a table", "a foreign key"],
)
async def test_a_service_that_needs_another_does_not_run_alone(
    path: str, text: str, said: str, tmp_path: Path, database_url: str
) -> None:
    house = _only("orders", tmp_path)
    if path == "service.py":
        text = f"from importlib import import_module\n{text}"

    house.plant(f"src/ordereats/services/orders/{path}", text)

    assert said in await _run("orders", house, database_url)


def _only(name: str, folder: Path) -> House:
    """A folder with the contracts, the chassis and this one service."""
    house = House(folder)
    ignore = shutil.ignore_patterns("__pycache__")
    for part in ["contracts", "chassis", f"services/{name}"]:
        shutil.copytree(HERE.package / part, house.package / part, ignore=ignore)
    for package in ["__init__.py", "services/__init__.py"]:
        shutil.copy(HERE.package / package, house.package / package)
    return house


async def _run(name: str, house: House, database_url: str) -> str:
    """What went wrong, or nothing."""
    source = house.root / "src"
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        PROGRAM,
        name,
        database_url,
        cwd=source,
        env={"PYTHONPATH": str(source)},
        stderr=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(60):
            _, errors = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    assert bool(process.returncode) == bool(errors), errors
    return errors.decode()
