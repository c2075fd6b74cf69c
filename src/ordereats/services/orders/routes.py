"""HTTP in for orders."""

from collections.abc import AsyncIterator, Sequence
from typing import Annotated, Any

from litestar import Response, get, post
from litestar.background_tasks import BackgroundTask
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromQuery, HeaderParameter, JSONBody
from litestar.response import ServerSentEvent, ServerSentEventMessage

from ordereats.chassis.http.description import ID, Creates, errors, id_query
from ordereats.chassis.http.idempotency import take_key
from ordereats.chassis.http.paging import DEFAULT_LIMIT, After, Limit, page
from ordereats.chassis.http.priorities import BROWSING
from ordereats.chassis.http.problems import AnyRequest
from ordereats.contracts.ids import OrderId, RestaurantId, UserId
from ordereats.contracts.orders import CancelOrder, Order, OrderStatus, PlaceOrder, TimelineEntry
from ordereats.contracts.wire import encode
from ordereats.services.orders.use_cases import moving, placing, reading
from ordereats.services.orders.use_cases.deps import Deps
from ordereats.services.orders.use_cases.streams import Stream

OfUser = Annotated[int | None, id_query("userId", "Only this user's.")]
OfRestaurant = Annotated[int | None, id_query("restaurantId", "Only this restaurant's.")]
LastEventId = Annotated[
    int | None,
    HeaderParameter(
        name="Last-Event-ID", ge=1, le=2**31 - 1, description="The last event that has come."
    ),
]


def routes(deps: Deps) -> list[HTTPRouteHandler]:
    """The routes of orders."""
    return [*_changing(deps), *_reading(deps), _following(deps)]


def _changing(deps: Deps) -> list[HTTPRouteHandler]:
    @post(
        "/orders",
        tags=["orders"],
        summary="Place an order",
        before_request=take_key,
        responses=errors(409, 503),
        operation_class=Creates,
    )
    async def place_order(data: JSONBody[PlaceOrder]) -> Order:
        """The order is `pending` until its payment is authorized; follow its `events`.

        400 names an unknown user, restaurant or dish. When users or restaurants can't be asked,
        what they said last serves for a while, and `fallbacks` names it; 503 when that is not
        enough: then nothing was done.

        409 `price_changed` has the right price in `quote`. 409 `closed` and `paused` say in
        `opensAt` when the restaurant opens, `sold_out` says in `dishes` which are; `out_of_reach`
        is too far away.
        """
        return await deps.answers.once(placing.place(deps, data))

    @post(
        "/orders/{order_id:int}/cancel",
        tags=["orders"],
        summary="Cancel an order",
        status_code=200,
        responses=errors(404, 409, 503),
    )
    async def cancel_order(order_id: Annotated[int, ID], data: JSONBody[CancelOrder]) -> Order:
        """A customer may until the kitchen has accepted, an operator until the delivery.

        What was paid is given back. 409 `already_accepted` when the kitchen was faster,
        `illegal_move` when it is too late anyway; 503 when the kitchen can't be asked: then it was
        not cancelled, or will be when the kitchen's answer is heard. Ask again: that is fine.
        """
        return await moving.cancel(deps, OrderId(order_id), data)

    return [place_order, cancel_order]


def _reading(deps: Deps) -> list[HTTPRouteHandler]:
    @get("/orders/{order_id:int}", tags=["orders"], summary="Find an order", responses=errors(404))
    async def get_order(order_id: Annotated[int, ID]) -> Order:
        """As it is now. 404 when none has this id."""
        return await reading.get(deps, OrderId(order_id))

    @get(
        "/orders",
        tags=["orders"],
        summary="List orders",
        responses=errors(),
        opt=BROWSING,
    )
    async def list_orders(
        request: AnyRequest,
        user_id: OfUser = None,
        restaurant_id: OfRestaurant = None,
        status: FromQuery[OrderStatus | None] = None,
        limit: Limit = DEFAULT_LIMIT,
        after: After = 0,
    ) -> Response[Sequence[Order]]:
        """In the order of their ids; `Link` leads to the next page."""
        found = await reading.page(
            deps,
            user_id=UserId(user_id) if user_id else None,
            restaurant_id=RestaurantId(restaurant_id) if restaurant_id else None,
            status=status,
            after=after,
            limit=limit,
        )
        return page(request, found, limit=limit)

    @get(
        "/orders/{order_id:int}/timeline",
        tags=["orders"],
        summary="What an order has gone through",
        responses=errors(404),
    )
    async def get_timeline(order_id: Annotated[int, ID]) -> list[TimelineEntry]:
        """From its first state to its present one. 404 when no order has this id."""
        return await reading.timeline(deps, OrderId(order_id))

    return [get_order, list_orders, get_timeline]


def _following(deps: Deps) -> HTTPRouteHandler:
    @get(
        "/orders/{order_id:int}/events",
        tags=["orders"],
        summary="Follow an order",
        responses={
            200: ResponseSpec(
                TimelineEntry,
                media_type="text/event-stream",
                description="Server-Sent Events `status`: `id` is the version, `data` the entry.",
                generate_examples=False,
            ),
            204: ResponseSpec(None, description="Nothing follows the last event that has come."),
            **errors(404, 503),
        },
    )
    async def follow_order(
        order_id: Annotated[int, ID], last_event_id: LastEventId = None
    ) -> Response[Any]:
        """All moves so far, or after `Last-Event-ID`, then each as it comes, until the last one.

        A comment comes every 15 seconds without a move. When the stream ends before the order has,
        go on with `Last-Event-ID`, as browsers do by themselves; 204 tells them not to.
        """
        stream = await reading.follow(deps, OrderId(order_id), after=last_event_id or 0)
        if stream is None:
            return Response(None, status_code=204)
        closed = BackgroundTask(deps.streams.close, stream)  # also when the client has gone
        return ServerSentEvent(_frames(stream), background=closed)

    return follow_order


async def _frames(stream: Stream) -> AsyncIterator[ServerSentEventMessage]:
    async for move in stream.moves():
        if move is None:
            yield ServerSentEventMessage(data=None, comment="nothing new")
        else:
            yield ServerSentEventMessage(encode(move), event="status", id=move.version)
