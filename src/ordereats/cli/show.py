"""What runs, as a table for people and as JSON for programs."""

from io import StringIO
from urllib.parse import urlsplit

import msgspec
from rich.console import Console
from rich.table import Table

from ordereats.chassis.calls.states import EdgeState
from ordereats.topology.local.breakers import Breakers, open_breakers
from ordereats.topology.local.state import PartState, Running, State

_COLOURS = {State.READY: "green", State.HELD: "yellow", State.RESTARTING: "red"}


def as_json(running: Running | None) -> str:
    """Every part: name, kind, pid, url, state, restarts; of a service its database and breakers."""
    if running is None:
        return "[]"
    breakers = open_breakers(running)
    parts = [_public(part, breakers) for part in running.parts]
    return msgspec.json.format(msgspec.json.encode(parts)).decode()


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
    for line in _told(open_breakers(running)):
        console.print(line)
    return out.getvalue().rstrip()


def _public(part: PartState, breakers: Breakers) -> dict[str, object]:
    shown: dict[str, object] = msgspec.to_builtins(part)
    del shown["born"]
    if part.database is None:
        del shown["database"]
    if part.name in breakers:
        shown["breakers"] = breakers[part.name]
    return shown


def _told(breakers: Breakers) -> list[str]:
    """A line for each breaker that is open, and for each service that did not say.

    Indented: who looks for the line of a part, as `awk '/^orders /'` does, finds that one alone.
    """
    lines = []
    for caller, found in breakers.items():
        if found is None:
            lines.append(f"  {caller} → ?")
        lines += [f"  {caller} → {_sentence(each)}" for each in found or ()]
    return ["", *lines] if lines else []


def _sentence(edge: EdgeState) -> str:
    """Such as `restaurants quote: open for 3 s (of 14 calls 12 failed, 0 were slow); …`."""
    why = f" ({edge.history[-1].reason})" if edge.history else ""
    again = f"; asked again in {edge.retry_in_s:.1f} s" if edge.retry_in_s else ""
    words = edge.breaker.replace("_", " ")
    return f"{edge.callee} {edge.kind}: {words} for {edge.since_s:.0f} s{why}{again}"


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    if parts.password is None:
        return url
    return parts._replace(netloc=f"{parts.username}@{parts.hostname}:{parts.port}").geturl()
