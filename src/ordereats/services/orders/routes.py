"""HTTP in for orders."""

from collections.abc import Sequence
from typing import Annotated

from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from ordereats.chassis.http.idempotency import take_key
from ordereats.chassis.http.paging import DEFAULT_LIMIT, After, Limit, page
from ordereats.chassis.http.problems import AnyRequest
from ordereats.contracts.ids import OrderId, RestaurantId, UserId
from ordereats.contracts.orders import Order, OrderStatus, PlaceOrder
from ordereats.services.orders import use_cases

OfUser = Annotated[UserId | None, QueryParameter(name="userId", description="Only this user's.")]
OfRestaurant = Annotated[
    RestaurantId | None, QueryParameter(name="restaurantId", description="Only this restaurant's.")
]


def routes(deps: use_cases.Deps) -> list[HTTPRouteHandler]:
    """The routes of orders."""

    @post("/orders", tags=["orders"], summary="Place an order", before_request=take_key)
    async def place_order(data: JSONBody[PlaceOrder]) -> Order:
        """The order is `pending` until its payment is authorized; follow it with GET.

        400 names an unknown user or restaurant; 503 when they can't be asked.
        """
        return await deps.answers.once(use_cases.place(deps, data))

    @get("/orders/{order_id:int}", tags=["orders"], summary="Find an order")
    async def get_order(order_id: FromPath[OrderId]) -> Order:
        """404 when none has this id."""
        return await use_cases.get(deps, order_id)

    @get("/orders", tags=["orders"], summary="List orders")
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
            user_id=user_id,
            restaurant_id=restaurant_id,
            status=status,
            after=after,
            limit=limit,
        )
        return page(request, found, limit=limit)

    return [place_order, get_order, list_orders]
