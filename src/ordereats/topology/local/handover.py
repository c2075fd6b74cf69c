"""How a process of a part follows another without a gap: both have one listening socket.

The socket is open for as long as a process of the part lives, and no longer: a part that is down
refuses connections, as any server that is down does.
"""

import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from socket import socket
from threading import Lock

from ordereats.topology.sockets import BACKLOG, bound


def _nothing() -> None:
    """Let go of nothing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """What a process is told at its start, beyond what its part says.

    Attributes:
        options: at the end of its command.
        descriptors: of the open files that it inherits.
        works: whether this very process works; None: whoever answers for the part says so.
        started: lets go of what only the process needs.
        settled: lets go of the rest, once it works or has ended; also twice.
    """

    options: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    descriptors: tuple[int, ...] = ()
    works: Callable[[], Awaitable[bool]] | None = None
    started: Callable[[], None] = _nothing
    settled: Callable[[], None] = _nothing


@dataclass(frozen=True, kw_only=True, slots=True)
class Handover:
    """Where a part listens, and how its processes are told.

    Attributes:
        listens_late: a process begins to listen by itself, when it can answer soon; until then
            connections are refused.
        alone: what a process is told that starts where none is, given the socket's descriptor.
        beside: what one is told that starts where another answers: whether it works can't be asked
            of the address, where either may answer.
    """

    host: str
    port: int
    listens_late: bool
    alone: Callable[[int], Told]
    beside: Callable[[int], Told]


class Listener:
    """The socket of a part, which its processes share."""

    def __init__(self, handover: Handover) -> None:
        self._handover = handover
        self._socket: socket | None = None
        self._processes = 0
        self._lock = Lock()  # each process's end is noticed by a thread of its own

    def enter(self, *, beside: bool) -> Told:
        """What one more process is told; `leave` when it has ended.

        Raises:
            OSError: the address is taken.
        """
        with self._lock:
            if self._socket is None:
                self._socket = bound(self._handover.host, self._handover.port)
                if not self._handover.listens_late:
                    self._socket.listen(BACKLOG)
            self._processes += 1
            tell = self._handover.beside if beside else self._handover.alone
            return tell(self._socket.fileno())

    def leave(self) -> None:
        """A process has ended: with the last the socket is closed."""
        with self._lock:
            self._processes -= 1
            if self._processes == 0 and self._socket is not None:
                self._socket.close()
                self._socket = None


def by_option(descriptor: int) -> Told:
    """For `ordereats serve`."""
    return Told(options=("--fd", str(descriptor)), descriptors=(descriptor,))


def by_option_beside(descriptor: int) -> Told:
    """The same; it writes into a pipe when it works, and the pipe ends if it does not live to."""
    hears, tells = os.pipe()
    os.set_blocking(hears, False)
    open_ends = {hears, tells}

    def close(end: int) -> None:
        if end in open_ends:
            open_ends.remove(end)
            os.close(end)

    async def works() -> bool:
        try:
            return os.read(hears, 1) != b""
        except BlockingIOError:
            return False

    return Told(
        options=("--fd", str(descriptor), "--ready-fd", str(tells)),
        descriptors=(descriptor, tells),
        works=works,
        started=lambda: close(tells),
        settled=lambda: close(hears),
    )
