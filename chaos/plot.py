"""Plots of a run as SVG: throughput and faults over time, and how long answers took. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from html import escape

from chaos.breaking import Struck
from chaos.log import Answered, Asked
from ordereats.topology.city.tally import quantile

WIDTH, LEFT, RIGHT = 1100, 190, 14
HEIGHT = 130
ROW = 16
"""Of one kind of fault."""
LATENCY_BIN_S = 5.0
COLOURS = {Answered.OK: "#2f9e44", Answered.FAILED: "#e8a33d", Answered.UNKNOWN: "#d6336c"}


class Plot:
    """One time axis, to which everything is drawn."""

    def __init__(self, seconds: float) -> None:
        """Make an axis.

        Args:
            seconds: its length.
        """
        self._seconds = seconds

    def throughput(self, orders: Sequence[Asked]) -> str:
        """Orders answered in each second, by what was answered, one above the other."""
        bars: defaultdict[int, Counter[Answered]] = defaultdict(Counter)
        for each in orders:
            bars[int(each.at_s + each.took_s)][each.answered] += 1
        most = max((sum(bar.values()) for bar in bars.values()), default=1)
        drawn = list(self._levels(most, "orders/s"))
        for second, bar in sorted(bars.items()):
            top = 0
            for answered, colour in COLOURS.items():
                if count := bar[answered]:
                    top += count
                    title = f"{second} s: {count} {answered}"
                    drawn.append(
                        self._bar(
                            (second, second + 1),
                            (HEIGHT * (1 - top / most), HEIGHT * count / most),
                            colour,
                            title,
                        )
                    )
        return self._svg(drawn, HEIGHT)

    def latency(self, orders: Sequence[Asked]) -> str:
        """How long orders took to be answered: the median and 95 in 100, of each five seconds."""
        bins: defaultdict[int, list[float]] = defaultdict(list)
        for each in orders:
            bins[int(each.at_s / LATENCY_BIN_S)].append(each.took_s)
        lines = {part: _quantiles(bins, part) for part in (0.5, 0.95)}
        most = max((took_s for _, took_s in lines[0.95]), default=1.0) or 1.0
        drawn = list(self._levels(most, "s"))
        for part, colour in ((0.95, "#845ef7"), (0.5, "#1971c2")):
            points = " ".join(
                f"{self._x(at_s):.1f},{HEIGHT * (1 - took_s / most):.1f}"
                for at_s, took_s in lines[part]
            )
            title = f"<title>p{100 * part:.0f}</title>"
            style = f'fill="none" stroke="{colour}" stroke-width="1.5"'
            drawn.append(f'<polyline points="{points}" {style}>{title}</polyline>')
        return self._svg(drawn, HEIGHT)

    def faults(self, struck: Sequence[Struck]) -> str:
        """A row for each kind; dark while it was so, light until all was ready again."""
        kinds = sorted({each.fault.kind for each in struck})
        drawn = []
        for row, kind in enumerate(kinds):
            drawn.append(_text(LEFT - 8, ROW * row + 12, kind, anchor="end"))
            for each in (each for each in struck if each.fault.kind == kind):
                title = " → ".join(each.fault.target)
                well_s = each.ended_s + (each.recovered_s or 0.0)
                place = (ROW * row + 3.0, ROW - 6.0)
                drawn.append(self._bar((each.ended_s, well_s), place, "#ffc9c9", title))
                ends_s = max(each.ended_s, each.at_s + self._seconds / 500)  # to be seen at all
                colour = "#c92a2a" if each.proof else "#868e96"
                drawn.append(self._bar((each.at_s, ends_s), place, colour, title))
        return self._svg(drawn, ROW * len(kinds))

    def _levels(self, most: float, unit: str) -> Iterator[str]:
        for level in (most, most / 2):
            y = HEIGHT * (1 - level / most)
            yield f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y}" y2="{y}" stroke="#dee2e6"/>'
            yield _text(LEFT - 8, y + 10, f"{level:.3g} {unit}", anchor="end")

    def _bar(
        self, time: tuple[float, float], place: tuple[float, float], colour: str, title: str
    ) -> str:
        begin, end = (self._x(each) for each in time)
        (y, height) = place
        return (
            f'<rect x="{begin:.1f}" y="{y:.1f}" width="{max(0.0, end - begin):.1f}"'
            f' height="{height:.1f}" fill="{colour}"><title>{escape(title)}</title></rect>'
        )

    def _svg(self, drawn: Sequence[str], height: int) -> str:
        step = next(each for each in (5, 10, 30, 60, 120, 600) if self._seconds / each <= 12)
        axis = [
            f'<line x1="{self._x(at_s):.1f}" x2="{self._x(at_s):.1f}" y1="0" y2="{height}"'
            f' stroke="#f1f3f5"/>' + _text(self._x(at_s), height + 14, f"{at_s} s", anchor="middle")
            for at_s in range(0, int(self._seconds) + 1, step)
        ]
        box = f'viewBox="0 0 {WIDTH} {height + 18}"'
        return f'<svg {box} role="img">{"".join((*axis, *drawn))}</svg>'

    def _x(self, at_s: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * min(1.0, max(0.0, at_s) / self._seconds)


def _quantiles(bins: dict[int, list[float]], part: float) -> list[tuple[float, float]]:
    return [
        ((number + 0.5) * LATENCY_BIN_S, quantile(sorted(took), part))
        for number, took in sorted(bins.items())
    ]


def _text(x: float, y: float, text: str, *, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
