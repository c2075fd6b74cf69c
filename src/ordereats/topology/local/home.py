"""The folder in which a platform keeps everything of its own, and who may use it now."""

import fcntl
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from ordereats.topology.local import state
from ordereats.topology.local.files import write_whole
from ordereats.topology.local.part import CannotStart

LAYOUT = 1
"""Of the folder. A later layout than this can't be read here."""


class Home:
    """`data/`, `logs/`, `run/`, `lock` and `version`, under one folder."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self.data = self.root / "data"
        self.logs = self.root / "logs"
        self.state_file = self.root / "run" / "state.json"
        self._held = self.root / "run" / "held"
        self._restarts = self.root / "run" / "restarts"

    def log(self, name: str) -> Path:
        """Where a part writes what it has to say."""
        return self.logs / f"{name}.log"

    @contextmanager
    def claimed(self) -> Iterator[None]:
        """Keep the folder to this process for the length of a block; make it if there is none.

        Raises:
            CannotStart: another process has it, a newer version made it, or it can't be written to.
        """
        with ExitStack() as stack:
            with self.usable():
                self.root.mkdir(parents=True, exist_ok=True)
                lock = stack.enter_context((self.root / "lock").open("a"))
            self._lock(lock.fileno())
            with self.usable():
                self._check_version()
                for folder in (self.data, self.logs, self._held, self._restarts):
                    folder.mkdir(parents=True, exist_ok=True)
                    try_out(folder)
            yield

    @contextmanager
    def usable(self) -> Iterator[None]:
        """Say in one sentence what is in the way of files here, in this block.

        Raises:
            CannotStart: a disk that is full or read-only, or folders of somebody else.
        """
        try:
            yield
        except OSError as error:
            where = Path(error.filename) if error.filename else self.root
            raise CannotStart(_unusable(where, str(error.strerror))) from None

    def check_usable(self) -> None:
        """Make sure, as far as a look can tell, that it can be claimed.

        Raises:
            CannotStart: it can't be written to, or a newer version made it.
        """
        there = next(each for each in (self.root, *self.root.parents) if each.exists())
        folders = [there, *(each for each in (self.data, self.logs) if each.exists())]
        for folder in folders:
            if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
                raise CannotStart(_unusable(folder, "it can't be written to"))
        if (self.root / "version").exists():
            self._check_version()

    def running(self) -> state.Running | None:
        """What runs here now, or None if nothing does."""
        found = state.read(self.state_file)
        return found if found and found.is_supervised() else None

    def hold(self, name: str) -> None:
        """Leave a part down until it is released."""
        self._held.mkdir(parents=True, exist_ok=True)
        (self._held / name).touch()

    def release(self, name: str) -> None:
        """Let a part be started again."""
        (self._held / name).unlink(missing_ok=True)

    def release_all(self) -> None:
        """Forget what an earlier run held, and what was asked of it."""
        for mark in (*self._held.iterdir(), *self._restarts.iterdir()):
            mark.unlink()

    def is_held(self, name: str) -> bool:
        """Whether a part is to stay down."""
        return (self._held / name).exists()

    def ask_restart(self, name: str, token: str) -> None:
        """Ask for a part to be restarted; `token` tells this request from others.

        Raises:
            CannotStart: it is being restarted already.
        """
        fresh = self._restarts / f".{token}"
        fresh.write_text(token, encoding="utf-8")
        try:
            (self._restarts / name).hardlink_to(fresh)  # there with its content, or not at all
        except FileExistsError:
            raise CannotStart(f"{name} is being restarted already.") from None
        finally:
            fresh.unlink()

    def asked_restarts(self) -> list[tuple[str, str]]:
        """The parts that are to be restarted, each with the token of its request."""
        with suppress(OSError):
            marks = [each for each in self._restarts.iterdir() if not each.name.startswith(".")]
            return [(each.name, each.read_text(encoding="utf-8")) for each in marks]
        return []

    def forget_restart(self, name: str) -> None:
        """It is over; there may be another."""
        with suppress(OSError):
            (self._restarts / name).unlink(missing_ok=True)

    def _lock(self, descriptor: int) -> None:
        """Take the lock, which ends with the process, however it ends."""
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            running = self._await_running()
            who = f"process {running.pid}, {running.address}" if running else f"in {self.root}"
            raise CannotStart(
                f"OrderEats already runs here ({who}): `ordereats down` stops it, "
                "ORDEREATS_HOME chooses another folder."
            ) from None

    def _await_running(self, within_s: float = 1.0) -> state.Running | None:
        """What runs here; its supervisor may have taken the lock and written nothing yet."""
        deadline = time.monotonic() + within_s
        while (running := self.running()) is None and time.monotonic() < deadline:
            time.sleep(0.05)
        return running

    def _check_version(self) -> None:
        version = self.root / "version"
        try:
            found = version.read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            write_whole(version, f"{LAYOUT}\n")
            return
        if not found.isdecimal() or int(found) > LAYOUT:
            raise CannotStart(
                f"{self.root} was made by a newer OrderEats (its layout is {found}, the one known "
                f"here {LAYOUT}): get that version, or choose another folder by ORDEREATS_HOME."
            )


def try_out(folder: Path) -> None:
    """Write a little: a disk that is full takes names, but no text.

    Raises:
        OSError: it can't be written.
    """
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".tried") as tried:
        tried.write(b"is there room?\n" * 500)
        tried.flush()


def _unusable(folder: Path, why: str) -> str:
    return (
        f"{folder} can't be used ({why}): make room or give us the right to write there, or choose"
        " another folder by ORDEREATS_HOME."
    )


def shown(path: Path) -> str:
    """A path as people write it: relative where that is shorter."""
    relative = os.path.relpath(path)
    return min(relative, str(path), key=len)
