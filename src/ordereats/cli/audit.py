"""`ordereats audit`: finds the databases, has them checked, and shows what was found."""

import asyncio
from io import StringIO

import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ordereats.chassis.clock import SystemClock
from ordereats.topology.audit.reading import read
from ordereats.topology.audit.report import Report, check
from ordereats.topology.local.home import Home
from ordereats.topology.places import places

SHOWN = 20
"""Findings of one check; `--json` has all."""


def run(home: Home, *, as_json: bool, grace_s: float) -> int:
    """Audit what runs here, or else what the environment names.

    Returns:
        The exit status: 1 when something is off.

    Raises:
        Misconfigured: nothing runs here and the environment names no database, or the provider's
            ledger can't be read.
        DatabaseError: a database can't be read.
    """
    where = places(home)
    snapshot = asyncio.run(read(where.databases, ledger=where.ledger, clock=SystemClock()))
    report = check(snapshot, grace_s=grace_s)
    if as_json:
        print(msgspec.json.format(msgspec.json.encode(report)).decode())
    else:
        print(as_table(report))
    return 0 if report.holds else 1


def as_table(report: Report) -> str:
    """A line for each check, and below them what is off."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("WHAT MUST HOLD", no_wrap=True)
    table.add_column("EXAMINED", justify="right")
    table.add_column("")
    for each in report.checks:
        off = f"[red]{len(each.findings)} off[/]" if each.findings else "[green]holds[/]"
        verdict = f"[yellow]skipped: {each.skipped}[/]" if each.skipped else off
        table.add_row(each.claim, f"{each.examined:,}", verdict)
    out = StringIO()
    console = Console(file=out, width=200, force_terminal=Console().is_terminal, highlight=False)
    console.print(table)
    for each in report.checks:
        if each.findings:
            console.print(f"\n[bold]{each.claim}[/]: not so")
        for finding in each.findings[:SHOWN]:
            console.print(f"  {escape(finding.subject)} {escape(finding.message)}")
        if len(each.findings) > SHOWN:
            console.print(f"  and {len(each.findings) - SHOWN:,} more: --json shows all")
    return out.getvalue().rstrip()
