"""The report of a run: one page that needs nothing else. It judges nothing."""

from collections.abc import Iterable, Sequence
from html import escape

from chaos.breaking import Struck
from chaos.log import Answered
from chaos.plot import COLOURS, Plot
from chaos.run import Results

_STYLE = """
body { font: 14px/1.5 system-ui, sans-serif; max-width: 1140px; margin: 2rem auto; color: #212529 }
h1 { margin-bottom: 0 } h2 { margin-top: 2rem } svg { width: 100%; font-size: 11px }
svg text { fill: #495057 } table { border-collapse: collapse } .fine { color: #2b8a3e }
td, th { padding: 2px 14px 2px 0; text-align: left; border-bottom: 1px solid #e9ecef }
.off { color: #c92a2a } i { display: inline-block; width: 11px; height: 11px; margin: 0 4px 0 12px }
"""


def page(results: Results) -> str:
    """All of it, as HTML."""
    # Answers come, and faults end, a while after the load: the axis has them all.
    moments_s = [
        results.loaded_s,
        *(each.at_s + each.took_s for each in results.orders),
        *(each.ended_s + (each.recovered_s or 0.0) for each in results.struck),
    ]
    plot = Plot(max(moments_s))
    answers = "".join(
        f'<i style="background:{colour}"></i>{each}' for each, colour in COLOURS.items()
    )
    well = "Dark: it was so. Light: until every service was ready again."
    took = "With all repetitions: the median, and 95 in 100, of each five seconds."
    columns = ("at", "fault", "of", "proof", "lasted", "well after")
    body = (
        f"<h1>Chaos run, seed {results.seed}</h1>",
        f"<p>{results.began_at:%Y-%m-%d %H:%M} UTC. {_verdict(results)}</p>",
        _table(("", ""), _figures(results)),
        _section("Orders answered", answers, plot.throughput(results.orders)),
        _section("Faults", well, plot.faults(results.struck)),
        _section("From the wish to the answer", took, plot.latency(results.orders)),
        _violations(results),
        _section("Kinds", "", _table(("kind", "had its effect", "had none"), _kinds(results))),
        _section("Every fault", "", _table(columns, map(_fault, results.struck))),
    )
    head = f"<title>Chaos run, seed {results.seed}</title><style>{_STYLE}</style>"
    return f'<!doctype html><html lang="en"><meta charset="utf-8">{head}{"".join(body)}</html>\n'


def _verdict(results: Results) -> str:
    if results.is_fine:
        return '<b class="fine">Every promise was kept.</b>'
    return f'<b class="off">{escape(" ".join(results.complaints))}</b>'


def _figures(results: Results) -> list[tuple[object, ...]]:
    counts = results.counts
    ended = ", ".join(f"{count} {status}" for status, count in sorted(results.ended.items()))
    return [
        ("orders asked for", f"{len(results.orders)}, of {results.requests} requests"),
        ("orders taken", f"{counts[Answered.OK]}, {results.reached:.2f} a second"),
        ("refused, nothing was done", counts[Answered.FAILED]),
        ("without an answer", counts[Answered.UNKNOWN]),
        ("what became of them", ended),
        ("faults that had their effect", sum(results.fired.values())),
        ("load", f"{results.loaded_s:.0f} s"),
        ("from the last repair until nothing moved", f"{results.drained_s:.0f} s"),
    ]


def _kinds(results: Results) -> list[tuple[object, ...]]:
    failed = [each.fault.kind for each in results.struck if each.failure]
    kinds = sorted({*results.fired, *failed, *results.never})
    return [(kind, results.fired[kind], failed.count(kind)) for kind in kinds]


def _fault(struck: Struck) -> tuple[object, ...]:
    fault, well_s = struck.fault, struck.recovered_s
    return (
        f"{struck.at_s:.1f} s",
        fault.kind,
        " → ".join(fault.target),
        struck.proof or struck.failure,
        f"{struck.ended_s - struck.at_s:.1f} s",
        "not within a minute" if well_s is None else f"{well_s:.1f} s",
    )


def _violations(results: Results) -> str:
    if not results.violations:
        return ""
    rows = [(each.wrong, each.subject, each.message) for each in results.violations]
    return _section("Broken promises", "", _table(("how", "what", "said"), rows))


def _section(title: str, text: str, content: str) -> str:
    return f"<h2>{title}</h2><p>{text}</p>{content}"


def _table(names: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in names)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row) + "</tr>" for row in rows
    )
    return f"<table><tr>{head}</tr>{body}</table>"
