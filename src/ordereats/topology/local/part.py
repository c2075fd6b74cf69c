"""One process on this machine: what it is (`Part`) and its life (`Process`). Knows no part by name.

Each process leads a session of its own, so that a terminal's Ctrl-C reaches the supervisor alone,
and writes straight into its log file, so that it outlives whoever started it.
"""

import asyncio
import os
import secrets
import signal
import socket
import subprocess
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from threading import Thread

import psutil

from ordereats.chassis.errors import Misconfigured
from ordereats.topology.local.handover import Handover, Listener, Told


class Kind(StrEnum):
    """What a part is for."""

    POSTGRES = "postgres"
    RABBITMQ = "rabbitmq"
    SANDBOX = "sandbox"
    FAULTS = "faults"
    SERVICE = "service"
    GATEWAY = "gateway"


STARTING_STOPS_WITHIN_S = 2.0


class CannotStart(Misconfigured):
    """A part can't be started or did not become ready. One sentence, with the way out."""


@dataclass(frozen=True, slots=True)
class Account:
    """The user that a process runs as when it can't run as root."""

    name: str
    user: int
    group: int


def _nothing() -> None:
    """Prepare a part that needs no preparation."""


def _unknown(log: str) -> str:
    """Leave a log to be read as it is."""
    del log
    return ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """What is run, and how to tell that it works.

    Attributes:
        url: where it is reached, with its credentials; what `ps` shows.
        env: the whole environment of the process.
        database: of a service, the address of its database.
        management: of a broker, the address of its HTTP API, with its credentials.
        prepare: makes files that the process needs, before every start; blocks.
        ready: whether it does its work now; False or an OSError means not yet.
        answers: whether it does what it can while another part is down; `ready`, if not given.
        explain: what the end of its log says, as one sentence with the way out; empty if unknown.
        handover: how a process of it follows another without a gap; None: it can't.
    """

    name: str
    kind: Kind
    command: tuple[str, ...]
    url: str
    ready: Callable[[], Awaitable[bool]]
    env: Mapping[str, str] = field(default_factory=dict)
    answers: Callable[[], Awaitable[bool]] | None = None
    cwd: Path | None = None
    account: Account | None = None
    database: str | None = None
    management: str | None = None
    prepare: Callable[[], None] = _nothing
    explain: Callable[[str], str] = _unknown
    handover: Handover | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    stop_within_s: float = 10.0
    ready_within_s: float = 60.0


