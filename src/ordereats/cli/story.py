"""The commands `order` and `trace`: what one request or one order did, all over the platform.

Each command imports what it needs when it runs: starting fast is part of the program's work.
"""
# ruff: noqa: PLC0415  # commands import what they need when they run

import asyncio
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from ordereats.chassis.config import Environment
from ordereats.chassis.errors import Misconfigured
from ordereats.cli.here import home

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from ordereats.chassis.story import Fact
    from ordereats.chassis.telemetry.spans import SpanShown
    from ordereats.topology.stories.gathering import Told
    from ordereats.topology.stories.waterfall import Line, Waterfall

AsJson = Annotated[bool, typer.Option("--json", help="For programs, and complete.")]

WIDTH = 160
"""Of what is written to a file or a pipe."""
_COLOURS = {
    "server": "green",
    "client": "cyan",
    "transaction": "blue",
    "publish": "magenta",
    "consume": "yellow",
    "job": "white",
}


def order(
    order_id: Annotated[int, typer.Argument(metavar="ID", min=1, help="The order's number.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Tell an order's story: what each service did and knows, as a timeline.

    Facts come from the databases; what was done, and how long it took, from the memory of the
    processes, which holds the last minutes or hours.
    """
    from ordereats.topology.stories import gathering

    where = gathering.addresses(home(), Environment())
    told = asyncio.run(gathering.of_order(where, order_id))
    if told.is_empty:
        raise Misconfigured(f"Nobody knows of an order {order_id}.{_unheard(told)}")
    _show(told, f"Order {order_id}", as_json=as_json)


def trace(
    name: Annotated[
        str,
        typer.Argument(
            metavar="CORRELATION-ID",
            help="As X-Correlation-Id of an answer says it, or a trace's own id.",
        ),
    ],
    *,
    as_json: AsJson = False,
) -> None:
    """Show all that followed from a request, as a timeline."""
    from ordereats.topology.stories import gathering

    where = gathering.addresses(home(), Environment())
    told = asyncio.run(gathering.of_trace(where, name))
    if not told.spans:
        raise Misconfigured(
            f"Nobody remembers {name}: it never was, or is longer ago than memories go;"
            f" `ordereats order ID` still tells what became of an order.{_unheard(told)}"
        )
    _show(told, f"Trace {name}", as_json=as_json)


def _unheard(told: "Told") -> str:
    return f" ({', '.join(told.silent)} did not answer.)" if told.silent else ""


def _show(told: "Told", title: str, *, as_json: bool) -> None:
    if as_json:
        import msgspec

        from ordereats.contracts.wire import encode

        print(msgspec.json.format(encode(told)).decode())
        return
    from rich.console import Console

    from ordereats.topology.stories.waterfall import waterfalls

    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = WIDTH
    services = sorted(
        {*(each.service for each in told.facts), *(each.service for each in told.spans)}
    )
    console.print(f"[bold]{title}[/], told by {', '.join(services)}", soft_wrap=True)
    if told.facts:
        _print_facts(console, told.facts)
    for each in waterfalls(told.spans):
        _print_waterfall(console, each)
    if told.facts and not told.spans:
        console.print("\nWhen and how long is not remembered any more: only databases know of it.")
    if told.silent:
        print(f"{', '.join(told.silent)} did not answer: their part is missing.", file=sys.stderr)


def _print_facts(console: "Console", facts: "Sequence[Fact]") -> None:
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("SINCE", "SERVICE", "ABOUT", "WHAT IS SO", "TRIED", "ERROR"):
        table.add_column(column, no_wrap=True)
    for each in facts:
        table.add_row(
            f"{each.at.astimezone():%Y-%m-%d %H:%M:%S.%f}"[:-3],
            each.service,
            escape(each.subject),
            escape(_short(each.what)),
            str(each.attempts or ""),
            f"[red]{escape(each.error or '')}[/]",
        )
    console.print()
    console.print(table)


def _print_waterfall(console: "Console", waterfall: "Waterfall") -> None:
    from rich.markup import escape
    from rich.table import Table

    console.print(
        f"\n[bold]{waterfall.began_at.astimezone():%H:%M:%S.%f}[/]  {waterfall.took_ms:,.1f} ms"
        f"  correlation {escape(waterfall.correlation_id)}  trace {waterfall.trace_id}",
        soft_wrap=True,
    )
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("AT, ms", justify="right", no_wrap=True)
    table.add_column("SERVICE", no_wrap=True)
    table.add_column("WHAT", no_wrap=True, overflow="ellipsis", ratio=1)
    table.add_column("", no_wrap=True)
    table.add_column("TOOK, ms", justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for line in waterfall.lines:
        span = line.span
        colour = "red" if span.error else _COLOURS.get(span.kind, "default")
        table.add_row(
            f"{line.offset_ms:,.1f}",
            span.service,
            f"{'  ' * line.depth}[{colour}]{span.kind}[/] {escape(_said(span))}",
            f"[{colour}]{line.bar}[/]",
            f"{span.took_ms:,.1f}",
            escape(_beside(line)),
        )
    console.print(table)


def _beside(line: "Line") -> str:
    """What else there is to know of a span."""
    span = line.span
    words = []
    if span.status:
        words.append(str(span.status))
    if span.waited_ms >= 1:
        words.append(f"waited {span.waited_ms:,.0f} ms")
    if span.attempt > 1:
        words.append(f"attempt {span.attempt}")
    if span.error:
        words.append(span.error)
    return ", ".join(words)


def _said(span: "SpanShown") -> str:
    """What it is called, if that is more than what it is."""
    return "" if span.name == span.kind else _short(span.name)


def _short(name: str) -> str:
    """Without what all events' names have in common."""
    return name.replace("ordereats.", "")
