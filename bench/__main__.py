"""Measures OrderEats against its peers: `python -m bench`, from the root of the project."""

import argparse
import asyncio
import os
import platform
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import report
from bench.calls import call_costs
from bench.contenders import Bare, Server, bare, express, ours
from bench.events import event_costs
from bench.life import RATE, live
from bench.load import Ask, Failed, demand
from bench.report import Measured, Results, Round, Row, Target
from bench.servers import cpu_s, postgres
from bench.shapes import shape_costs
from bench.telemetry import telemetry_costs
from ordereats.chassis.clock import SystemClock
from ordereats.chassis.telemetry import logs
from ordereats.topology.local.part import CannotStart, Process

SECONDS, ROUNDS = 5, 3
WARM_UP_S = 2
STORED = 1000
"""Orders to read from."""

AGAINST_EXPRESS = (
    Row("`POST /orders`", Ask.PLACE, 32, Target("CPU", 0.75)),
    Row("`POST /orders`", Ask.PLACE, 1),
    Row("`GET /orders/{id}`", Ask.GET, 32, Target("CPU", 0.7)),
    Row("`GET /orders/{id}`", Ask.GET, 1),
    Row("`GET /restaurants` (100)", Ask.LIST, 32, Target("CPU", 0.5)),
    Row("`GET /restaurants` (100)", Ask.LIST, 1),
)
AGAINST_PGBENCH = (Row("durable order and outbox row", Ask.PLACE_UNKEYED, 32, Target("rate", 0.5)),)


@dataclass(frozen=True, slots=True)
class Bench:
    """How everything is measured."""

    postgres: Process
    seconds: float
    rounds: int

    async def measure(self, row: Row, contenders: Sequence[Server | Bare]) -> Measured:
        """Give each the same load in turn, several times over."""
        rounds: dict[str, list[Round]] = {each.name: [] for each in contenders}
        for each in contenders:
            await self._prepare(row, each)
            await each.load(row.ask, connections=row.connections, seconds=WARM_UP_S)
            await each.settle()
        for _ in range(self.rounds):
            for each in contenders:
                if row.ask in (Ask.PLACE, Ask.PLACE_UNKEYED):
                    await each.empty()
                rounds[each.name].append(await self._round(row, each))
        return Measured(row, rounds)

    async def _prepare(self, row: Row, contender: Server | Bare) -> None:
        await contender.empty()
        await contender.fill(STORED if row.ask is Ask.GET else 0)
        await contender.settle()

    async def _round(self, row: Row, contender: Server | Bare) -> Round:
        server, database = contender.cpu_s(), cpu_s(self.postgres)
        load = await contender.load(row.ask, connections=row.connections, seconds=self.seconds)
        answered = contender.cpu_s()
        await contender.settle()
        a_request = 1e6 / load.requests
        return Round(
            load=load,
            cpu_us=(contender.cpu_s() - server) * a_request,
            answering_cpu_us=(answered - server) * a_request,
            postgres_us=(cpu_s(self.postgres) - database) * a_request,
        )


def main() -> int:
    """Measure, print, and keep what is no mere trial."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--seconds", type=int, default=SECONDS, help="of a round (%(default)s)")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="of a load (%(default)s)")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # stop what was started
    logs.configure(level="warning", form="console", service="bench")
    try:
        demand(("wrk", "node", "npm"))
        results = asyncio.run(_run(seconds=options.seconds, rounds=options.rounds))
    except (CannotStart, Failed) as reason:
        sys.stderr.write(f"{reason}\n")
        return 2 if isinstance(reason, CannotStart) else 1
    except KeyboardInterrupt:
        return 130
    text = report.tables(results)
    print(f"\n{text}")
    if options.seconds >= SECONDS and options.rounds >= ROUNDS:
        report.keep(results.began_at, results, name="bench", text=text)
    else:
        print("\nShorter than usual, so it is not written to docs/performance.md.")
    return 0


async def _run(*, seconds: int, rounds: int) -> Results:
    began_at, measured = SystemClock().now(), []
    async with (
        postgres() as (server, folder),
        express(server, folder) as peer,
        ours(server, folder) as own,
        bare(server) as database,
    ):
        settings = {
            **await _durability(own),
            "rounds": f"{rounds} of {seconds} s",
            "load average at the start": f"{os.getloadavg()[0]:.2f}",
        }
        machine = {**_machine(), "PostgreSQL": await _shown(own, "server_version")}
        bench = Bench(server, seconds, rounds)
        print("events on RabbitMQ", flush=True)  # first, for it may not be installed
        events = await event_costs(server, folder, seconds=seconds * rounds, rounds=rounds)
        for row in AGAINST_EXPRESS:
            print(f"{row.title}, {row.connections} at once", flush=True)
            measured.append(await bench.measure(row, (peer, own)))
        for row in AGAINST_PGBENCH:
            print(f"{row.title}, {row.connections} at once", flush=True)
            measured.append(await bench.measure(row, (database, own)))
        print(f"whole lives of orders, {RATE} a second", flush=True)
        lives = await live(server, folder, seconds=seconds * rounds)
        print("calls between services", flush=True)
        calls = await call_costs(folder, seconds=seconds, rounds=rounds)
        print("telemetry", flush=True)
        telemetry = await telemetry_costs(server, folder, bench.measure)
    print("each shape as a whole", flush=True)
    shapes = await shape_costs(seconds=seconds * rounds, rounds=rounds)
    return Results(began_at, machine, settings, measured, lives, calls, events, telemetry, shapes)


def _machine() -> dict[str, str]:
    return {
        "cores": str(os.cpu_count()),
        "processor": _processor(),
        "Python": platform.python_version(),
        "Node": _first_line("node", "--version").removeprefix("v"),
        "wrk": _first_line("wrk", "--version").split()[1],
    }


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _first_line(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # wrk exits with 1
    return done.stdout.splitlines()[0]


async def _durability(server: Server) -> dict[str, str]:
    return {name: await _shown(server, name) for name in ("fsync", "synchronous_commit")}


async def _shown(server: Server, name: str) -> str:
    return str(await server.database.fetchval(f"show {name}"))


if __name__ == "__main__":
    sys.exit(main())
