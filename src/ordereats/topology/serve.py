"""Serves a group of services in this process, and stops in order. What a container runs."""

import asyncio
import gc
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import replace
from time import monotonic

import structlog
import uvicorn
import uvloop

from ordereats.chassis.config import Environment
from ordereats.chassis.db.migrations import migrate as migrate_database
from ordereats.chassis.errors import DatabaseError, Misconfigured
from ordereats.chassis.failpoints import Failpoint
from ordereats.chassis.http.protocol import Protocol
from ordereats.chassis.telemetry import logs
from ordereats.topology import catalog
from ordereats.topology.assembly import Assembled, assembled
from ordereats.topology.default_secrets import refuse_default_secrets
from ordereats.topology.known_settings import refuse_strangers
from ordereats.topology.settings import Settings, by_database, read_databases

log = structlog.get_logger(__name__)

MIGRATED = Failpoint("start.migrated", "The databases are up to date; nothing else has begun.")
BEGUN = Failpoint("start.begun", "Events are heard and jobs run; no request is answered yet.")


def run(names: Sequence[str], port: int | None = None) -> None:
    """Serve these services until SIGTERM or SIGINT.

    Args:
        names: of the services, or `all`.
        port: instead of the one in the environment.

    Raises:
        Misconfigured: a setting is wrong or unknown, a secret is one that everyone knows, the port
            is taken, or the database is newer.
        DatabaseError: the database did not answer for half a minute.
    """
    environment = Environment()
    refuse_strangers(environment)
    settings = Settings.read(environment, catalog.group(names))
    refuse_default_secrets(environment, settings)
    if port is not None:
        settings = replace(settings, port=port)
    logs.configure(
        level=settings.log_level,
        form=settings.log_format,
        service="ordereats" if catalog.is_whole(settings.names) else "+".join(settings.names),
    )
    uvloop.run(_serve(environment, settings))


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


class _Server(uvicorn.Server):
    """uvicorn without its own handling of signals: it would close the listener at once."""

    capture_signals = staticmethod(nullcontext)  # type: ignore[assignment]  # used the same way

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.is_listening = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.is_listening.set()


async def _serve(environment: Environment, settings: Settings) -> None:
    listener = _listen(settings.host, settings.port)
    async with assembled(environment, settings) as group:
        await _migrate(settings.databases)
        _say("DB initialized")
        await MIGRATED.reached()
        await group.begin()
        await BEGUN.reached()
        await _answer(group, settings, listener)


async def _answer(group: Assembled, settings: Settings, listener: socket.socket) -> None:
    stop = asyncio.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(each, stop.set)
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
    server = _Server(config)
    _spare_the_garbage_collector()
    async with asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(server.serve(sockets=[listener]))
        await server.is_listening.wait()
        _say(f"Server running on port {listener.getsockname()[1]}")
        await stop.wait()
        await _stop(group, settings, server, serving)


async def _stop(
    group: Assembled, settings: Settings, server: _Server, serving: "asyncio.Task[None]"
) -> None:
    """Unready; a short drain; no more events; no more requests; the outbox once more. In time."""
    deadline = monotonic() + settings.stop_s
    log.info("stopping")
    group.draining.is_on = True
    await asyncio.sleep(settings.drain_s)
    try:
        async with asyncio.timeout((deadline - monotonic()) / 2):
            await group.bus.stop_consuming()
    except TimeoutError:
        log.warning("handlers_cut_off")
    server.config.timeout_graceful_shutdown = int(max(1, (deadline - monotonic()) / 2))
    server.should_exit = True
    await serving
    await group.jobs.stop(within_s=max(0.5, (deadline - monotonic()) / 2))
    try:
        async with asyncio.timeout(max(0.5, (deadline - monotonic()) / 2)):
            for relay in group.relays:
                await relay.run_once()
    except (TimeoutError, DatabaseError) as error:
        log.warning("outbox_not_flushed", error=str(error))
    log.info("stopped")


async def _migrate(databases: Mapping[str, str]) -> int:
    together = by_database(databases)
    return sum(
        [await migrate_database(url, catalog.migrations(names)) for url, names in together.items()]
    )


def _spare_the_garbage_collector() -> None:
    """Look for cycles less often, and not among what was made at the start.

    Measured: POST /orders 1.4 → 1.1 of the peer's CPU. Requests make hardly any cycles.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def _listen(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), backlog=2048)
    except OSError as error:
        raise Misconfigured(
            f"{host}:{port} can't be listened on ({error.strerror}): choose another with PORT."
        ) from None


def _say(line: str) -> None:
    with suppress(OSError):  # a disk that is full, say, must stop nothing
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
