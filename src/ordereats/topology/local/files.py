"""Small files and folders that are there whole or not at all."""

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def write_whole(path: Path, text: str, *, mode: int = 0o644) -> None:
    """Write a file so that a reader, or a crash, meets the old text or the new, never a part."""
    fresh = path.with_name(f".{path.name}.new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    fresh.replace(path)


def kept_secret(path: Path) -> str:
    """A password, made at the first call and kept where only the owner can read it."""
    if not path.exists():
        write_whole(path, secrets.token_urlsafe(24), mode=0o600)
    return path.read_text(encoding="utf-8")


@contextmanager
def made_whole(folder: Path) -> Iterator[Path]:
    """Give a folder to fill, which takes its name only when it is filled."""
    fresh = folder.with_name(f"{folder.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    yield fresh
    fresh.rename(folder)


def copy_tree(source: Path, target: Path, *, owner: tuple[int, int] | None = None) -> None:
    """Copy a folder, giving every file and folder to `owner` (user id, group id)."""

    def copy(one: str, other: str) -> str:
        shutil.copyfile(one, other)
        shutil.copymode(one, other)
        return other

    shutil.copytree(source, target, copy_function=copy, symlinks=True)
    if owner is not None:
        give_tree(target, *owner)


def give_tree(folder: Path, user: int, group: int) -> None:
    """Make someone the owner of a folder and of everything in it."""
    os.chown(folder, user, group)
    for parent, folders, files in os.walk(folder):
        for name in (*folders, *files):
            os.chown(Path(parent, name), user, group, follow_symlinks=False)
