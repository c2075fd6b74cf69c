"""HTTP in for restaurants."""

from collections.abc import Sequence
from typing import Annotated

from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody

from ordereats.chassis.http.description import ID, Creates, errors
from ordereats.chassis.http.idempotency import take_key
from ordereats.chassis.http.paging import DEFAULT_LIMIT, After, Limit, page
from ordereats.chassis.http.problems import AnyRequest
from ordereats.contracts.ids import RestaurantId
from ordereats.contracts.restaurants import OpenRestaurant, Restaurant
from ordereats.services.restaurants import use_cases


def routes(deps: use_cases.Deps) -> list[HTTPRouteHandler]:
    """The routes of restaurants."""

    @post(
        "/restaurants",
        tags=["restaurants"],
        summary="Open a restaurant",
        before_request=take_key,
        responses=errors(409),
        operation_class=Creates,
    )
    async def open_restaurant(data: JSONBody[OpenRestaurant]) -> Restaurant:
        """A restaurant joins the platform."""
        return await deps.answers.once(use_cases.open_restaurant(deps, data))

    @get("/restaurants", tags=["restaurants"], summary="List restaurants", responses=errors())
    async def list_restaurants(
        request: AnyRequest, limit: Limit = DEFAULT_LIMIT, after: After = 0
    ) -> Response[Sequence[Restaurant]]:
        """In the order of their ids; `Link` leads to the next page."""
        found = await use_cases.page(deps, use_cases.Page(after, limit))
        return page(request, found, limit=limit)

    @get(
        "/restaurants/{restaurant_id:int}",
        tags=["restaurants"],
        summary="Find a restaurant",
        responses=errors(404),
    )
    async def get_restaurant(restaurant_id: Annotated[int, ID]) -> Restaurant:
        """404 when none has this id."""
        return await use_cases.get(deps, RestaurantId(restaurant_id))

    return [open_restaurant, list_restaurants, get_restaurant]
