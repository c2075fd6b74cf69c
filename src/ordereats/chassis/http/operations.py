"""What operators ask a process by its own address. The gateway passes none of it on.

None of it is in the API's description, which is for clients: docs/running.md tells of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

from litestar import Response, delete, get, put
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody

from ordereats.chassis.calls.edges import Edges, EdgeSettings
from ordereats.chassis.calls.states import EdgeState
from ordereats.chassis.errors import NotFound
from ordereats.chassis.failpoints import FAILPOINTS, Command, Failpoints, PointState
from ordereats.chassis.http.shedding import Limiter
from ordereats.chassis.telemetry import calls, limiters
from ordereats.chassis.telemetry.metrics import MEDIA_TYPE, Metrics, Source
from ordereats.chassis.telemetry.requests import Requests
from ordereats.contracts.wire import Body


@dataclass(frozen=True, slots=True)
class Watched:
    """What is at work in a process, for operators to see.

    Attributes:
        edges: to its neighbours.
        limiter: at its front door.
        requests: that it answered.
        failpoints: of the process.
        sources: what else is shown at `/metrics`.
    """

    edges: Edges = field(default_factory=lambda: Edges(EdgeSettings()))
    limiter: Limiter = field(default_factory=Limiter)
    requests: Requests = field(default_factory=Requests)
    failpoints: Failpoints = FAILPOINTS
    sources: Sequence[Source] = ()


class ForceBreaker(Body, frozen=True):
    """Hold a breaker by hand.

    Attributes:
        force: open: nobody is asked; closed: everybody is, whatever comes of it; null: it judges by
            itself again, and begins closed.
    """

    force: Literal["open", "closed"] | None


def routes(watched: Watched) -> list[HTTPRouteHandler]:
    """`/metrics`, the breakers and the failpoints."""
    shown = Metrics(
        [
            watched.requests.families,
            partial(limiters.families, watched.limiter),
            partial(calls.families, watched.edges),
            *watched.sources,
        ]
    )

    @get("/metrics", include_in_schema=False)
    async def metrics() -> Response[bytes]:
        """In Prometheus' text format."""
        return Response(await shown.written(), media_type=MEDIA_TYPE)

    @get("/ops/breakers", include_in_schema=False)
    async def list_breakers() -> Sequence[EdgeState]:
        """Each edge that was used since the process began."""
        return watched.edges.states()

    @put("/ops/breakers/{callee:str}/{kind:str}", include_in_schema=False)
    async def force_breaker(
        callee: FromPath[str], kind: FromPath[str], data: JSONBody[ForceBreaker]
    ) -> EdgeState:
        """Until it is told otherwise, or the process ends. 404 where nobody was asked yet."""
        edges = watched.edges
        if not edges.force(callee, kind, data.force):
            raise NotFound(f"No call {kind} to {callee} was made since this process began.")
        return next(each for each in edges.states() if (each.callee, each.kind) == (callee, kind))

    return [metrics, list_breakers, force_breaker, *_failpoints(watched.failpoints)]


def _failpoints(failpoints: Failpoints) -> list[HTTPRouteHandler]:
    @get("/ops/failpoints", include_in_schema=False)
    async def list_failpoints() -> Sequence[PointState]:
        """Each place that can be told to crash, wait or fail. 404 unless they are on."""
        return failpoints.states()

    @put("/ops/failpoints/{name:str}", include_in_schema=False)
    async def command(name: FromPath[str], data: JSONBody[Command]) -> PointState:
        """Tell one what to do when it is reached, in place of the last for the same detail."""
        point = failpoints.point(name)
        point.obey(data)
        return point.state()

    @delete("/ops/failpoints/{name:str}", status_code=200, include_in_schema=False)
    async def release(name: FromPath[str]) -> PointState:
        """Tell one to do nothing any more."""
        point = failpoints.point(name)
        point.release()
        return point.state()

    return [list_failpoints, command, release]
