"""Backup and restore, by the very commands of the manual."""

import asyncio
import re
import shutil
from pathlib import Path

import pytest

from support.platform import PROGRAM, Platform, Shape

ROOT = Path(__file__).resolve().parents[2]


def commands(heading: str) -> str:
    """The first block of commands under a heading of docs/backup.md."""
    page = (ROOT / "docs" / "backup.md").read_text(encoding="utf-8")
    block = re.search(rf"^## {heading}\n.*?^```sh\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    assert block is not None, heading
    return block[1]


async def run(platform: Platform, text: str, backup: Path) -> str:
    """Run commands as people do, in the project's folder."""
    process = await asyncio.create_subprocess_exec(
        *("/bin/sh", "-c", f"set -u\n{text}"),
        cwd=ROOT,
        env={
            "ORDEREATS_HOME": str(platform.home),
            "BACKUP": str(backup),
            "PATH": f"{PROGRAM.parent}:/usr/bin:/bin:/usr/sbin:/sbin",
            "LANG": "C.UTF-8",
            **platform.settings,
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
    return output.decode()


@pytest.mark.timeout(400)
@pytest.mark.parametrize("shape", [Shape("services", "postgres")], ids=str)
async def test_a_platform_that_lost_everything_goes_on_from_its_backup(
    shape: Shape, open_folder: Path, tmp_path: Path
) -> None:
    async with Platform.up(shape, open_folder) as platform:
        await platform.furnish()
        orders = [await platform.place() for _ in range(10)]
        for order in orders[:5]:
            await platform.until_status(order, "paid")
        taking = commands("Back up")
        setting_up, _, _ = taking.partition("ordereats ps | grep")

        await run(platform, taking, tmp_path)
        await platform.run("down")
        shutil.rmtree(_databases(open_folder))
        await platform.start_all()
        assert (await platform.get(f"/orders/{orders[0]}")).status == 404
        said = await run(platform, setting_up + commands("Restore"), tmp_path)

        assert said.count("holds") > 10, said
        for order in orders:
            await platform.until_status(order, "paid")
        assert await platform.charges() == dict.fromkeys(orders, 1)
        await platform.run("doctor")
        another = await platform.place(userId=platform.user_id)
        await platform.until_status(another, "paid")


def _databases(home: Path) -> Path:
    """The folder of all databases."""
    postgres = home / "data" / "postgres"
    assert postgres.exists()
    real = postgres.resolve()
    if postgres.is_symlink():
        postgres.unlink()
    return real
