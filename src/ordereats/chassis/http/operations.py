"""What operators ask a process by its own address. The gateway passes none of it on.

None of it is in the API's description, which is for clients: docs/running.md tells of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

from litestar import Response, delete, get, put
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery, JSONBody

from ordereats.chassis.calls.edges import Edges, EdgeSettings
from ordereats.chassis.calls.states import EdgeState
from ordereats.chassis.errors import NotFound
from ordereats.chassis.failpoints import FAILPOINTS, Command, Failpoints, PointState
from ordereats.chassis.http.shedding import Limiter
from ordereats.chassis.story import Stories, Story
from ordereats.chassis.telemetry import calls, limiters
from ordereats.chassis.telemetry.metrics import MEDIA_TYPE, Metrics, Source
from ordereats.chassis.telemetry.requests import Requests
from ordereats.chassis.telemetry.spans import Spans
from ordereats.contracts.ids import OrderId
from ordereats.contracts.wire import Body

MOST_NAMED = 50
"""Of one order: its payment, ticket and delivery; the requests that changed it."""


@dataclass(frozen=True, slots=True)
class Watched:
    """What is at work in a process, for operators to see.

    Attributes:
        edges: to its neighbours.
        limiter: at its front door.
        requests: that it answered.
        spans: what it did, and when.
        failpoints: of the process.
        sources: what else is shown at `/metrics`.
        stories: what its services can tell of an order, where it has services.
    """

    edges: Edges = field(default_factory=lambda: Edges(EdgeSettings()))
    limiter: Limiter = field(default_factory=Limiter)
    requests: Requests = field(default_factory=Requests)
    spans: Spans = field(default_factory=Spans)
    failpoints: Failpoints = FAILPOINTS
    sources: Sequence[Source] = ()
    stories: Stories | None = None


class ForceBreaker(Body, frozen=True):
    """Hold a breaker by hand.

    Attributes:
        force: open: nobody is asked; closed: everybody is, whatever comes of it; null: it judges by
            itself again, and begins closed.
    """

    force: Literal["open", "closed"] | None


def routes(watched: Watched) -> list[HTTPRouteHandler]:
    """`/metrics`, the breakers, the failpoints and the stories."""
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

    told = [] if watched.stories is None else _stories(watched.stories)
    return [metrics, list_breakers, force_breaker, *_failpoints(watched.failpoints), *told]


def _stories(stories: Stories) -> list[HTTPRouteHandler]:
    @get("/ops/orders/{order_id:int}/story", include_in_schema=False)
    async def of_order(
        order_id: FromPath[int],
        subject: FromQuery[list[str] | None] = None,
        trace: FromQuery[list[str] | None] = None,
    ) -> Story:
        """What is known here of an order: of these subjects and traces too, as others name them."""
        return await stories.of_order(
            OrderId(order_id), (subject or [])[:MOST_NAMED], (trace or [])[:MOST_NAMED]
        )

    @get("/ops/traces/{name:str}", include_in_schema=False)
    async def of_trace(name: FromPath[str]) -> Story:
        """What is known here of a trace, by its id or a correlation id; perhaps nothing."""
        return await stories.of_trace(name)

    return [of_order, of_trace]


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
