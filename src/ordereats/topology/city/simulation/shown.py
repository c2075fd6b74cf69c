"""How a simulation looks on a terminal: while it runs, and its summary. Decides nothing."""

from collections.abc import Iterator
from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from ordereats.contracts.orders import OrderStatus
from ordereats.topology.city.places import helsinki
from ordereats.topology.city.simulation.report import Outcome, Progress
from ordereats.topology.city.simulation.stage import ENDED

_COLOURS = {OrderStatus.DELIVERED: "green", OrderStatus.EXPIRED: "red"}
_NEVER_NAMED = 10


class TerminalScreen:
    """A picture that is drawn anew all the time; without a terminal, a line now and then."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, transient=True) if console.is_terminal else None
        self.every_s = 0.5 if self._live else 5.0

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._live:
            self._live.stop()

    def show(self, progress: Progress) -> None:
        """Show how far it is."""
        if self._live:
            self._live.update(_picture(progress), refresh=True)
        else:
            self._console.print(_line(progress), soft_wrap=True)


def summary(outcome: Outcome) -> Group:
    """What it has come to, for a person."""
    return Group(*_summary(outcome))


def _picture(progress: Progress) -> RenderableType:
    bars = Table(box=None, show_header=False, pad_edge=False)
    for status in OrderStatus:
        count = progress.by_status[status]
        if count or status not in ENDED:
            bar = ProgressBar(total=max(1, progress.planned), completed=count, width=40)
            bars.add_row(Text(status, _COLOURS.get(status, "")), f"{count:>6}", bar)
    problems = [Text(f"  {each}", "dim") for each in progress.latest]
    return Group(Text(f"{_placed(progress)}; {_rates(progress)}", "bold"), bars, *problems)


def _line(progress: Progress) -> str:
    states = ", ".join(
        f"{progress.by_status[status]} {status}"
        for status in OrderStatus
        if progress.by_status[status]
    )
    return f"{_placed(progress)} ({states or 'none yet'}); {_rates(progress)}"


def _placed(progress: Progress) -> str:
    return f"{progress.now_min:.0f} min: {progress.placed} of {progress.planned} orders"


def _rates(progress: Progress) -> str:
    ended = sum(progress.by_status[status] for status in ENDED)
    per_s = ended / progress.passed_s if progress.passed_s else 0.0
    return f"{per_s:.1f} ended/s, {progress.requests} requests"


def _summary(outcome: Outcome) -> Iterator[RenderableType]:
    so_far = outcome.progress
    if outcome.interrupted:
        yield Text("Interrupted; so far:", "yellow")
    yield Text(
        f"{so_far.placed} orders in {so_far.now_min:.0f} simulated minutes"
        f" ({so_far.passed_s:.0f} s): "
        + ", ".join(f"{count} {status}" for status, count in so_far.by_status.most_common()),
        "bold",
    )
    if outcome.unplaced:
        reasons = ", ".join(f"{count} {code}" for code, count in outcome.unplaced.items())
        yield Text(f"Went away without an order: {reasons}")
    if outcome.door_min:
        yield Text(
            f"From click to door: median {outcome.median_min:.0f} min,"
            f" p90 {outcome.p90_min:.0f} min"
        )
    yield _requests(outcome)
    yield from _books(outcome)
    yield from _never(outcome)
    yield Text(f"Map: {helsinki().attribution}", "dim")


def _requests(outcome: Outcome) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("REQUESTS")
    for column in ("OK", "REPEATED", "MEDIAN MS", "P99 MS"):
        table.add_column(column, justify="right")
    table.add_column("OTHERWISE")
    for line in outcome.tally.lines():
        otherwise = {what: count for what, count in line.outcomes.items() if what != "ok"}
        table.add_row(
            line.what,
            str(line.outcomes.get("ok", 0)),
            str(line.repeated or ""),
            f"{line.median_ms:.0f}",
            f"{line.p99_ms:.0f}",
            ", ".join(f"{count} {what}" for what, count in otherwise.items()),
        )
    table.add_row(
        f"all: {outcome.tally.total}", "", "", "", "", f"{outcome.tally.failed} failed or unknown"
    )
    return table


def _books(outcome: Outcome) -> Iterator[Text]:
    books = outcome.books
    if books is None:
        yield Text("Money: not known, the platform does not answer", "red")
        return
    yield Text(
        f"Money: delivered for {books.owed}, taken {books.captured}, given back {books.refunded}: "
        + ("balanced" if books.are_balanced else "NOT balanced"),
        "green" if books.are_balanced else "red",
    )
    if books.off:
        yield Text(f"  orders whose payment does not fit: {_some(books.off)}", "red")


def _never(outcome: Outcome) -> Iterator[Text]:
    if outcome.unended:
        yield Text(
            f"{len(outcome.unended)} orders have not ended"
            + ("" if outcome.interrupted else f", and none moved for {outcome.patience_s:.0f} s")
            + f": {_some(outcome.unended)}",
            "red",
        )
    if outcome.lost:
        yield Text(f"{outcome.lost} customers never heard what became of their order", "red")


def _some(ids: tuple[int, ...]) -> str:
    shown = ", ".join(map(str, ids[:_NEVER_NAMED]))
    return f"{shown}, …" if len(ids) > _NEVER_NAMED else shown
