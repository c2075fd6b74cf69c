"""The sandbox as a program of its own: socket, server, signals, log. No rule is here."""

import signal
import socket
from pathlib import Path
from types import FrameType
from typing import NoReturn

import structlog
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from ordereats.chassis.config import Environment
from ordereats.chassis.errors import Misconfigured
from ordereats.chassis.telemetry import logs
from ordereats.sandbox import app
from ordereats.sandbox.behaviour import CUTTABLE
from ordereats.sandbox.webhooks import Receiver


def serve(*, port: int, data: Path, host: str = "127.0.0.1") -> None:
    """Run until SIGTERM or SIGINT, then end the process with status 0.

    Requests under way have a second to finish.

    In the environment are whom to send webhooks (`SANDBOX_WEBHOOK_URL`, nobody unless given),
    `STRIPE_WEBHOOK_SECRET`, which has a default that payments shares, and `STRIPE_API_KEY`, the
    only key that is let in, if it is given.

    Args:
        port: 0 for any free one; the first line of the log tells the address.
        data: the folder of the ledger; made if there is none.
        host: whom to listen to.

    Raises:
        Misconfigured: the port is taken, the folder can't be used, the address of webhooks is none,
            or the key is one for real money.
    """
    environment = Environment()
    receiver, api_key = _receiver(environment), _api_key(environment)
    for stop in (signal.SIGTERM, signal.SIGINT):
        signal.signal(stop, _end)  # uvicorn takes over while it runs, and calls it afterwards
    logs.configure(level="info", form="json", service="sandbox")
    listener = _listen(host, port)
    config = uvicorn.Config(
        app.create(data, receiver=receiver, api_key=api_key),
        loop="uvloop",
        http=CuttableProtocol,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        # Longer than clients keep a connection, so that none is closed under a request.
        timeout_keep_alive=75,
        timeout_graceful_shutdown=1,
    )
    bound_host, bound_port = listener.getsockname()[:2]
    shown = f"[{bound_host}]" if ":" in bound_host else bound_host
    structlog.get_logger().info("listening", url=f"http://{shown}:{bound_port}")
    uvicorn.Server(config).run(sockets=[listener])


class CuttableProtocol(HttpToolsProtocol):
    """uvicorn's HTTP/1.1, lending the application the means to drop the connection."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {CUTTABLE: {"cut": self.transport.abort}}


def _receiver(environment: Environment) -> Receiver | None:
    url = environment.url("SANDBOX_WEBHOOK_URL", ("http", "https"))
    secret = environment.text("STRIPE_WEBHOOK_SECRET", "ordereats-sandbox")
    return Receiver(url, secret) if url else None


def _api_key(environment: Environment) -> str | None:
    key = environment.optional("STRIPE_API_KEY")
    if key is not None and not key.startswith("sk_test_"):
        raise Misconfigured("STRIPE_API_KEY of a sandbox must begin with sk_test_.")
    return key


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise Misconfigured(f"Can't listen on {host}:{port}: {error.strerror}.") from error


def _end(_: int, __: FrameType | None) -> NoReturn:
    raise SystemExit(0)
