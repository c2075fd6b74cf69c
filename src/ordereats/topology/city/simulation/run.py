"""Plays a simulation on a running platform, from its city to its books."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic
from typing import Protocol

from ordereats.chassis.clock import SystemClock
from ordereats.topology.city.client import Api
from ordereats.topology.city.invented import Size, invent
from ordereats.topology.city.seeding import SIDE_BY_SIDE, settle
from ordereats.topology.city.simulation import money
from ordereats.topology.city.simulation.clock import SimulatedClock
from ordereats.topology.city.simulation.couriers import Courier, Dispatch
from ordereats.topology.city.simulation.customers import Customers
from ordereats.topology.city.simulation.kitchens import Kitchen
from ordereats.topology.city.simulation.plan import plan
from ordereats.topology.city.simulation.report import Outcome, Progress, door_min, progress
from ordereats.topology.city.simulation.stage import Stage
from ordereats.topology.city.tally import Tally

PATIENCE_S = 120.0
PATIENCE_MIN = 120.0
"""When no order has moved for so long, the longer of seconds and simulated minutes, those that have
not ended are given up. The slowest kitchen takes about an hour."""

_LOOKS_EVERY_S = 0.2
_HOME_WITHIN_S = 10.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be played.

    Attributes:
        orders_per_minute: a simulated one, as all minutes here.
        speed: how many times faster than on the wall.
        patience_s: instead of `PATIENCE_S`.
    """

    url: str
    orders_per_minute: float
    minutes: float
    speed: float
    seed: int
    size: Size
    patience_s: float = PATIENCE_S


class Screen(Protocol):
    """Where someone sees how far it is.

    Attributes:
        every_s: how often.
    """

    every_s: float

    def show(self, progress: Progress) -> None:
        """Show it."""
        ...


async def simulate(wanted: Wanted, screen: Screen, stop: asyncio.Event) -> Outcome:
    """Play until every order has ended, patience ends, or someone says stop.

    The city is brought about first, as far as it is not there yet.

    Raises:
        NotReachable: no platform answers.
        CannotSettle: it does not take the city.
    """
    city = invent(wanted.seed, wanted.size)
    async with Api.at(wanted.url, Tally()) as api:
        settled = await settle(api, city)
        stage = Stage(api, SimulatedClock(wanted.speed), city, settled)
        return await play(stage, wanted, screen, stop)


async def play(stage: Stage, wanted: Wanted, screen: Screen, stop: asyncio.Event) -> Outcome:
    """Play in a city that is there; as `simulate`."""
    run = _Run(wanted, stage, screen)
    has_ended = await run.play(stop)
    last = run.progress()
    screen.show(last)
    await run.send_home()
    return Outcome(
        progress=last,
        interrupted=stop.is_set() and not has_ended,
        patience_s=run.patience_s,
        unplaced=dict(stage.unplaced),
        unended=tuple(each.id for each in stage.orders.values() if not each.has_ended),
        lost=len(stage.lost),
        door_min=door_min(stage),
        tally=stage.api.tally,
        books=await money.check(stage),
    )


class _Run:
    def __init__(self, wanted: Wanted, stage: Stage, screen: Screen) -> None:
        self._stage = stage
        self._screen = screen
        self._scripts = plan(
            stage.city,
            orders_per_minute=wanted.orders_per_minute,
            minutes=wanted.minutes,
            seed=wanted.seed,
        )
        self._kitchens = [Kitchen(stage, number) for number in stage.city.always_open]
        dispatch = Dispatch()
        self._couriers = [
            Courier(stage, dispatch, number) for number in range(len(stage.city.couriers))
        ]
        self.patience_s = max(wanted.patience_s, stage.clock.seconds(PATIENCE_MIN))

    async def play(self, stop: asyncio.Event) -> bool:
        """Have everyone play; whether all orders have ended."""
        async with asyncio.TaskGroup() as group:
            at_work = [
                group.create_task(each)
                for each in (
                    self._stage.watch(),
                    self._show(),
                    *(kitchen.work() for kitchen in self._kitchens),
                    *(courier.work() for courier in self._couriers),
                )
            ]
            orders = group.create_task(self._order())
            while not (orders.done() or stop.is_set() or self._patience_has_ended()):
                await asyncio.wait({orders}, timeout=_LOOKS_EVERY_S)
            has_ended = orders.done()
            for task in (orders, *at_work):
                task.cancel()
        return has_ended

    async def send_home(self) -> None:
        """Take the couriers offline, so that nothing is offered to those who don't look.

        If that takes too long the platform is in trouble, and they stay: their offers lapse.
        """
        waiting = iter(self._couriers)

        async def work() -> None:
            for courier in waiting:
                await courier.shift(online=False)

        with suppress(TimeoutError):
            async with asyncio.timeout(_HOME_WITHIN_S), asyncio.TaskGroup() as group:
                for _ in range(SIDE_BY_SIDE):
                    group.create_task(work())

    def progress(self) -> Progress:
        """How far it is now."""
        return progress(self._stage, self._stage.api.tally, len(self._scripts))

    async def _order(self) -> None:
        run_id = str(SystemClock().new_id())
        customers = Customers(self._stage, run_id)
        async with asyncio.TaskGroup() as group:
            for script in self._scripts:
                group.create_task(customers.play(script))

    async def _show(self) -> None:
        while True:
            self._screen.show(self.progress())
            await asyncio.sleep(self._screen.every_s)

    def _patience_has_ended(self) -> bool:
        last_s = self._stage.clock.seconds(self._stage.clock.now_min - self._scripts[-1].at_min)
        still_s = monotonic() - self._stage.moved_at_s
        return min(last_s, still_s) > self.patience_s
