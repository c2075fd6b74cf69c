"""What runs, as a table for people and as JSON for programs."""

from io import StringIO
from urllib.parse import urlsplit

import msgspec
from rich.console import Console
from rich.table import Table

from ordereats.topology.local.state import PartState, Running, State

_COLOURS = {State.READY: "green", State.HELD: "yellow", State.RESTARTING: "red"}


def as_json(running: Running | None) -> str:
    """Every part: name, kind, pid, url, state, restarts, and of a service its database."""
    parts = running.parts if running else []
    return msgspec.json.format(msgspec.json.encode([_public(part) for part in parts])).decode()


def as_table(running: Running | None) -> str:
    """The same without passwords."""
    if running is None:
        return "OrderEats does not run here: `ordereats up` starts it."
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("NAME", "KIND", "STATE", "PID", "RESTARTS", "URL"):
        table.add_column(column, no_wrap=True)
    for part in running.parts:
        table.add_row(
            part.name,
            part.kind,
            f"[{_COLOURS.get(part.state, 'default')}]{part.state}[/]",
            str(part.pid or "-"),
            str(part.restarts),
            _without_password(part.url),
        )
    out = StringIO()
    console = Console(file=out, width=200, force_terminal=Console().is_terminal, highlight=False)
    console.print(f"{running.address}  ({running.topology}, events by {running.broker})\n")
    console.print(table)
    return out.getvalue().rstrip()


def _public(part: PartState) -> dict[str, object]:
    shown = msgspec.to_builtins(part)
    del shown["born"]
    if part.database is None:
        del shown["database"]
    return dict(shown)


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    if parts.password is None:
        return url
    return parts._replace(netloc=f"{parts.username}@{parts.hostname}:{parts.port}").geturl()
