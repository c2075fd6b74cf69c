"""What telemetry costs `POST /orders`: one server silent, one with its log, one with all of it."""

import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TypeAlias

from bench.contenders import Bare, Server, ours
from bench.load import Ask
from bench.report import Measured, Row
from bench.servers import process
from ordereats.topology.local.part import Process

SILENT, LOGGED, ALL = "silent", "its log", "its log and traces"
ROW = Row("`POST /orders`", Ask.PLACE, 32)

Measure: TypeAlias = Callable[[Row, Sequence[Server | Bare]], Awaitable[Measured]]


async def telemetry_costs(postgres: Process, folder: Path, measure: Measure) -> Measured:
    """Give three of the same server the same load in turn.

    With traces, a tenth of them is sent to a collector that takes and forgets them. Metrics are
    counted by all three: that can't be turned off.

    Args:
        postgres: where their databases are.
        folder: for their logs.
        measure: as everything else is measured.
    """
    command = (sys.executable, "-m", "bench.tiny", "{port}")
    silent = {"LOG_LEVEL": "error", "TRACES": "off"}
    async with (
        process("collector", command, folder, cwd=Path.cwd()) as collector,
        ours(postgres, folder, SILENT, "silent", **silent) as none,
        ours(postgres, folder, LOGGED, "logged", TRACES="off") as logged,
        ours(
            *(postgres, folder, ALL, "traced"),
            TRACE_SAMPLING="0.1",
            OTEL_EXPORTER_OTLP_ENDPOINT=collector.url,
        ) as traced,
    ):
        return await measure(ROW, (none, logged, traced))
