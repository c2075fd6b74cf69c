"""Breaks the platform under load and holds it to its promises: `python -m chaos`, from the root."""

import argparse
import asyncio
import signal
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import msgspec

from chaos.log import Answered
from chaos.page import page
from chaos.platform import Platform
from chaos.run import Results, Wanted, run
from chaos.schedule import EVERY_S
from ordereats.chassis.errors import Misconfigured
from ordereats.chassis.telemetry import logs

REPORT = Path(".chaos/report.html")
SHOWN = 40
"""Violations; the report has all."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it; 1 when a promise was broken, 2 when it could not be tried."""
    parser = argparse.ArgumentParser(prog="python -m chaos", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10, help="of load (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="names the faults (%(default)s)")
    parser.add_argument("--rate", type=float, default=6, help="orders a second (%(default)s)")
    parser.add_argument(
        "--every",
        type=float,
        default=EVERY_S,
        help="seconds from fault to fault, about (%(default)s)",
    )
    parser.add_argument("--report", type=Path, default=REPORT, help="a page (%(default)s)")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # stop what was started
    logs.configure(level="warning", form="console", service="chaos")
    options.report.parent.mkdir(parents=True, exist_ok=True)
    wanted = Wanted(
        seconds=60 * options.minutes,
        seed=options.seed,
        rate=options.rate,
        every_s=options.every,
        log=options.report.with_suffix(".jsonl"),
    )
    try:
        results, platform = asyncio.run(_run(wanted))
    except Misconfigured as reason:
        sys.stderr.write(f"{reason}\n")
        return 2
    except KeyboardInterrupt:
        return 130
    options.report.write_text(page(results), encoding="utf-8")
    options.report.with_suffix(".json").write_bytes(msgspec.json.encode(results))
    for line in summary(results):
        print(line)
    print(f"The report is {options.report}.")
    if results.is_fine:
        platform.forget()
        return 0
    print(f"Logs and data are kept in {platform.folder}.")
    return 1


async def _run(wanted: Wanted) -> tuple[Results, Platform]:
    print("Starting the platform …", flush=True)
    async with Platform.up() as platform:
        return await run(wanted, platform, partial(print, flush=True)), platform


def summary(results: Results) -> Iterator[str]:
    """What came of it, for the terminal, a line each."""
    counts = results.counts
    yield (
        f"{len(results.orders)} orders were asked for: {counts[Answered.OK]} taken"
        f" ({results.reached:.2f} a second), {counts[Answered.FAILED]} refused,"
        f" {counts[Answered.UNKNOWN]} without an answer."
    )
    for kind, times in sorted(results.fired.items()):
        yield f"  {times:3} {kind}"
    yield f"  {sum(results.fired.values()):3} faults had their effect."
    for each in results.violations[:SHOWN]:
        yield f"{each.wrong}: {each.subject} {each.message}"
    yield from results.complaints
    if results.is_fine:
        yield f"Every promise was kept; nothing moved any more after {results.drained_s:.0f} s."


if __name__ == "__main__":
    sys.exit(main())
