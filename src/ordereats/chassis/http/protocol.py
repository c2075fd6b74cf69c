"""uvicorn's HTTP protocol, with the door in front: who is turned away costs no task and no app.

Measured with a bare app: a refusal takes 6 µs here, and 20 behind a task. At three times the
capacity two of three are refused, so that is what decides how much is left for the third.
"""

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from ordereats.chassis.http.requests import FrontDoor, keep_slot

CLOSE = (b"connection", b"close")
"""Among the default headers once the server is leaving."""
QUIET_S = 2.0
"""So long a connection is idle before a server that is leaving closes it: a second longer than our
own clients, the gateway among them, use one that is idle."""


class Protocol(HttpToolsProtocol):
    """Knocks when a request's headers are there; what is not plain knocks as the app is called."""

    _is_turned_away = False
    _made_at = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as above it
        super().connection_made(transport)
        self._made_at = self.loop.time()

    def say_goodbye(self) -> None:
        """Say so with the answers to what has come already; later requests say it by themselves."""
        for cycle in (self.cycle, *(waiting for waiting, _ in self.pipeline)):
            if cycle is not None:
                cycle.default_headers = self.server_state.default_headers

    def close_if_quiet(self) -> None:
        """Close it, unless a request is on its way or may be."""
        if self.headers is None:  # none has ever begun
            quiet_since = self._made_at
        elif self.timeout_keep_alive_task is None:
            return
        else:  # armed with each answer, and taken back with the first byte of a request
            quiet_since = self.timeout_keep_alive_task.when() - self.timeout_keep_alive
        if self.loop.time() - quiet_since >= QUIET_S:
            self.transport.close()

    def on_headers_complete(self) -> None:
        self._is_turned_away = False
        if not isinstance(self.app, FrontDoor) or not self._is_plain():
            super().on_headers_complete()
            return
        path = self.url.partition(b"?")[0].decode("ascii", "replace")
        slot = self.app.knock(self.parser.get_method().decode("ascii"), path, self.headers)
        if slot is None:
            self._is_turned_away = True
            return
        keep_slot(self.scope["state"], slot)
        try:
            super().on_headers_complete()
        except BaseException:  # such as a path that can't be read: nobody will be called
            slot.give_up()
            raise

    def on_body(self, body: bytes) -> None:
        if not self._is_turned_away:
            super().on_body(body)

    def on_message_complete(self) -> None:
        if not self._is_turned_away:
            super().on_message_complete()
        elif isinstance(self.app, FrontDoor) and not self.transport.is_closing():
            refusal = self.app.turn_away(self.headers)
            self.transport.write(refusal.raw(self.server_state.default_headers))
            self.on_response_complete()
            if CLOSE in self.server_state.default_headers:
                self.transport.close()

    def _is_plain(self) -> bool:
        """Whether nothing is special about answering it.

        The connection stays open, the answer before this one has been given, the client reads its
        answers, and waits for no word of ours before it sends the body.
        """
        return (
            self._is_between_answers()
            and not self.flow.write_paused
            and not self.expect_100_continue
            and self.parser.get_http_version() == "1.1"
            and self.parser.should_keep_alive()
            and not self.parser.should_upgrade()
            and self.parser.get_method() != b"HEAD"
            and self.url.startswith(b"/")
            and b"%" not in self.url
        )

    def _is_between_answers(self) -> bool:
        before: RequestResponseCycle | None = self.cycle
        return before is None or before.response_complete
