"""Breaks what a schedule says, sees that it is really broken, and mends it."""

import asyncio
import os
import signal
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from time import monotonic

import aiohttp
import msgspec
import psutil
from msgspec import Struct

from chaos.platform import Platform
from chaos.schedule import PROVIDER, Act, Fault, Target
from ordereats.chassis.clock import SystemClock
from ordereats.sandbox.journal import Asked
from ordereats.topology.faults.control import Add, Clear, List, ask
from ordereats.topology.faults.toxics import BlackHole, Latency, Reset, Toxic
from ordereats.topology.local.part import Kind, kill_family
from ordereats.topology.local.probe import says_ready
from ordereats.topology.local.state import PartState, State, lives

READY_WITHIN_S = 60.0
"""A part before it is struck, and after. RabbitMQ starts in 5 s, on a busy machine in 20."""
GONE_WITHIN_S = 10.0
MET_WITHIN_S = 30.0
"""What nobody has met when its time is over is kept up until somebody does, for so long at most."""
DELAY_MS, JITTER_MS = 800, 400
_LOOKS_EVERY_S = 0.1


class DidNotFire(Exception):
    """A fault had no effect."""


class NeverWell(Exception):
    """The platform does not come back, whatever is mended."""


class Struck(Struct, frozen=True, rename="camel"):
    """A fault, and what came of it.

    Attributes:
        at_s: when it really struck.
        ended_s: when it was over: the part works again, the edge is as it was.
        recovered_s: how long after that all of the platform was ready again. Another fault may
            have come in between. None: not within a minute.
        proof: that it had its effect.
        failure: why it had none.
    """

    fault: Fault
    at_s: float
    ended_s: float
    recovered_s: float | None
    proof: str | None = None
    failure: str | None = None


