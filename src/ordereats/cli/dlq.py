"""The command `dlq`: messages that could not be handled, to be seen and handed over once more.

Each command imports what it needs when it runs: starting fast is part of the program's work.
"""
# ruff: noqa: PLC0415  # commands import what they need when they run

import asyncio
import re
import sys
from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from ordereats.chassis.errors import Misconfigured
from ordereats.cli.here import home

if TYPE_CHECKING:
    from ordereats.topology.dead_letters.letter import Choice, Letter, Opened, Store
    from ordereats.topology.dead_letters.office import Looked

app = typer.Typer(
    help="See messages that could not be handled, and hand them over once more.\n\n"
    "They are parked in an inbox (handling them failed), or among the broker's dead letters (they"
    " could not be read). In patterns, * is anything: 'payments.*'.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Queue = Annotated[str | None, typer.Option(help="Pattern of the queue, which is the consumer.")]
Type = Annotated[
    str | None, typer.Option("--type", help="Pattern of the event: order.placed, 'order.*'.")
]
Subject = Annotated[str | None, typer.Option(help="Pattern of the subject: order/17.")]
Reason = Annotated[str | None, typer.Option(help="A part of the reason, in any case.")]
OlderThan = Annotated[str | None, typer.Option(help="Longer there than this: 90s, 15m, 2h, 1d.")]
AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


@app.command("list")
def list_letters(
    *,
    queue: Queue = None,
    event: Type = None,
    subject: Subject = None,
    reason: Reason = None,
    older_than: OlderThan = None,
    as_json: AsJson = False,
) -> None:
    """Show them, without what they say of people. Nothing is moved.

    Exit status 1: some place could not be read.
    """
    from ordereats.chassis.clock import SystemClock
    from ordereats.topology.dead_letters import office

    choice = _choice((), queue, event, subject, reason, older_than)
    looked = asyncio.run(office.look(_stores(), choice, SystemClock()))
    if as_json:
        print(_json(looked.letters))
    else:
        _show(looked, choice)
    _end(looked.unread)


@app.command()
def show(
    id_: Annotated[str, typer.Argument(metavar="ID", help="As `ordereats dlq list` shows it.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Show one of them with all that is in it, personal data included."""
    from ordereats.topology.dead_letters import office

    opened, unread = asyncio.run(office.open_one(_stores(), id_))
    if opened is not None:
        print(_json(opened) if as_json else _text(opened))
    _end(unread, [] if opened else [id_])


@app.command()
def redrive(  # noqa: PLR0913  # an option for each way to choose
    ids: Annotated[list[str] | None, typer.Argument(metavar="ID", help="Just these.")] = None,
    *,
    queue: Queue = None,
    event: Type = None,
    subject: Subject = None,
    reason: Reason = None,
    older_than: OlderThan = None,
    everything: Annotated[bool, typer.Option("--all", help="All there are.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show which.")] = False,
) -> None:
    """Hand them to the one consumer that they were for. Mend the cause first.

    Twice does no harm: a consumer knows what it has handled. Exit status 1: not all of them went;
    2: an ID is nobody's.
    """
    from ordereats.chassis.clock import SystemClock
    from ordereats.topology.dead_letters import office

    choice = _choice(ids or (), queue, event, subject, reason, older_than)
    if choice.is_everything and not everything:
        raise Misconfigured("Say which: by ID, by an option such as --queue, or --all.")
    if dry_run:
        looked = asyncio.run(office.look(_stores(), choice, SystemClock()))
        _show(looked, choice)
        print("Nothing was moved.")
        _end(looked.unread, choice.ids - {each.id for each in looked.letters})
        return
    done = asyncio.run(office.redrive(_stores(), choice, SystemClock()))
    print(f"{_counted(len(done.went))} handed over once more.")
    stays = [f"{each.letter.id} stays: {each.why}." for each in done.refused]
    met = {each.id for each in done.went} | {each.letter.id for each in done.refused}
    _end(done.unread, choice.ids - met, stays)


def _choice(
    ids: Sequence[str],
    queue: str | None,
    event: str | None,
    subject: str | None,
    reason: str | None,
    older_than: str | None,
) -> "Choice":
    from ordereats.topology.dead_letters.letter import Choice

    return Choice(
        ids=frozenset(ids),
        queue=queue,
        type=event,
        subject=subject,
        reason=reason,
        older_than=None if older_than is None else _duration(older_than),
    )


def _duration(given: str) -> timedelta:
    found = re.fullmatch(r"(\d{1,6})([smhd])", given)
    if found is None:
        raise Misconfigured(f"--older-than must be such as 90s, 15m, 2h or 1d, not {given!r}.")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def _stores() -> "list[Store]":
    from ordereats.topology.dead_letters.office import stores
    from ordereats.topology.places import places

    return stores(places(home()))


def _end(unread: Sequence[str], unmet: Collection[str] = (), stays: Sequence[str] = ()) -> None:
    """Say what went wrong, and end with status 1; with 2 where an ID is nobody's.

    One that was not met may still be where nothing could be read.
    """
    for sentence in (*stays, *unread):
        print(sentence, file=sys.stderr)
    if unmet and not unread:
        raise Misconfigured(
            f"There is no message {', '.join(sorted(unmet))}: `ordereats dlq list` shows all."
        )
    if unread or stays:
        raise typer.Exit(1)


def _show(looked: "Looked", choice: "Choice") -> None:
    if looked.letters:
        print(_table(looked.letters))
    elif not looked.unread:
        where = "parked or among the dead letters" if choice.is_everything else "meant by that"
        print(f"No message is {where}.")


def _json(value: object) -> str:
    import msgspec

    return msgspec.json.format(msgspec.json.encode(value)).decode()


def _table(letters: "Sequence[Letter]") -> str:
    from io import StringIO

    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("ID", "WHERE", "QUEUE", "TYPE", "SUBJECT", "TRIED", "SINCE"):
        table.add_column(column, no_wrap=True)
    table.add_column("REASON", no_wrap=True, overflow="ellipsis")
    for each in letters:
        shown = (each.queue, each.type, each.subject, each.attempts)
        since = "-" if each.since is None else f"{each.since.astimezone():%Y-%m-%d %H:%M:%S}"
        cells = ["-" if cell is None else escape(str(cell)) for cell in shown]
        table.add_row(each.id, each.where, *cells, since, escape(" ".join(each.reason.split())))
    out = StringIO()
    console = Console(file=out, width=200, force_terminal=Console().is_terminal, highlight=False)
    console.print(table)
    console.print(f"\n{_counted(len(letters))}.")
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines())


def _counted(number: int) -> str:
    return f"{number:,} message{'' if number == 1 else 's'}"


def _text(opened: "Opened") -> str:
    """Everything, a line each; then the body, indented where it is JSON."""
    import msgspec

    letter = msgspec.to_builtins(opened.letter)
    lines = [f"{name}: {value}" for name, value in letter.items() if value is not None]
    lines += ["", *(f"{name}: {value}" for name, value in opened.attributes.items() if value), ""]
    try:
        body = msgspec.json.format(opened.body.encode()).decode()
    except msgspec.DecodeError:
        body = opened.body
    return "\n".join([*lines, body])
