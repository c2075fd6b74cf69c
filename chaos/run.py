"""A chaos run: load, faults, healing, and the account of what is there in the end."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TypeAlias

import aiohttp
from msgspec import Struct

from chaos.breaking import Breaking, NeverWell, Struck
from chaos.ending import Ending
from chaos.log import Answered, Asked, Log, LoggedApi
from chaos.platform import Platform
from chaos.schedule import KINDS, Fault, Kind, schedule
from chaos.verdict import Violation, Wrong, violations
from ordereats.chassis.clock import SystemClock
from ordereats.topology.city.invented import Size, invent
from ordereats.topology.city.seeding import settle
from ordereats.topology.city.simulation.clock import SimulatedClock
from ordereats.topology.city.simulation.money import Books
from ordereats.topology.city.simulation.report import Progress
from ordereats.topology.city.simulation.run import Wanted as Simulated
from ordereats.topology.city.simulation.run import play
from ordereats.topology.city.simulation.stage import ENDED, Stage
from ordereats.topology.city.tally import Tally

Tell: TypeAlias = Callable[[str], None]
"""Shows a line."""

SPEED = 180.0
"""An order's median life of 24 simulated minutes takes 8 seconds."""
SIZE = Size(restaurants=40, couriers=80, customers=200)
DRAIN_S = 180.0
"""How long, after the last fault, everything may take to come to its end."""
ENOUGH = 5 / 6
"""Of orders and of faults: how many of those that were to come must, for it to mean anything."""
_TIMEOUT = aiohttp.ClientTimeout(total=10, sock_connect=3)


class Wanted(Struct, frozen=True, kw_only=True):
    """What is asked for.

    Attributes:
        rate: orders a second, placed at their times whatever became of earlier ones.
        every_s: from one fault to the next.
        log: where each request is written.
    """

    seconds: float
    seed: int
    rate: float
    every_s: float
    log: Path
    kinds: Sequence[Kind] = KINDS


class Results(Struct, frozen=True, kw_only=True, rename="camel"):
    """What came of it.

    Attributes:
        loaded_s: how long orders came.
        drained_s: how long it took from the last fault's end until nothing moved any more.
        requests: of all kinds, in the log.
        never: kinds of fault that never had their effect.
        ended: orders by their end; none when that could not be read.
    """

    began_at: datetime
    seed: int
    rate: float
    loaded_s: float
    drained_s: float
    requests: int
    orders: Sequence[Asked]
    ended: dict[str, int]
    struck: Sequence[Struck]
    never: Sequence[str]
    violations: Sequence[Violation]

    @property
    def counts(self) -> Counter[Answered]:
        """Orders by what was answered."""
        return Counter(each.answered for each in self.orders)

    @property
    def fired(self) -> Counter[str]:
        """How often each kind of fault had its effect."""
        return Counter(each.fault.kind for each in self.struck if each.proof)

    @property
    def reached(self) -> float:
        """Orders taken a second, over the whole run."""
        return self.counts[Answered.OK] / self.loaded_s

    @property
    def is_slow(self) -> bool:
        """Whether too few orders were taken for the run to mean anything."""
        return self.reached < ENOUGH * self.rate

    @property
    def is_tame(self) -> bool:
        """Whether too few faults had their effect."""
        return sum(self.fired.values()) < ENOUGH * len(self.struck)

    @property
    def is_fine(self) -> bool:
        """Whether every promise was kept, and really put to the test."""
        return not self.complaints

    @property
    def complaints(self) -> Sequence[str]:
        """What is wrong with it, a sentence each."""
        broken = len(self.violations)
        said = {
            f"{broken} {'promise was' if broken == 1 else 'promises were'} broken.": broken,
            f"Never had an effect: {', '.join(self.never)}.": self.never,
            f"Too few faults had an effect: {len(self.struck)} were to.": self.is_tame,
            f"Too few orders were taken: {self.rate:g} a second were to come.": self.is_slow,
        }
        return [sentence for sentence, is_so in said.items() if is_so]


