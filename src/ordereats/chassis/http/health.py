"""Health: alive asks nothing of others; ready asks for what the answers need.

A broker that is down makes a service degraded, not unready: orders are still taken, and one restart
of the broker must not take the whole platform out.
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
from msgspec import Struct

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
    """The long answer: the worst of its checks."""

    status: State
    checks: list[CheckResult]


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


def routes(checks: Sequence[Check]) -> list[HTTPRouteHandler]:
    """The three probes."""

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
        """Each thing that answers need is asked. 503 when one that they can't do without fails."""
        results = [await _result(check) for check in checks]
        order = list(State)
        worst = max((each.status for each in results), key=order.index, default=State.READY)
        status = 503 if worst is State.UNREADY else 200
        return Response(Readiness(worst, results), status_code=status)

    return [health, live, ready]


async def _result(check: Check) -> CheckResult:
    started = perf_counter()
    wrong = await check.run()
    ms = round((perf_counter() - started) * 1000, 2)
    return CheckResult(check.name, check.failed if wrong else State.READY, ms, wrong)
