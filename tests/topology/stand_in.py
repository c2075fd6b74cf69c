"""Stands in for the parts of a platform, so that the supervisor is tested without them.

`stand_in.py serve PORT MODE FOLDER` is a part; `stand_in.py up FOLDER PORT MODE` supervises four.
Modes: good · stubborn (the service ignores SIGTERM) · deaf (it never answers) · broken (it ends).
A mode that is written into `FOLDER/next` holds for what is started from then on.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from ordereats.topology.local.environment import inherited
from ordereats.topology.local.handover import Handover, by_option, by_option_beside
from ordereats.topology.local.home import Home
from ordereats.topology.local.part import Kind, Part, free_ports
from ordereats.topology.local.plan import Plan, Planned
from ordereats.topology.local.probe import says_ready
from ordereats.topology.local.up import up
from ordereats.topology.local.wanted import Broker, Topology, Wanted

_ANSWER = b'HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{"status": "ready", "edges": []}'


def serve(port: int, mode: str, folder: Path, *, given: list[str]) -> NoReturn:
    """Answer until killed, with a process of its own beside it, as RabbitMQ has.

    `given` are the options of what takes over from another: the socket, and where to say that it
    works.
    """
    with suppress(FileNotFoundError):
        mode = (folder / "next").read_text(encoding="utf-8")
    told = dict(zip(given[::2], given[1::2], strict=True))
    if mode == "broken":
        sys.exit("this can't work")
    if mode == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)", folder]):
        if mode == "deaf":
            time.sleep(600)
        with _listening(port, told) as server:
            if "--ready-fd" in told:
                os.write(int(told["--ready-fd"]), b"\n")
            # Whom it has accepted it answers, as real ones do; others wait for who comes after it.
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
            server.settimeout(0.05)
            while True:
                with suppress(TimeoutError):
                    connection, _ = server.accept()
                    with connection:
                        connection.recv(4096)
                        connection.sendall(_ANSWER)
                if signal.SIGTERM in signal.sigpending():
                    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})


def _listening(port: int, told: dict[str, str]) -> socket.socket:
    if "--fd" not in told:
        return socket.create_server(("127.0.0.1", port))
    server = socket.socket(fileno=int(told["--fd"]))
    server.listen()
    return server


def main() -> None:
    """Do what the first argument says."""
    what, *rest = sys.argv[1:]
    if what == "serve":
        serve(int(rest[0]), rest[1], Path(rest[2]), given=rest[3:])
    folder, port, mode = Path(rest[0]), int(rest[1]), rest[2]
    wanted = Wanted(
        services=["shop"], topology=Topology.SERVICES, broker=Broker.POSTGRES, port=port
    )

    def decide(home: Home, wanted: Wanted) -> Plan:
        ports = free_ports(3)
        return Plan(
            wanted=wanted,
            broker="a stand-in",
            parts=(
                Planned(part=_part(home, "store", Kind.POSTGRES, ports[0], "good")),
                Planned(part=_part(home, "queue", Kind.RABBITMQ, ports[1], "good")),
                Planned(part=_part(home, "shop", Kind.SERVICE, ports[2], mode), after=("store",)),
                Planned(
                    part=_part(home, "gateway", Kind.GATEWAY, wanted.port, "good"),
                    after=("store", "queue", "shop"),
                ),
            ),
        )

    sys.exit(up(Home(folder), wanted, decide))


def _part(home: Home, name: str, kind: Kind, port: int, mode: str) -> Part:
    return Part(
        name=name,
        kind=kind,
        command=(sys.executable, __file__, "serve", str(port), mode, str(home.root)),
        url=f"http://127.0.0.1:{port}",
        database="postgres://somewhere" if kind is Kind.SERVICE else None,
        env=inherited(),
        cwd=home.root,
        ready=lambda: says_ready(port),
        handover=Handover(
            host="127.0.0.1",
            port=port,
            listens_late=True,
            alone=by_option,
            beside=by_option_beside,
        )
        if kind is Kind.SERVICE
        else None,
        ready_within_s=8,
        stop_within_s=5 if mode != "stubborn" else 30,
    )


if __name__ == "__main__":
    main()
