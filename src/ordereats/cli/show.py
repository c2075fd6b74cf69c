"""What runs, as a table for people and as JSON for programs."""

from io import StringIO
from urllib.parse import urlsplit

import msgspec
from rich.console import Console
from rich.table import Table

from ordereats.chassis.calls.states import EdgeState
from ordereats.chassis.messaging.lag import MOST_COUNTED, InboxLag
from ordereats.topology.lag import Behind, behind
from ordereats.topology.local.breakers import Breakers, open_breakers
from ordereats.topology.local.carrier import carrier
from ordereats.topology.local.state import PartState, Running, State

_COLOURS = {State.READY: "green", State.HELD: "yellow", State.RESTARTING: "red"}


def as_json(running: Running | None) -> str:
    """Every part: name, kind, pid, url, state, restarts; of a service its database and breakers.

    Beside the database stands what waits in it (`lag`), and with what carries the events, what
    waits there (`queues`, `deadLetters`). Null: it did not say.
    """
    if running is None:
        return "[]"
    breakers, waits, carries = open_breakers(running), behind(running), carrier(running)
    parts = [_public(part, breakers, waits) for part in running.parts]
    if carries is not None:
        shown = parts[running.parts.index(carries)]
        shown["queues"] = waits.broker and waits.broker.queues
        shown["deadLetters"] = waits.broker and waits.broker.dead
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
            _pids(part),
            str(part.restarts),
            _without_password(part.url),
        )
    out = StringIO()
    console = Console(file=out, width=200, force_terminal=Console().is_terminal, highlight=False)
    console.print(f"{running.address}  ({running.topology}, events by {running.broker})\n")
    console.print(table)
    for line in [*_told(open_breakers(running)), *_waiting(behind(running))]:
        console.print(line)
    return out.getvalue().rstrip()


def _public(part: PartState, breakers: Breakers, waits: Behind) -> dict[str, object]:
    shown: dict[str, object] = msgspec.to_builtins(part)
    for name in ("born", "beside_born", "restart", "is_rolling"):
        del shown[name]
    for name in ("database", "management", "beside"):
        if shown[name] is None:
            del shown[name]
    if part.name in breakers:
        shown["breakers"] = breakers[part.name]
    if part.name in waits.services:
        shown["lag"] = waits.services[part.name]
    return shown


def _pids(part: PartState) -> str:
    """The process, and the one beside it that comes or goes."""
    return str(part.pid or "-") + (f"+{part.beside}" if part.beside else "")


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


def _waiting(waits: Behind) -> list[str]:
    """A line for each database in which facts wait, for each inbox and queue, for dead letters.

    And one for each that did not say.
    """
    lines = []
    for name, lag in waits.services.items():
        if lag is None:
            lines.append(f"  {name} ⋯ its database does not answer")
            continue
        if lag.unpublished:
            refused = f" ({_many(lag.refused)} refused)" if lag.refused else ""
            lines.append(
                f"  {name} ⋯ {_many(lag.unpublished)} to be published{refused},"
                f" oldest {lag.oldest_s:.0f} s"
            )
        lines += [f"  {inbox.consumer} ⋯ {_told_of(inbox)}" for inbox in lag.inboxes]
    lines += _at_broker(waits)
    return ["", *lines] if lines else []


def _at_broker(waits: Behind) -> list[str]:
    if waits.broker is None:
        return ["  broker ⋯ it does not answer"] if waits.has_broker else []
    lines = [
        f"  {name} ⋯ {_many(count)} in the queue" for name, count in waits.broker.queues.items()
    ]
    if waits.broker.dead:
        lines.append(f"  broker ⋯ {waits.broker.dead:,} dead: `ordereats dlq list`")
    return lines


def _told_of(inbox: InboxLag) -> str:
    again = f"{_many(inbox.waiting)} to be tried again, oldest {inbox.oldest_s:.0f} s"
    parked = f"{_many(inbox.parked)} parked: `ordereats dlq list`"
    return "; ".join([*([again] if inbox.waiting else []), *([parked] if inbox.parked else [])])


def _many(number: int) -> str:
    """Just the most that is counted stands for more; beyond it, somebody has counted them all."""
    return f"{number:,}{' or more' if number == MOST_COUNTED else ''}"


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
