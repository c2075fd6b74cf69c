"""`ordereats doctor`: has a set-up looked at, and shows what was found."""

import asyncio
from io import StringIO

import msgspec
from rich.console import Console
from rich.markup import escape

from ordereats.chassis.clock import SystemClock
from ordereats.chassis.config import Environment
from ordereats.topology.doctor.finding import Finding, Verdict
from ordereats.topology.doctor.setup import looked_at
from ordereats.topology.local.home import Home

_COLOURS = {Verdict.OK: "green", Verdict.WARN: "yellow", Verdict.WRONG: "red"}


def run(home: Home, *, as_json: bool) -> int:
    """Look at what runs here, or what the environment names, or else at this machine.

    Returns:
        The exit status: 1 when something is wrong.
    """
    found = asyncio.run(looked_at(home, Environment(), SystemClock()))
    if as_json:
        print(msgspec.json.format(msgspec.json.encode(found)).decode())
    else:
        print(as_lines(found))
    return 1 if any(each.verdict is Verdict.WRONG for each in found) else 0


def as_lines(found: list[Finding]) -> str:
    """A line for each, the way out behind it, and a count at the end."""
    out = StringIO()
    console = Console(file=out, width=400, force_terminal=Console().is_terminal, highlight=False)
    width = max((len(each.name) for each in found), default=0)
    for each in found:
        verdict = f"[{_COLOURS[each.verdict]}]{each.verdict:<5}[/]"
        sentence = " ".join(part for part in (each.said, each.way_out) if part)
        console.print(f"{verdict}  {escape(each.name):<{width}}  {escape(sentence)}")
    counts = {verdict: sum(each.verdict is verdict for each in found) for verdict in Verdict}
    console.print(
        f"\n{counts[Verdict.WRONG]} wrong, {counts[Verdict.WARN]} to be looked at,"
        f" {counts[Verdict.OK]} well."
    )
    return out.getvalue().rstrip()
