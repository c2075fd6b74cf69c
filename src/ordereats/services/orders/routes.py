"""HTTP in for orders."""

from collections.abc import Sequence
from typing import Annotated

from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromQuery, JSONBody

from ordereats.chassis.http.description import ID, Creates, errors, id_query
from ordereats.chassis.http.idempotency import take_key
from ordereats.chassis.http.paging import DEFAULT_LIMIT, After, Limit, page
from ordereats.chassis.http.problems import AnyRequest
from ordereats.contracts.ids import OrderId, RestaurantId, UserId
from ordereats.contracts.orders import Order, OrderStatus, PlaceOrder
from ordereats.services.orders import use_cases

OfUser = Annotated[int | None, id_query("userId", "Only this user's.")]
OfRestaurant = Annotated[int | None, id_query("restaurantId", "Only this restaurant's.")]


def routes(deps: use_cases.Deps) -> list[HTTPRouteHandler]:
    """The routes of orders."""

    @post(
        "/orders",
        tags=["orders"],
        summary="Place an order",
        before_request=take_key,
        responses=errors(409, 503),
        operation_class=Creates,
    )
    async def place_order(data: JSONBody[PlaceOrder]) -> Order:
        """The order is `pending` until its payment is authorized; follow it with GET.

        400 names an unknown user or restaurant; 503 when they can't be asked.
        """
        return await deps.answers.once(use_cases.place(deps, data))

    @get("/orders/{order_id:int}", tags=["orders"], summary="Find an order", responses=errors(404))
    async def get_order(order_id: Annotated[int, ID]) -> Order:
        """404 when none has this id."""
        return await use_cases.get(deps, OrderId(order_id))

    @get("/orders", tags=["orders"], summary="List orders", responses=errors())
    async def list_orders(
        request: AnyRequest,
        user_id: OfUser = None,
        restaurant_id: OfRestaurant = None,
        status: FromQuery[OrderStatus | None] = None,
        limit: Limit = DEFAULT_LIMIT,
        after: After = 0,
    ) -> Response[Sequence[Order]]:
        """In the order of their ids; `Link` leads to the next page."""
        found = await use_cases.page(
            deps,
            user_id=UserId(user_id) if user_id else None,
            restaurant_id=RestaurantId(restaurant_id) if restaurant_id else None,
            status=status,
            after=after,
            limit=limit,
        )
        return page(request, found, limit=limit)

    return [place_order, get_order, list_orders]
