"""What was measured: the whole as JSON, the medians as tables. It measures nothing."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from statistics import median
from typing import Literal

import msgspec

from bench.calls import AT_MOST, BARE, HTTP, CallCosts
from bench.events import AT_LEAST, OURS, EventCosts
from bench.events import BARE as BARE_EVENTS
from bench.life import RATE, Life, Spread
from bench.load import HERE, Ask, Load
from bench.shapes import LIMITS, MONOLITH, SERVICES, TIMES_AT_MOST, ShapeCosts
from bench.shapes import RATE as SHAPES_RATE

RESULTS = HERE / "results"
PAGE = HERE.parent / "docs" / "performance.md"
TELEMETRY_AT_MOST = 0.15
"""Of a silent request, at full logging and with a tenth of the traces sent, by budgets.md."""
P50_MS, P99_MS = 15, 100
"""From a commit to the commit of its effect elsewhere, at most, by budgets.md."""


class Round(msgspec.Struct, frozen=True):
    """One server under one load.

    Attributes:
        load: what was answered.
        cpu_us: CPU of the server for a request, until all that follows from it was done.
        answering_cpu_us: the same, until the last answer.
        postgres_us: PostgreSQL's CPU for a request, until all that follows from it was done.
    """

    load: Load
    cpu_us: float
    answering_cpu_us: float
    postgres_us: float

    @property
    def rate(self) -> float:
        """Requests answered in a second."""
        return self.load.requests / self.load.seconds


class Target(msgspec.Struct, frozen=True):
    """What OrderEats has to be over its peer, by budgets.md.

    Attributes:
        figure: CPU for a request, at most so much of the peer's; or requests a second, at least.
    """

    figure: Literal["CPU", "rate"]
    ratio: float

    def __str__(self) -> str:
        return f"{self.figure} {'≤' if self.figure == 'CPU' else '≥'} {self.ratio:g}"

    def reached_by(self, ratio: float) -> bool:
        """Whether that is enough."""
        return ratio <= self.ratio if self.figure == "CPU" else ratio >= self.ratio


class Row(msgspec.Struct, frozen=True):
    """One figure.

    Attributes:
        title: of it.
        ask: what is asked.
        connections: how many requests are under way at any moment.
        target: if there is one.
    """

    title: str
    ask: Ask
    connections: int
    target: Target | None = None


class Measured(msgspec.Struct, frozen=True):
    """A figure's rounds, by who was asked: the peer first, then OrderEats."""

    row: Row
    rounds: Mapping[str, Sequence[Round]]


class Results(msgspec.Struct, frozen=True):
    """A whole run."""

    began_at: datetime
    machine: Mapping[str, str]
    settings: Mapping[str, str]
    measured: Sequence[Measured]
    life: Life
    calls: CallCosts
    events: EventCosts
    telemetry: Measured
    shapes: ShapeCosts


def keep(began_at: datetime, results: msgspec.Struct, *, name: str, text: str) -> None:
    """Write results of a program as JSON, and a text into its place on the page."""
    RESULTS.mkdir(exist_ok=True)
    raw = msgspec.json.format(msgspec.json.encode(results), indent=2)
    suffix = "" if name == "bench" else f"-{name}"
    (RESULTS / f"{began_at:%Y-%m-%d-%H%M}{suffix}.json").write_bytes(raw + b"\n")
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    page = PAGE.read_text(encoding="utf-8")
    before, _, rest = page.partition(begin)
    _, _, after = rest.partition(end)
    PAGE.write_text(f"{before}{begin}\n{text}\n{end}{after}", encoding="utf-8")


def tables(results: Results) -> str:
    """The medians, as Markdown: first against the targets, then all of them."""
    circumstances = {**results.machine, **results.settings}
    how = ", ".join(f"{name} {value}" for name, value in circumstances.items())
    return "\n\n".join(
        [
            f"Measured on {results.began_at:%Y-%m-%d %H:%M} UTC: {how}.",
            _against_targets(results.measured),
            _figures(results.measured),
            _calls(results.calls),
            _telemetry(results.telemetry),
            _carried(results.events),
            _arrived(results.events),
            _life(results.life),
            _standing(results.shapes),
            _working(results.shapes),
        ]
    )


