"""A connection through the proxy: two sockets, and a flow each way between them."""

import asyncio
import random
import socket
import struct
from collections.abc import Callable, Sequence
from math import ceil, inf
from time import monotonic
from typing import cast

from ordereats.topology.faults.flow import End, Flow, Timer
from ordereats.topology.faults.toxics import Direction, Struck, Toxic, effect, ends_at

_RESET = struct.pack("ii", 1, 0)  # linger for no time: closing sends RST instead of FIN


class LoopTimers:
    """Time of the event loop that runs, which counts in milliseconds: it never calls too early."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()

    def now(self) -> float:
        return monotonic()

    def later(self, delay_s: float, callback: Callable[[], None]) -> Timer:
        return self._loop.call_later(ceil(max(delay_s, 0) * 1000) / 1000, callback)


class Side(asyncio.Protocol):
    """One of the two sockets: the source of one flow and the sink of the other."""

    sends: Flow
    gets: Flow

    def __init__(self, connection: "Connection") -> None:
        self._connection = connection
        self._transport: asyncio.Transport | None = None
        self.is_ended = False
        self.is_lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._connection.made(self)

    def data_received(self, data: bytes) -> None:
        if self.sends.is_affected:
            self._connection.met()
        self.sends.receive(data)

    def eof_received(self) -> bool:
        self.sends.end(End.CLOSED)
        return True  # it may still be written to

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_lost = True
        self.gets.stop()
        self.sends.end(End.RESET if exc else End.CLOSED)
        self._connection.lost()

    def pause_writing(self) -> None:
        self.gets.block()

    def resume_writing(self) -> None:
        self.gets.unblock()

    def pause_reading(self) -> None:
        if self._transport and not self._transport.is_closing():
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        if self._transport and not self._transport.is_closing():
            self._transport.resume_reading()

    def write(self, data: bytes) -> None:
        if self._transport and not self._transport.is_closing():
            self._transport.write(data)

    def end(self, how: End) -> None:
        if how is End.RESET:
            self.reset()
        elif self._transport and not self.is_ended and not self._transport.is_closing():
            self.is_ended = True
            self._transport.write_eof()
            self._connection.ended()

    def cut(self) -> None:
        self._connection.close()

    def close(self) -> None:
        """Send what was written, then FIN, and read no more."""
        if self._transport:
            self._transport.close()

    def reset(self) -> None:
        """Drop everything and send RST."""
        if self._transport and not self.is_lost:
            self._transport.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, _RESET
            )
            self._transport.abort()


class Connection:
    """Both sides, and the toxics that have struck them."""

    def __init__(
        self,
        connected: Callable[["Connection"], None],
        gone: Callable[["Connection"], None],
        met: Callable[[], None],
    ) -> None:
        """Make one that waits for its client.

        Args:
            connected: is called when the client is there; its bytes wait for the server.
            gone: is called when nothing of it is left.
            met: is called each time that a toxic touches what comes, or ends the connection.
        """
        self._connected = connected
        self._gone = gone
        self.met = met
        self._timers = LoopTimers()
        self._chance = random.random
        self.client = Side(self)
        self.server = Side(self)
        up = Flow(self.client, self.server, self._timers, self._chance)
        down = Flow(self.server, self.client, self._timers, self._chance)
        self.client.sends = self.server.gets = up
        self.server.sends = self.client.gets = down
        self._flows = {Direction.UPSTREAM: up, Direction.DOWNSTREAM: down}
        self._struck: dict[Toxic, Struck | None] = {}
        self._end: Timer | None = None

    def made(self, side: Side) -> None:
        """A side has its socket."""
        if side is self.client:
            # Its bytes wait in the flow: uvloop reads from here on, though it is told to pause.
            self._flows[Direction.UPSTREAM].block()
            self._connected(self)
        elif self.client.is_lost:
            side.reset()
        else:
            self._flows[Direction.UPSTREAM].unblock()

    def strike(self, toxics: Sequence[Toxic]) -> None:
        """Come under these and no others. What has struck already, or missed, does not again."""
        self._struck = {
            toxic: self._struck[toxic] if toxic in self._struck else self._draw(toxic)
            for toxic in toxics
        }
        struck = [each for each in self._struck.values() if each]
        at, is_reset = ends_at(struck)
        if self._end:
            self._end.cancel()
            self._end = None
        if at <= self._timers.now():
            self._end_all(is_reset)
            return
        if at < inf:
            self._end = self._timers.later(at - self._timers.now(), lambda: self._end_all(is_reset))
        for direction, flow in self._flows.items():
            flow.come_under(effect(struck, direction))

    def ended(self) -> None:
        """A side has passed on the end of the other: when both have, all is said."""
        if self.client.is_ended and self.server.is_ended:
            self.close()

    def lost(self) -> None:
        """A side has lost its socket."""
        if self.client.is_lost and self.server.is_lost:
            if self._end:
                self._end.cancel()
            self._gone(self)

    def close(self) -> None:
        """Close both sides, after what was written to them."""
        self.client.close()
        self.server.close()

    def reset(self) -> None:
        """Reset both sides."""
        self.client.reset()
        self.server.reset()

    def refuse(self) -> None:
        """There is nobody on the other side."""
        self.server.is_lost = True
        self.client.reset()
        self.lost()

    def _end_all(self, is_reset: bool) -> None:  # noqa: FBT001  # private
        self.met()
        if is_reset:
            self.reset()
        else:
            self.close()

    def _draw(self, toxic: Toxic) -> Struck | None:
        if self._chance() >= toxic.share:
            return None
        passed = {direction: flow.passed for direction, flow in self._flows.items()}
        return Struck(toxic, self._timers.now(), passed)