async def run(wanted: Wanted, platform: Platform, tell: Tell) -> Results:
    """Break a platform under load, and hold what it says against what is there.

    Raises:
        CannotStart: the platform has ended.
        CannotSettle: it does not take the city, before anything was broken.
    """
    began_at = SystemClock().now()
    connector = aiohttp.TCPConnector(limit=0)  # who waits for an answer keeps nobody waiting
    session = aiohttp.ClientSession(platform.url, connector=connector, timeout=_TIMEOUT)
    with Log.to(wanted.log) as log:
        async with session as http:
            api, city = LoggedApi(http, Tally(), log), invent(wanted.seed, SIZE)
            settled = await settle(api, city)
            log.begin()
            stage = Stage(api, SimulatedClock(SPEED), city, settled)
            breaking, ending = Breaking(platform, log.now_s), Ending(platform, http)
            drained_s, orders = 0.0, Counter[str]()
            broken: Sequence[Violation]
            try:
                books, ended_s = await _play_and_break(wanted, breaking, stage, log, tell)
                await ending.until_nothing_moves(DRAIN_S - (log.now_s() - ended_s))
                drained_s = log.now_s() - ended_s
                found = await ending.truth(books)
            except NeverWell as reason:
                broken = [Violation(Wrong.NOT_WELL, "the platform", str(reason))]
            else:
                orders = Counter(str(each.status) for each in found.orders)
                broken = violations(log.orders, found)
    struck = sorted(breaking.struck, key=lambda each: each.fault.at_s)
    fired = {each.fault.kind for each in struck if each.proof}
    return Results(
        began_at=began_at,
        seed=wanted.seed,
        rate=wanted.rate,
        loaded_s=wanted.seconds,
        drained_s=drained_s,
        requests=log.requests,
        orders=log.orders,
        ended=dict(orders),
        struck=struck,
        never=[each.name for each in wanted.kinds if each.name not in fired],
        violations=broken,
    )


async def _play_and_break(
    wanted: Wanted, breaking: Breaking, stage: Stage, log: Log, tell: Tell
) -> tuple[Books | None, float]:
    """Load and faults side by side; what customers know of their money, and when all was mended.

    Raises:
        NeverWell: it did not come back.
    """
    simulated = Simulated(
        url=breaking.url,
        orders_per_minute=60 * wanted.rate / SPEED,
        minutes=wanted.seconds / 60 * SPEED,
        speed=SPEED,
        seed=wanted.seed,
        size=SIZE,
        patience_s=DRAIN_S,
    )
    faults = schedule(
        wanted.seed, seconds=wanted.seconds, every_s=wanted.every_s, kinds=wanted.kinds
    )
    try:
        async with asyncio.TaskGroup() as tasks:
            playing = tasks.create_task(play(stage, simulated, _Lines(log, tell), asyncio.Event()))
            await _strike_all(breaking, faults, log, tell)
            await asyncio.sleep(wanted.seconds - log.now_s())
            await breaking.heal()
            ended_s = log.now_s()
            tell(f"{ended_s:6.1f} s  all is mended; waiting until nothing moves any more")
    except ExceptionGroup as several:
        raise several.exceptions[0] from None
    return playing.result().books, ended_s


async def _strike_all(breaking: Breaking, faults: Sequence[Fault], log: Log, tell: Tell) -> None:
    """Each at its time, whether or not earlier ones are over."""

    async def one(fault: Fault) -> Struck:
        await asyncio.sleep(fault.at_s - log.now_s())
        struck = await breaking.strike(fault)
        tell(f"{struck.at_s:6.1f} s  {said(struck)}")
        return struck

    async with asyncio.TaskGroup() as tasks:
        for fault in faults:
            tasks.create_task(one(fault))


def said(struck: Struck) -> str:
    """A fault and what came of it, in a line."""
    fault = struck.fault
    what = f"{fault.kind}: {' → '.join(fault.target)}"
    if struck.failure:
        return f"{what}: had no effect: {struck.failure}"
    well = "not well" if struck.recovered_s is None else f"well {struck.recovered_s:.1f} s later"
    return f"{what}; {struck.proof}; over after {struck.ended_s - struck.at_s:.1f} s, {well}"


class _Lines:
    """How far the load is, a line now and then."""

    every_s = 10.0

    def __init__(self, log: Log, tell: Tell) -> None:
        self._log = log
        self._tell = tell

    def show(self, progress: Progress) -> None:
        """Say it."""
        counts = Counter(each.answered for each in self._log.orders)
        ended = sum(count for status, count in progress.by_status.items() if status in ENDED)
        self._tell(
            f"{self._log.now_s():6.1f} s  orders: {counts[Answered.OK]} taken,"
            f" {counts[Answered.FAILED]} refused, {counts[Answered.UNKNOWN]} unanswered;"
            f" {ended} have ended"
        )