class Breaking:
    """Breaks one platform.

    Attributes:
        url: of the platform.
        struck: what it has done, in the order in which it was over.
    """

    def __init__(self, platform: Platform, now_s: Callable[[], float]) -> None:
        """Prepare.

        Args:
            platform: to be broken.
            now_s: since the load began.
        """
        self.url = platform.url
        self.struck: list[Struck] = []
        self._platform = platform
        self._now_s = now_s
        self._ports = {part.name: platform.port(part.name) for part in platform.running().parts}
        self._struck_now: defaultdict[Target, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._doings: Mapping[Act, Callable[[Fault], Awaitable[str]]] = {
            Act.KILL: self._kill,
            Act.RESTART: self._restart,
            Act.PAUSE: self._pause,
            Act.CUT: self._on_edge,
            Act.DELAY: self._on_edge,
            Act.BLACK_HOLE: self._on_edge,
            Act.FAIL: self._fail,
            Act.LOSE_ANSWERS: self._lose_answers,
        }

    async def strike(self, fault: Fault) -> Struck:
        """Break it, keep it so, and wait until it is well."""
        proof, failure, at_s = None, None, self._now_s()
        try:
            # One at a time: of two at once, nobody could say whose effect was seen.
            async with self._struck_now[fault.target]:
                for name in fault.target:  # nobody meets a fault on the way to what is down
                    await self._is_ready(name)
                at_s = self._now_s()
                proof = await self._doings[fault.act](fault)
        except (DidNotFire, OSError, psutil.Error) as error:
            failure = f"{type(error).__name__}: {error}"
        ended_s = self._now_s()
        recovered_s = await self._all_is_well()
        struck = Struck(fault, at_s, ended_s, recovered_s, proof, failure)
        self.struck.append(struck)
        return struck

    async def heal(self) -> None:
        """Take all faults away, and wait until every part works.

        Raises:
            NeverWell: one does not.
        """
        try:
            await asyncio.to_thread(ask, self._ports["faults"], Clear())
            for part in self._platform.running().parts:
                await self._is_ready(part.name)
            await self._misbehave({})
        except (DidNotFire, OSError) as error:
            raise NeverWell(
                f"Everything was mended, and the platform is not well: {error}."
            ) from error

    # -- processes

    async def _kill(self, fault: Fault) -> str:
        part = self._platform.part(fault.target[0])
        await asyncio.to_thread(kill_family, _pid(part), leader_is_ours=True)
        return await self._ends_and_comes_back(part)

    async def _restart(self, fault: Fault) -> str:
        part = self._platform.part(fault.target[0])
        # PostgreSQL's "fast": roll back and end, don't wait for clients.
        how = signal.SIGINT if part.kind is Kind.POSTGRES else signal.SIGTERM
        os.kill(_pid(part), how)
        return await self._ends_and_comes_back(part)

    async def _ends_and_comes_back(self, part: PartState) -> str:
        await _until(
            lambda: not lives(part.pid, part.born), GONE_WITHIN_S, f"{part.name} to be gone"
        )
        await _until(
            lambda: self._platform.part(part.name).pid not in {part.pid, None},
            READY_WITHIN_S,
            f"{part.name} to be started again",
        )
        await self._is_ready(part.name)
        return f"process {part.pid} is gone, {self._platform.part(part.name).pid} works"

    async def _pause(self, fault: Fault) -> str:
        leader = psutil.Process(_pid(self._platform.part(fault.target[0])))
        leader.suspend()  # first: it starts no more
        family = [leader, *leader.children(recursive=True)]
        try:
            for process in family:
                with suppress(psutil.NoSuchProcess):
                    process.suspend()
            await _until(
                lambda: leader.status() == psutil.STATUS_STOPPED, 2, f"{leader.pid} to stand still"
            )
            await asyncio.sleep(fault.lasts_s)
        finally:
            for process in family:
                with suppress(psutil.NoSuchProcess):
                    process.resume()
        return f"{len(family)} processes stood still"

    # -- edges

    async def _on_edge(self, fault: Fault) -> str:
        source, target = fault.target
        port = self._ports["faults"]

        async def met() -> int:
            edges = await asyncio.to_thread(ask, port, List())
            return sum(each.met for each in edges if (each.source, each.target) == fault.target)

        if not await asyncio.to_thread(ask, port, Add(source, target, _TOXICS[fault.act])):
            raise DidNotFire(f"there is no edge {source} {target}")
        try:
            times = await _until_met(fault.lasts_s, met)
        finally:
            await asyncio.to_thread(ask, port, Clear(source, target))
        return f"met {times} times on its way"

    # -- the provider

    async def _fail(self, fault: Fault) -> str:
        return await self._misbehaves(fault, {"failStatus": 503}, status=503)

    async def _lose_answers(self, fault: Fault) -> str:
        return await self._misbehaves(fault, {"cutAfterCharge": True}, status=None)

    async def _misbehaves(
        self, fault: Fault, behaviour: Mapping[str, object], *, status: int | None
    ) -> str:
        since = SystemClock().now()
        await self._misbehave(behaviour)
        try:
            times = await _until_met(fault.lasts_s, lambda: self._asked_of_provider(since, status))
        finally:
            with suppress(DidNotFire):  # one that was killed meanwhile behaves when it is back
                await self._misbehave({})
        return f"met by {times} requests"

    async def _asked_of_provider(self, since: datetime, status: int | None) -> int:
        async with self._provider() as http, http.get("/sandbox/requests") as answer:
            asked = msgspec.json.decode(await answer.read(), type=list[Asked])
        return sum(each.status == status and each.at >= since for each in asked)

    async def _misbehave(self, behaviour: Mapping[str, object]) -> None:
        path = "/sandbox/behaviour"
        async with self._provider() as http, http.put(path, json=behaviour) as answer:
            answer.raise_for_status()

    @asynccontextmanager
    async def _provider(self) -> AsyncIterator[aiohttp.ClientSession]:
        timeout = aiohttp.ClientTimeout(total=5)
        url = f"http://127.0.0.1:{self._ports[PROVIDER]}"
        try:
            async with aiohttp.ClientSession(url, timeout=timeout) as http:
                yield http
        except (aiohttp.ClientError, TimeoutError) as error:
            raise DidNotFire(f"the provider does not answer: {error}") from error

    # -- being well

    async def _is_ready(self, name: str) -> None:
        def ready() -> bool:
            return self._platform.part(name).state is State.READY

        await _until(ready, READY_WITHIN_S, f"{name} to work")

    async def _all_is_well(self) -> float | None:
        """Wait until every service says ready, not only degraded; how long that took."""
        began = monotonic()
        ports = [self._ports[part.name] for part in self._platform.parts(Kind.SERVICE)]
        while monotonic() - began < READY_WITHIN_S:
            ready = await asyncio.gather(*(_says_ready(port) for port in ports))
            if all(ready):
                return monotonic() - began
            await asyncio.sleep(_LOOKS_EVERY_S)
        return None


_TOXICS: Mapping[Act, Toxic] = {
    Act.CUT: Reset(),
    Act.DELAY: Latency(ms=DELAY_MS, jitter_ms=JITTER_MS),
    Act.BLACK_HOLE: BlackHole(),
}


def _pid(part: PartState) -> int:
    if part.pid is None:
        raise DidNotFire(f"{part.name} does not run")
    return part.pid


async def _until(claim: Callable[[], bool], within_s: float, what: str) -> None:
    deadline = monotonic() + within_s
    while not claim():
        if monotonic() > deadline:
            raise DidNotFire(f"waited {within_s:g} s for {what}")
        await asyncio.sleep(_LOOKS_EVERY_S)


async def _until_met(lasts_s: float, met: Callable[[], Awaitable[int]]) -> int:
    """Let it last until somebody has met it; how often that was.

    Raises:
        DidNotFire: nobody did.
    """
    await asyncio.sleep(lasts_s)
    deadline = monotonic() + MET_WITHIN_S
    while not (times := await met()):
        if monotonic() > deadline:
            raise DidNotFire(f"nobody met it in {lasts_s + MET_WITHIN_S:g} s")
        await asyncio.sleep(_LOOKS_EVERY_S)
    return times


async def _says_ready(port: int) -> bool:
    try:
        return await says_ready(port)
    except OSError:
        return False