def _against_targets(measured: Sequence[Measured]) -> str:
    lines = []
    for each in measured:
        if each.row.target is None:
            continue
        peer, ours = each.rounds
        figure = _cpu_us if each.row.target.figure == "CPU" else _rate
        theirs, own = (_median(figure, each.rounds[name]) for name in (peer, ours))
        reached = each.row.target.reached_by(own / theirs)
        unit = "µs" if each.row.target.figure == "CPU" else "/s"
        cells = (
            f"{each.row.title}, {each.row.connections} at once",
            f"{peer} {theirs:,.0f} {unit}",
            f"{own:,.0f} {unit}",
            f"**{own / theirs:.2f}** ({_spread(figure, each.rounds[peer], each.rounds[ours])})",
            str(each.row.target),
            _word(is_reached=reached),
        )
        lines.append(cells)
    heads = ("figure", "peer", "OrderEats", "ratio (of single rounds)", "to reach", "")
    return table(heads, lines)


def _spread(figure: Callable[[Round], float], peer: Sequence[Round], ours: Sequence[Round]) -> str:
    """The least and the greatest ratio of a pair of rounds: what the median is worth."""
    ratios = [figure(own) / figure(their) for their, own in zip(peer, ours, strict=True)]
    return f"{min(ratios):.2f} to {max(ratios):.2f}"


def _figures(measured: Sequence[Measured]) -> str:
    lines = []
    for each in measured:
        for name, rounds in each.rounds.items():
            cpu_us, answering = _median(_cpu_us, rounds), _median(_answering_cpu_us, rounds)
            latencies = [_median(figure, rounds) for figure in (_p50_ms, _p99_ms)]
            cells = (
                f"{each.row.title}, {each.row.connections} at once",
                name,
                f"{cpu_us:,.0f}" if cpu_us else "",
                f"{answering:,.0f}" if answering else "",
                f"{_median(_postgres_us, rounds):,.0f}",
                f"{_median(_rate, rounds):,.0f}",
                *(f"{value:.2f}" if value else "" for value in latencies),
            )
            lines.append(cells)
    heads = (
        *("figure", "server", "its CPU, µs", "until the answer, µs", "PostgreSQL's CPU, µs"),
        *("requests/s", "p50, ms", "p99, ms"),
    )
    return table(heads, lines)


def _life(life: Life) -> str:
    cpu = [
        (f"CPU of {name} for an order", f"{us:,.0f} µs", "", "") for name, us in life.cpu_us.items()
    ]
    spreads = (
        ("`POST /orders`, from when it was due to be sent", life.answer, "", ""),
        (
            "order's commit to `order.placed`'s effect in notifications",
            life.placed,
            *_judged(life.placed),
        ),
        ("order's commit to `order.paid`'s effect in notifications", life.paid, "", ""),
    )
    times = [
        (what, f"p50 {each.p50:.1f} ms, p99 {each.p99:.1f} ms", *rest)
        for what, each, *rest in spreads
    ]
    heads = (f"whole monolith, {life.rate} orders a second", "", "to reach", "")
    return table(heads, [*cpu, *times])


def _calls(costs: CallCosts) -> str:
    heads = ("a call between services, one after the other", "its CPU, µs", "takes, µs")
    ends = ("CPU of bare calls", "to reach", "")
    bare_us = median(each.cpu_us for each in costs[BARE])
    lines = []
    for name, rounds in costs.items():
        cpu_us, us = (median(each.cpu_us for each in rounds), median(each.us for each in rounds))
        times = cpu_us / bare_us
        judged = (
            (f"≤ {AT_MOST:g}", _word(is_reached=times <= AT_MOST)) if name == HTTP else ("", "")
        )
        shown = "" if name == BARE else f"**{times:.2f}**"
        lines.append((name, f"{cpu_us:,.0f}", f"{us:,.0f}", shown, *judged))
    return table((*heads, *ends), lines)


def _telemetry(measured: Measured) -> str:
    """Each against the first, which is silent; the last, which has all of it, is judged."""
    cpu_us = {name: _median(_cpu_us, rounds) for name, rounds in measured.rounds.items()}
    (silent, base_us), *others = cpu_us.items()
    lines = [(silent, f"{base_us:,.0f}", "", "", "", "")]
    for name, us in others:
        share = us / base_us - 1
        cells = (name, f"{us:,.0f}", f"{us - base_us:,.0f}", f"**{share:.1%}**")
        is_all = name == others[-1][0]
        reached = _word(is_reached=share <= TELEMETRY_AT_MOST) if is_all else ""
        lines.append((*cells, f"≤ {TELEMETRY_AT_MOST:.0%}" if is_all else "", reached))
    heads = (f"{measured.row.title}, {measured.row.connections} at once, with", "its CPU, µs")
    return table((*heads, "more, µs", "", "to reach", ""), lines)