class Process:
    """A part that can be started, stopped and killed, again and again."""

    def __init__(self, part: Part, log: Path, listener: Listener | None = None) -> None:
        """Prepare.

        Args:
            part: what to run.
            log: where it writes.
            listener: of another process of the part, which this one is to follow.
        """
        self.part = part
        self.log = log
        self._listener = listener or (Listener(part.handover) if part.handover else None)
        self._told = Told()
        self._process: subprocess.Popen[bytes] | None = None
        self._ended: Future[int] = Future()
        self._has_worked = False

    @property
    def pid(self) -> int | None:
        """Of the process while it runs."""
        return self._process.pid if self._process and self.is_running else None

    @property
    def is_running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and not self._ended.done()

    @property
    def url(self) -> str:
        """Where the part is reached, with its credentials."""
        return self.part.url

    async def start(self) -> None:
        """Start it, and return when it works.

        Raises:
            CannotStart: as `launch` and `wait_ready`.
        """
        await self.launch()
        await self.wait_ready()

    def another(self) -> "Process":
        """One more process of the part, for its place."""
        return Process(self.part, self.log, self._listener)

    async def launch(self, *, beside: bool = False) -> None:
        """Start it; `wait_ready` tells when it works. Cancelled, it has started nothing.

        Args:
            beside: while another process of the part answers.

        Raises:
            CannotStart: its program is missing, its files can't be made, or its address is taken.
        """
        try:
            await asyncio.to_thread(self.part.prepare)
            self._spawn(beside=beside)
        except OSError as error:
            raise CannotStart(f"{self.part.name} can't be started: {error}.") from error

    async def wait_ready(self, *, degraded_is_enough: bool = False) -> None:
        """Return when it works, or at least answers if that is enough.

        Raises:
            CannotStart: it ended, or did not work in time; with the end of its log.
        """
        part, pause_s = self.part, 0.01
        works = self._told.works or (part.answers if degraded_is_enough else None) or part.ready
        try:
            async with asyncio.timeout(part.ready_within_s):
                while self.is_running:
                    with suppress(OSError):
                        if await works():
                            self._has_worked = True
                            return
                    await asyncio.sleep(pause_s)
                    pause_s = min(pause_s * 1.5, 0.1)
        except TimeoutError:
            what = f"was not ready after {part.ready_within_s:g} s"
        else:
            what = f"ended while starting ({ending(await self.wait())})"
        finally:
            self._told.settled()
        log = tail(self.log)
        raise CannotStart(part.explain(log) or f"{part.name} {what}. The end of {self.log}:\n{log}")

    async def wait(self) -> int:
        """Wait for the end of what was launched, and return its exit status or minus its signal."""
        return await asyncio.wrap_future(self._ended)

    async def stop(self) -> bool:
        """Ask it to end, and kill what is left of it in the end; True if asking was enough."""
        if self._process is None:
            return True
        self._process.send_signal(self.part.stop_signal)
        # What is still starting may not listen to signals yet, and has nothing to bring to an end.
        patience_s = self.part.stop_within_s if self._has_worked else STARTING_STOPS_WITHIN_S
        with suppress(TimeoutError):
            async with asyncio.timeout(patience_s):
                await self.wait()
        was_enough = not self.is_running
        await self.kill()
        return was_enough

    async def kill(self) -> None:
        """Kill it and every process that it started, as a power cut would."""
        if self._process is None:
            return
        kill_family(self._process.pid, leader_is_ours=self.is_running)
        await self.wait()
        # A large process takes a while to die, and holds its ports and files until then.
        while kill_family(self._process.pid, leader_is_ours=False):  # noqa: ASYNC110  # no event tells
            await asyncio.sleep(0.01)

    def _spawn(self, *, beside: bool) -> None:
        """Start the process, and a thread that waits for its end."""
        listener = self._listener
        self._told = told = listener.enter(beside=beside) if listener else Told()
        try:
            process = self._popen(told)
        except BaseException:
            told.settled()
            if listener:
                listener.leave()
            raise
        finally:
            told.started()
        ended: Future[int] = Future()
        ended.set_running_or_notify_cancel()  # who waits may give up; the process goes on
        self._process, self._ended, self._has_worked = process, ended, False

        def wait() -> None:
            code = process.wait()
            if listener:  # first: whoever hears of the end finds the address refused
                listener.leave()
            ended.set_result(code)

        Thread(target=wait, daemon=True).start()

    def _popen(self, told: Told) -> "subprocess.Popen[bytes]":
        part = self.part
        with self.log.open("ab") as log:
            return subprocess.Popen(
                (*part.command, *told.options),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**part.env, **told.env},
                pass_fds=told.descriptors,
                cwd=part.cwd,
                user=part.account.user if part.account else None,
                group=part.account.group if part.account else None,
                extra_groups=[] if part.account else None,
                start_new_session=True,
            )


def kill_family(pid: int, *, leader_is_ours: bool) -> bool:
    """Kill a session's processes and their descendants, and its leader if that is still ours.

    Returns:
        Whether any of them was still alive; it may be dying now.
    """
    some_lived = False
    for process in _family(pid):
        if leader_is_ours or process.pid != pid:
            with suppress(psutil.NoSuchProcess):
                process.kill()
                some_lived = some_lived or process.status() != psutil.STATUS_ZOMBIE
    return some_lived


def free_ports(count: int) -> list[int]:
    """Ports on which nobody listens.

    They lie below those that systems give to outgoing connections, so that a part that is down for
    a while finds its port still free when it comes back.
    """
    found: list[int] = []
    while len(found) < count:
        port = 18_000 + secrets.randbelow(14_000)
        if port not in found and port_is_free(port):
            found.append(port)
    return found


def port_is_free(port: int) -> bool:
    """Whether a server could listen on this port of the loopback interface now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def tail(log: Path, lines: int = 15) -> str:
    """The last lines of a log file."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 8192))
            text = file.read().decode(errors="replace")
    except OSError as error:
        return f"({error})"
    return "\n".join(f"  {line}" for line in text.splitlines()[-lines:]) or "  (empty)"


def _family(pid: int) -> list[psutil.Process]:
    """The members of the session that a process leads, and all that they started."""
    members: dict[int, psutil.Process] = {}
    for candidate in psutil.pids():
        with suppress(OSError, psutil.NoSuchProcess):
            if candidate == pid or os.getsid(candidate) == pid:
                process = psutil.Process(candidate)
                for each in (process, *process.children(recursive=True)):
                    members[each.pid] = each
    return list(members.values())


def ending(code: int) -> str:
    """How a process ended, for people."""
    if code < 0:
        return f"signal {signal.Signals(-code).name}"
    return f"exit status {code}"
