"""Serves a group of services in this process, and stops in order. What a container runs."""

import asyncio
import gc
import socket
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from time import monotonic

import structlog
import uvicorn
import uvloop

from ordereats.chassis.config import Environment
from ordereats.chassis.db.migrations import migrate as migrate_database
from ordereats.chassis.failpoints import Failpoint
from ordereats.chassis.http.health import Check, State, readiness
from ordereats.chassis.http.protocol import Protocol
from ordereats.chassis.http.server import Server
from ordereats.chassis.telemetry import logs
from ordereats.chassis.telemetry.log_events import LogEvents
from ordereats.chassis.telemetry.metrics import Source
from ordereats.topology import catalog, loading
from ordereats.topology.assembly import Assembled, assembled
from ordereats.topology.default_secrets import refuse_default_secrets
from ordereats.topology.known_settings import refuse_strangers
from ordereats.topology.settings import Settings, by_database, read_databases
from ordereats.topology.sockets import handed_over, listening
from ordereats.topology.stopping import Budget, Stop, stop

log = structlog.get_logger(__name__)

MIGRATED = Failpoint("start.migrated", "The databases are up to date; nothing else has begun.")
BEGUN = Failpoint("start.begun", "Events are heard and jobs run; no request is answered yet.")
DEGRADED_SETTLED_S = 5.0
"""So long a process that takes over waits to be more than degraded."""
LOOK_EVERY_S = 0.05


@dataclass(frozen=True, slots=True)
class Door:
    """Where requests come in.

    Attributes:
        listener: a socket that listens, or is about to.
        ready_fd: an open file into which a line is written when this process answers; it does when
            it works, since somebody else answers on the same socket until then.
    """

    listener: socket.socket
    ready_fd: int | None

    def say_ready(self) -> None:
        """Tell whoever has started this process to take over from another."""
        if self.ready_fd is not None:
            with suppress(OSError), open(self.ready_fd, "wb") as told:  # noqa: PTH123  # no path
                told.write(b"\n")


def run(
    names: Sequence[str],
    port: int | None = None,
    *,
    descriptor: int | None = None,
    ready_fd: int | None = None,
) -> None:
    """Serve these services until SIGTERM or SIGINT.

    Args:
        names: of the services, or `all`.
        port: instead of the one in the environment.
        descriptor: of an open socket to listen on, instead of any port.
        ready_fd: see `Door`.

    Raises:
        Misconfigured: a setting is wrong or unknown, a secret is one that everyone knows, the port
            is taken, or the database is too new.
        DatabaseError: the database did not answer for half a minute.
    """
    environment = Environment()
    refuse_strangers(environment)
    settings = Settings.read(environment, catalog.group(names))
    refuse_default_secrets(environment, settings)
    if port is not None:
        settings = replace(settings, port=port)
    if descriptor is None:
        listener = listening(settings.host, settings.port)
    else:
        listener = handed_over(descriptor)
    noted = LogEvents()
    logs.configure(
        level=settings.log_level,
        form=settings.log_format,
        service=catalog.process(settings.names),
        noted=noted,
    )
    uvloop.run(_serve(environment, settings, [noted.families], Door(listener, ready_fd)))


def migrate(names: Sequence[str]) -> None:
    """Bring the databases of these services up to date; safe while other versions run.

    Raises:
        Misconfigured, DatabaseError: as `run`.
    """
    environment = Environment()
    refuse_strangers(environment)
    databases = read_databases(environment, catalog.group(names))
    applied = uvloop.run(_migrate(databases))
    _say(f"{applied} step{'' if applied == 1 else 's'} applied")


async def _serve(
    environment: Environment, settings: Settings, sources: Sequence[Source], door: Door
) -> None:
    asked = Stop(Budget(settings.drain_s, settings.stop_s))
    try:
        async with assembled(environment, settings, sources) as group:
            await _migrate(settings.databases)
            _say("DB initialized")
            await MIGRATED.reached()
            await group.begin()
            await BEGUN.reached()
            if door.ready_fd is not None:
                await works(group.checks)
            await _answer(group, door, asked)
    except asyncio.CancelledError:
        if not asked.is_asked.is_set():
            raise
        log.info("stopped", while_starting=True)


async def works(checks: Sequence[Check], *, settled_s: float = DEGRADED_SETTLED_S) -> None:
    """Wait until this process is ready. Degraded is as good, if it stays so: the other may be, too.

    Someone else answers meanwhile, better than this one would.
    """
    settled_at = monotonic() + settled_s
    while (found := (await readiness(checks)).status) is not State.READY:
        if found is State.DEGRADED and monotonic() > settled_at:
            return
        await asyncio.sleep(LOOK_EVERY_S)


async def _answer(group: Assembled, door: Door, asked: Stop) -> None:
    config = uvicorn.Config(
        group.app,
        loop="none",
        http=Protocol,
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=75,
    )
    server = Server(config)
    _spare_the_garbage_collector()
    async with asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(server.serve(sockets=[door.listener]))
        await server.is_listening.wait()
        asked.begun()
        _say(f"Server running on port {door.listener.getsockname()[1]}")
        door.say_ready()
        await asked.is_asked.wait()
        await stop(group, server, asked)
        server.should_exit = True
        await serving


async def _migrate(databases: Mapping[str, str]) -> int:
    together = by_database(databases)
    return sum(
        [await migrate_database(url, loading.migrations(names)) for url, names in together.items()]
    )


def _spare_the_garbage_collector() -> None:
    """Look for cycles less often, and not among what was made at the start.

    Measured: POST /orders 1.4 → 1.1 of the peer's CPU. Requests make hardly any cycles.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def _say(line: str) -> None:
    with suppress(OSError):  # a disk that is full, say, must stop nothing
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
