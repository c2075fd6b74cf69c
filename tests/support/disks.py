"""Small disks for tests, where this machine lets us mount one."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn


@contextmanager
def mounted(
    folder: Path, missing: Callable[[str], NoReturn], *, size: int, read_only: bool = False
) -> Iterator[Path]:
    """Have a file system of so many bytes at a folder, which is made, for the length of a block."""
    mount, unmount = shutil.which("mount"), shutil.which("umount")
    if os.geteuid() != 0 or mount is None or unmount is None:
        missing("the right to mount a file system")
    folder.mkdir()
    options = f"size={size},mode=0711{',ro' if read_only else ''}"
    command = [mount, "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode != 0:
        missing("the right to mount a file system")
    try:
        yield folder
    finally:
        subprocess.run([unmount, "--lazy", str(folder)], check=True)


def fill(folder: Path) -> None:
    """Leave no room at all."""
    with (folder / "filler").open("wb", buffering=0) as filler:
        try:
            while True:
                filler.write(b"\0" * 4096)
        except OSError:
            return


def make_room(folder: Path) -> None:
    """Take away what `fill` has made."""
    (folder / "filler").unlink()