def _carried(costs: EventCosts) -> str:
    """The relay against bare aio-pika."""
    bare = median(each.rate for each in costs.carried[BARE_EVENTS])
    lines = []
    for name, rounds in costs.carried.items():
        rate = median(each.rate for each in rounds)
        is_ours = name != BARE_EVENTS
        ratio = (f"**{rate / bare:.2f}**", f"≥ {AT_LEAST:g}") if is_ours else ("", "")
        cells = (
            name,
            f"{rate:,.0f}",
            f"{median(each.cpu_us for each in rounds):,.0f}",
            f"{median(each.postgres_us for each in rounds):,.0f}",
            *ratio,
            _word(is_reached=rate / bare >= AT_LEAST) if is_ours else "",
        )
        lines.append(cells)
    heads = (
        *("a backlog of events to RabbitMQ, one process", "events/s", "its CPU for one, µs"),
        *("PostgreSQL's CPU, µs", "rate of bare", "to reach", ""),
    )
    return table(heads, lines)


def _arrived(costs: EventCosts) -> str:
    """How soon at a steady rate."""
    what = {BARE_EVENTS: "publish to consumer", OURS: "commit to the commit of its effect"}
    judged = {BARE_EVENTS: ("", ""), OURS: _judged(costs.arrived[OURS])}
    lines = [
        (f"{name}: {what[name]}", f"{each.p50:.1f}", f"{each.p99:.1f}", *judged[name])
        for name, each in costs.arrived.items()
    ]
    heads = (f"{RATE} events a second on RabbitMQ", "p50, ms", "p99, ms", "to reach", "")
    return table(heads, lines)


def _standing(costs: ShapeCosts) -> str:
    """How soon each shape takes an order, and what it keeps."""
    lines = []
    for shape, rounds in costs.standing.items():
        start_s = median(each.start_s for each in rounds)
        memory_mb = median(each.memory_mb for each in rounds)
        limits = LIMITS[shape]
        is_reached = start_s <= limits.start_s and memory_mb <= limits.memory_mb
        to_reach = f"≤ {limits.start_s:g} s, ≤ {limits.memory_mb:g} MB"
        own = (f"{start_s:.1f}", f"{memory_mb:,.0f}", f"{rounds[0].processes}")
        lines.append((shape, *own, to_reach, _word(is_reached=is_reached)))
    broker = costs.broker
    alone = (f"{broker.start_s:.1f}", f"{broker.memory_mb:,.0f}", f"{broker.processes}", "", "")
    heads = ("`ordereats up`, started before", "first order, s", "memory (PSS), MB", "processes")
    return table((*heads, "to reach", ""), [*lines, ("RabbitMQ alone, until it listens", *alone)])


def _working(costs: ShapeCosts) -> str:
    """The price of services."""
    one, many = costs.working[MONOLITH], costs.working[SERVICES]
    figures = (
        ("CPU of all processes for an order, until it is paid", "cpu_ms"),
        ("`POST /orders`, median from when it was due to be sent", "answer_ms"),
    )
    lines = []
    for title, name in figures:
        theirs, ours = getattr(one, name), getattr(many, name)
        times = ours / theirs
        judged = (f"≤ {TIMES_AT_MOST:g}", _word(is_reached=times <= TIMES_AT_MOST))
        lines.append((title, f"{theirs:.1f} ms", f"{ours:.1f} ms", f"**{times:.2f}**", *judged))
    heads = (f"{SHAPES_RATE} orders a second", MONOLITH, SERVICES, "ratio", "to reach", "")
    return table(heads, lines)


def _judged(spread: Spread) -> tuple[str, str]:
    """How soon an event has to have its effect, by budgets.md, and whether it has."""
    is_reached = spread.p50 <= P50_MS and spread.p99 <= P99_MS
    return f"p50 ≤ {P50_MS} ms, p99 ≤ {P99_MS} ms", _word(is_reached=is_reached)


def _word(*, is_reached: bool) -> str:
    return "reached" if is_reached else "not yet"


def table(heads: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """Markdown."""
    rows = [heads, ["---"] * len(heads), *lines]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in rows)


def _median(figure: Callable[[Round], float], rounds: Sequence[Round]) -> float:
    return median(figure(each) for each in rounds)


def _cpu_us(each: Round) -> float:
    return each.cpu_us


def _answering_cpu_us(each: Round) -> float:
    return each.answering_cpu_us


def _postgres_us(each: Round) -> float:
    return each.postgres_us


def _rate(each: Round) -> float:
    return each.rate


def _p50_ms(each: Round) -> float:
    return each.load.p50_ms or 0.0


def _p99_ms(each: Round) -> float:
    return each.load.p99_ms or 0.0
