"""The gateway: Caddy, which is configured by the file beside this one and told who is where."""

import shutil
import sys
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

import msgspec

from ordereats.chassis.http import docs
from ordereats.topology import catalog, event_page
from ordereats.topology.local.environment import inherited
from ordereats.topology.local.files import write_whole
from ordereats.topology.local.handover import Handover, Told
from ordereats.topology.local.part import CannotStart, Kind, Part, free_ports
from ordereats.topology.local.probe import says_ready


def gateway_part(folder: Path, port: int, services: Mapping[str, int]) -> Part:
    """The gateway on this port, before services on theirs.

    Raises:
        CannotStart: Caddy is not installed.
    """
    config = folder / "Caddyfile"

    def prepare() -> None:
        folder.mkdir(parents=True, exist_ok=True)
        routes = [
            f"import service {path} 127.0.0.1:{at}\n"
            for name, at in services.items()
            for path in catalog.PATHS.get(name, (name,))
        ]
        write_whole(folder / "routes", "".join(routes))
        write_whole(folder / "ready", _READY)
        for name, page, shown in (
            ("openapi", docs.page, "docs"),
            ("asyncapi", event_page.page, "events"),
        ):
            document = (files("ordereats.topology") / f"documents/{name}.json").read_bytes()
            write_whole(folder / f"{name}.json", document.decode())
            write_whole(folder / f"{shown}.html", page(msgspec.json.decode(document)))
        ours = files("ordereats.topology.local") / "Caddyfile"
        write_whole(config, ours.read_text(encoding="utf-8"))

    return Part(
        name="gateway",
        kind=Kind.GATEWAY,
        command=(program(), "run", "--adapter", "caddyfile", "--config", str(config)),
        url=f"http://localhost:{port}",
        env={
            **inherited(),
            "PORT": str(port),
            "DOCUMENTS": str(folder),
            "HOME": str(folder),
            "XDG_DATA_HOME": str(folder),
            "XDG_CONFIG_HOME": str(folder),
        },
        prepare=prepare,
        ready=lambda: says_ready(port, "/health"),
        handover=Handover(
            host="127.0.0.1", port=port, listens_late=False, alone=_told, beside=_told
        ),
    )


_READY = """\
http://:{$READY_PORT} {
	bind 127.0.0.1
	respond `{"status":"ok"}` 200
}
"""
"""Where each process of the gateway answers alone, from the moment it answers for all."""


def _told(descriptor: int) -> Told:
    """Caddy takes the socket as it is: somebody else listens on it."""
    (port,) = free_ports(1)
    return Told(
        env={"HOST": f"fd/{descriptor}", "READY_PORT": str(port)},
        descriptors=(descriptor,),
        works=lambda: says_ready(port),
    )


def program() -> str:
    """Where Caddy is.

    Raises:
        CannotStart: it is not installed.
    """
    beside_python = Path(sys.executable).parent / "caddy"
    found = str(beside_python) if beside_python.exists() else shutil.which("caddy")
    if found is None:
        raise CannotStart("Caddy is not installed: pip install 'ordereats[local]' brings it.")
    return found
