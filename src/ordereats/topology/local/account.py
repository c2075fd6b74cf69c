"""Where PostgreSQL may live: it refuses to run as root, and root's folders are closed to others.

When we are root, it runs as an unprivileged user. If that user can't reach the project (a clone
under /root, say), its data go to a folder that it can reach, and a link leads there.
"""

import os
import pwd
import secrets
import shutil
import subprocess
from pathlib import Path

from ordereats.topology.local.files import copy_tree, made_whole
from ordereats.topology.local.part import Account, CannotStart

REACHABLE = Path("/var/lib/ordereats")


def unprivileged() -> Account | None:
    """The user to run as instead of root, or None if we are not root."""
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam("nobody")
    except KeyError:
        raise CannotStart(
            "PostgreSQL refuses to run as root, and there is no user nobody to run it as: "
            "start OrderEats as an ordinary user."
        ) from None
    return Account(name=entry.pw_name, user=entry.pw_uid, group=entry.pw_gid)


def reachable_folder(folder: Path, account: Account | None, reachable: Path = REACHABLE) -> Path:
    """Make `folder`, or a link in its place to a folder that the account can reach.

    Returns:
        The real folder, owned by the account.
    """
    if not folder.exists():
        if folder.is_symlink():  # to a folder that is gone: its owner wanted to start anew
            folder.unlink()
        folder.mkdir(parents=True)
        if account and not _reaches(account, folder):
            folder.rmdir()
            real = _new_folder(reachable, folder)
            folder.symlink_to(real, target_is_directory=True)
    real = folder.resolve()
    if account:
        os.chown(real, account.user, account.group)
    return real


def reachable_programs(
    package: Path, account: Account | None, version: str, reachable: Path = REACHABLE
) -> Path:
    """A folder of programs that the account can run: the package's own, or else a copy of it.

    The programs look for their libraries in a folder beside the package, so that is copied along.
    """
    programs = package / "pginstall"
    if account is None or _runs(account, programs / "bin" / "postgres"):
        return programs
    copy = reachable / f"postgresql-{version}"
    if not copy.exists():
        reachable.mkdir(parents=True, exist_ok=True)
        with made_whole(copy) as fresh:
            copy_tree(programs, fresh / package.name / programs.name)
            libraries = package.with_name(f"{package.name}.libs")
            if libraries.exists():
                copy_tree(libraries, fresh / libraries.name)
    return copy / package.name / programs.name


def _new_folder(reachable: Path, folder: Path) -> Path:
    owner = folder.resolve().parent.parent.parent.name or "root"
    real = reachable / f"{owner}-{secrets.token_hex(4)}"
    try:
        real.mkdir(parents=True)
    except OSError as error:
        raise CannotStart(
            f"PostgreSQL can't run as root, and {folder} can't be reached by another user, nor can "
            f"{real} be made ({error}): set ORDEREATS_HOME to a folder that everyone can enter."
        ) from error
    return real


def _reaches(account: Account, folder: Path) -> bool:
    """Ask the system itself, which knows more of permissions than a look at the mode bits."""
    shell = shutil.which("sh") or "/bin/sh"
    return _succeeds(account, [shell, "-c", 'cd "$1"', "sh", str(folder)])


def _runs(account: Account, program: Path) -> bool:
    return _succeeds(account, [str(program), "--version"])


def _succeeds(account: Account, command: list[str]) -> bool:
    try:
        tried = subprocess.run(
            command,
            cwd="/",
            capture_output=True,
            check=False,
            user=account.user,
            group=account.group,
            extra_groups=[],
        )
    except PermissionError:
        return False
    return tried.returncode == 0
