"""Health: alive asks nothing of others; ready asks for what the answers need.

A broker that is down makes a service degraded, not unready: orders are still taken, and one restart
of the broker must not take the whole platform out. An open breaker changes nothing at all: that is
how a process stays well while its neighbour is not. What needs the neighbour has a fallback or is
refused at once, the rest is answered as ever; and were the process unready by it, a fault would
spread from each service to all who call it, and take the platform out as well.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from time import perf_counter
from typing import Literal

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import Tag
from msgspec import UNSET, Struct, UnsetType, structs

from ordereats.chassis.calls.states import EdgeState, NeighbourState
from ordereats.chassis.http.operations import Watched
from ordereats.chassis.http.shedding import LimiterState

TAG = Tag("health", "For whoever runs it: whether the process lives, and can answer.")


class State(StrEnum):
    """Of a check, and of the whole."""

    READY = "ready"
    DEGRADED = "degraded"
    UNREADY = "unready"


class Health(Struct, frozen=True):
    """The short answer."""

    status: Literal["ok"] = "ok"


class CheckResult(Struct, frozen=True):
    """One check, with its time."""

    name: str
    status: State
    ms: float
    detail: str = ""


class Readiness(Struct, frozen=True):
    """The long answer: its checks, and how the process does, where that is watched.

    Attributes:
        status: the worst of its checks.
        checks: all of them.
        edges: each kind of call that it makes to each neighbour.
        neighbours: what all calls to one neighbour share.
        limiter: how much there is to do here.
    """

    status: State
    checks: list[CheckResult]
    edges: Sequence[EdgeState] | UnsetType = UNSET
    neighbours: Sequence[NeighbourState] | UnsetType = UNSET
    limiter: LimiterState | UnsetType = UNSET


@dataclass(frozen=True, slots=True)
class Check:
    """Something that an answer may need.

    Attributes:
        name: of it.
        run: returns what is wrong, or nothing.
        failed: what the process is while it is wrong.
    """

    name: str
    run: Callable[[], Awaitable[str]]
    failed: State = State.UNREADY


@dataclass(slots=True)
class Draining:
    """Whether this process has been told to stop."""

    is_on: bool = field(default=False)

    async def check(self) -> str:
        """What is wrong."""
        return "stopping" if self.is_on else ""


def routes(checks: Sequence[Check], watched: Watched | None = None) -> list[HTTPRouteHandler]:
    """The three probes.

    Args:
        checks: of what answers need.
        watched: what is at work in the process, if anything of it is.
    """

    @get("/health", summary="Is it there?", tags=[TAG.name])
    async def health() -> Health:
        """Nothing is asked of others."""
        return Health()

    @get("/health/live", summary="Is the process alive?", tags=[TAG.name])
    async def live() -> Health:
        """Nothing is asked of others: a restart would not mend them."""
        return Health()

    @get(
        "/health/ready",
        summary="Should it get requests?",
        tags=[TAG.name],
        responses={503: ResponseSpec(Readiness, description="No: a check says why.")},
    )
    async def ready() -> Response[Readiness]:
        """Each thing that answers need is asked. 503 when one that they can't do without fails.

        Neighbours are not asked; how calls to them went lately is told, and changes nothing.
        """
        found = await readiness(checks)
        if watched is not None:
            found = structs.replace(
                found,
                edges=watched.edges.states(),
                neighbours=watched.edges.neighbours(),
                limiter=watched.limiter.state(),
            )
        return Response(found, status_code=503 if found.status is State.UNREADY else 200)

    return [health, live, ready]


async def readiness(checks: Sequence[Check]) -> Readiness:
    """Run all checks; the worst of them speaks for the whole."""
    results = [await _result(check) for check in checks]
    order = list(State)
    worst = max((each.status for each in results), key=order.index, default=State.READY)
    return Readiness(status=worst, checks=results)


async def _result(check: Check) -> CheckResult:
    started = perf_counter()
    wrong = await check.run()
    ms = round((perf_counter() - started) * 1000, 2)
    return CheckResult(check.name, check.failed if wrong else State.READY, ms, wrong)
