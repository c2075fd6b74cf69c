"""The command `fault`: makes the network between parts as bad as it is told, while all runs.

Each command imports what it needs when it runs: starting fast is part of the program's work.
"""
# ruff: noqa: PLC0415  # commands import what they need when they run

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Literal, NoReturn, get_args

import typer

from ordereats.chassis.errors import Misconfigured
from ordereats.cli.here import home

if TYPE_CHECKING:
    from ordereats.topology.faults.control import Command, OnEdge
    from ordereats.topology.faults.toxics import Toxic

app = typer.Typer(
    help="Make the network between parts slow, narrow or broken, while they run.\n\n"
    "Needs a platform that was started by `ordereats up --faults`.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

KINDS = {
    "latency": "all comes later, by --ms, give or take --jitter-ms",
    "bandwidth": "no more than --kb-per-s",
    "slow-close": "the end of what is sent comes later, by --ms",
    "black-hole": "nothing comes through; with --ms, the connection is closed after them",
    "reset": "connections are reset, after --ms if given",
    "slicer": "data come in pieces of --bytes, give or take --vary-bytes, with --ms between them",
    "limit-data": "connections are closed after --bytes; with 0, an answer is lost",
    "down": "connections are refused",
}

_HELP = """Put a fault on an edge, on connections that are open too.

FROM has opened the connection. Either name may be `any`. One more of the same kind and
direction takes the place of the first.

\b
  ordereats fault add orders restaurants latency --ms 2000
  ordereats fault add payments sandbox black-hole
  ordereats fault add payments sandbox limit-data --bytes 0 --share 0.3
  ordereats fault add any rabbitmq down

Kinds:

\b
""" + "\n".join(f"  {kind:<11} {what}" for kind, what in KINDS.items())

From = Annotated[str, typer.Argument(metavar="FROM", help="The part that connects, or any.")]
To = Annotated[str, typer.Argument(metavar="TO", help="The part that answers, or any.")]
Direction = Literal["upstream", "downstream", "both"]


@app.command("list")
def list_faults(
    *, as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False
) -> None:
    """Show all edges, and what is wrong with them."""
    import msgspec

    from ordereats.topology.faults.control import List

    edges = _ask(List())
    if as_json:
        print(msgspec.json.format(msgspec.json.encode(edges)).decode())
        return
    ill = [each for each in edges if each.toxics]
    print("\n".join(_lines(ill)) if ill else f"Nothing is wrong. Edges:\n{_grouped(edges)}")


@app.command(help=_HELP)
def add(  # noqa: PLR0913  # an option for each field of a toxic
    source: From,
    target: To,
    kind: Annotated[str, typer.Argument(metavar="KIND", help="Of fault: see below.")],
    *,
    ms: Annotated[
        int | None, typer.Option(min=0, max=600_000, help="Milliseconds, up to ten minutes.")
    ] = None,
    jitter_ms: Annotated[
        int | None, typer.Option(min=0, max=600_000, help="Milliseconds more or less.")
    ] = None,
    kb_per_s: Annotated[
        int | None, typer.Option(min=1, max=1_000_000, help="Kilobytes a second.")
    ] = None,
    size: Annotated[
        int | None, typer.Option("--bytes", min=0, max=1_000_000_000, help="Bytes.")
    ] = None,
    vary_bytes: Annotated[
        int | None, typer.Option(min=0, max=1_000_000, help="Bytes more or less.")
    ] = None,
    share: Annotated[
        float | None, typer.Option(min=0.001, max=1, help="Of the connections, by chance.")
    ] = None,
    direction: Annotated[
        Direction | None, typer.Option(help="Requests go upstream, answers downstream.")
    ] = None,
) -> None:
    from ordereats.topology.faults.control import Add

    given = {
        "ms": ms,
        "jitter_ms": jitter_ms,
        "kb_per_s": kb_per_s,
        "bytes": size,
        "vary_bytes": vary_bytes,
        "share": share,
        "direction": direction,
    }
    toxic = _toxic(kind, {name: value for name, value in given.items() if value is not None})
    for line in _lines(_ask(Add(source, target, toxic))):
        print(line)


@app.command()
def clear(source: From = "any", target: To = "any") -> None:
    """Mend an edge, or all of them."""
    from ordereats.topology.faults.control import Clear

    _ask(Clear(source, target))
    edge = "" if source == target == "any" else f" with {source} {target}"
    print(f"Nothing is wrong any more{edge}.")


def _toxic(kind: str, given: dict[str, int | float | str]) -> "Toxic":
    """What is asked for.

    Raises:
        Misconfigured: there is no such thing.
    """
    import msgspec

    from ordereats.topology.faults.toxics import Toxic

    kinds = {each.__struct_config__.tag: each for each in get_args(Toxic)}
    if kind not in kinds:
        raise Misconfigured(f"There is no fault {kind}; there are: {', '.join(KINDS)}.")
    takes = {each.name: each.required for each in msgspec.structs.fields(kinds[kind])}
    strange = [_option(name) for name in given if name not in takes]
    if strange:
        known = ", ".join(_option(name) for name in takes)
        raise Misconfigured(f"{kind} takes no {', '.join(strange)}; it takes {known}.")
    lacking = [
        _option(name) for name, is_needed in takes.items() if is_needed and name not in given
    ]
    if lacking:
        raise Misconfigured(f"{kind} needs {', '.join(lacking)}: {KINDS[kind]}.")
    try:
        found: Toxic = msgspec.convert({"kind": kind, **given}, Toxic)
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at `$.")
        raise Misconfigured(f"{_option(where[:-1])} can't be so for {kind}: {what}.") from None
    return found


def _ask(command: "Command") -> "Sequence[OnEdge]":
    """Tell the proxy.

    Raises:
        Misconfigured: there is none, or no such edge.
    """
    from urllib.parse import urlsplit

    from ordereats.topology.faults.control import List, ask
    from ordereats.topology.local.part import Kind

    running = home().running()
    if running is None:
        raise Misconfigured("OrderEats does not run here: `ordereats up --faults` starts it.")
    proxies = [part for part in running.parts if part.kind is Kind.FAULTS]
    if not proxies:
        raise Misconfigured(
            "Nothing is between the parts here: `ordereats up --faults` puts a proxy there."
        )
    port = urlsplit(proxies[0].url).port or 0
    try:
        return ask(port, command) or _no_edge(ask(port, List()))
    except OSError:
        raise Misconfigured(
            "The fault proxy does not answer: `ordereats start faults`, if it was killed."
        ) from None


def _no_edge(edges: "Sequence[OnEdge]") -> NoReturn:
    raise Misconfigured(f"There is no such edge; there are:\n{_grouped(edges)}")


def _grouped(edges: "Sequence[OnEdge]") -> str:
    """Who reaches whom, a line for each who does."""
    targets: dict[str, list[str]] = {}
    for each in edges:
        targets.setdefault(each.source, []).append(each.target)
    width = max(map(len, targets), default=0)
    return "\n".join(f"  {source:<{width}}  {', '.join(to)}" for source, to in targets.items())


def _lines(edges: "Sequence[OnEdge]") -> list[str]:
    """An edge a line, with what is wrong with it."""
    width = max((len(f"{each.source} {each.target}") for each in edges), default=0)
    return [
        f"{f'{each.source} {each.target}':<{width}}  {'; '.join(map(_said, each.toxics))}"
        for each in edges
    ]


def _said(toxic: "Toxic") -> str:
    """A toxic in the words by which it is added."""
    import msgspec

    fields = msgspec.to_builtins(toxic)
    kind = fields.pop("kind")
    defaults = {each.name: each.default for each in msgspec.structs.fields(type(toxic))}
    options = [
        f"{_option(name)} {value}" for name, value in fields.items() if value != defaults[name]
    ]
    return " ".join([kind, *options])


def _option(field: str) -> str:
    return f"--{field.replace('_', '-')}"
