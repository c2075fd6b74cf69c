"""HTTP in for restaurants."""

from collections.abc import Sequence
from typing import Annotated

from litestar import Response, get, patch, post, put
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody, QueryParameter

from ordereats.chassis.errors import Invalid
from ordereats.chassis.http.description import ID, Creates, errors
from ordereats.chassis.http.idempotency import take_key
from ordereats.chassis.http.paging import DEFAULT_LIMIT, After, Limit, page
from ordereats.chassis.http.priorities import BROWSING
from ordereats.chassis.http.problems import AnyRequest
from ordereats.contracts.ids import DishId, RestaurantId
from ordereats.contracts.menus import (
    AskQuote,
    ChangeDish,
    Dish,
    Hold,
    HoldPortions,
    Menu,
    NewMenu,
    Quote,
)
from ordereats.contracts.places import Location
from ordereats.contracts.problems import FieldProblem
from ordereats.contracts.restaurants import Hours, OpenRestaurant, Pause, Restaurant
from ordereats.contracts.wire import Text
from ordereats.services.restaurants.use_cases import baskets, menus, restaurants
from ordereats.services.restaurants.use_cases.deps import Deps, Page
from ordereats.services.restaurants.use_cases.restaurants import Wanted

DEFAULT_WITHIN_M = 10_000

Q = Annotated[
    str | None,
    QueryParameter(
        name="q",
        min_length=1,
        max_length=100,
        pattern=Text,
        description="Words, or their beginnings, of its name, cuisine or dishes; all must be there."
        " Case and accents don't matter.",
    ),
]
Cuisine = Annotated[
    str | None,
    QueryParameter(min_length=1, max_length=50, pattern=Text, description="In any case."),
]
OpenNow = Annotated[
    bool, QueryParameter(name="openNow", description="Only those that take orders now.")
]
Near = Annotated[
    str | None,
    QueryParameter(
        pattern=r"^-?[0-9]{1,3}(\.[0-9]{1,15})?,-?[0-9]{1,3}(\.[0-9]{1,15})?$(?!\n)",
        description="`lat,lon` in degrees: the nearest first, as the crow flies. There is only one"
        " page then, of at most `limit`: look closer by a smaller `within`.",
    ),
]
Within = Annotated[
    int | None,
    QueryParameter(
        ge=1,
        le=100_000,
        description=f"In metres of `near`; {DEFAULT_WITHIN_M:,} if not given.",
    ),
]
AnId = Annotated[int, ID]


def routes(deps: Deps) -> list[HTTPRouteHandler]:
    """The routes of restaurants."""
    return [*_restaurants(deps), *_hours(deps), *_menus(deps), *_baskets(deps)]


def _restaurants(deps: Deps) -> list[HTTPRouteHandler]:
    @post(
        "/restaurants",
        tags=["restaurants"],
        summary="Open a restaurant",
        before_request=take_key,
        responses=errors(409),
        operation_class=Creates,
    )
    async def open_restaurant(data: JSONBody[OpenRestaurant]) -> Restaurant:
        """A restaurant joins the platform. It is always open until it gives its hours."""
        return await deps.answers.once(restaurants.open_restaurant(deps, data))

    @get(
        "/restaurants",
        tags=["restaurants"],
        summary="List restaurants",
        responses=errors(),
        opt=BROWSING,
    )
    async def list_restaurants(  # noqa: PLR0913  # one for each parameter of the query
        *,
        request: AnyRequest,
        q: Q = None,
        cuisine: Cuisine = None,
        open_now: OpenNow = False,
        near: Near = None,
        within: Within = None,
        limit: Limit = DEFAULT_LIMIT,
        after: After = 0,
    ) -> Response[Sequence[Restaurant]]:
        """In the order of their ids; `Link` leads to the next page. With `near`, by distance."""
        which = Page(after, limit)
        wanted = Wanted(q, cuisine, open_now, _location(near), _within(near, within, after))
        if wanted == Wanted():
            return page(request, await restaurants.page(deps, which), limit=limit)
        found = await restaurants.search(deps, wanted, which)
        return Response(found) if near else page(request, found, limit=limit)

    @get(
        "/restaurants/{restaurant_id:int}",
        tags=["restaurants"],
        summary="Find a restaurant",
        responses=errors(404),
        opt=BROWSING,
    )
    async def get_restaurant(restaurant_id: AnId) -> Restaurant:
        """Whether it takes orders now, or when it will. 404 when none has this id."""
        return await restaurants.get(deps, RestaurantId(restaurant_id))

    return [open_restaurant, list_restaurants, get_restaurant]


def _hours(deps: Deps) -> list[HTTPRouteHandler]:
    @put(
        "/restaurants/{restaurant_id:int}/hours",
        tags=["restaurants"],
        summary="Give the opening hours",
        responses=errors(404),
    )
    async def set_hours(restaurant_id: AnId, data: JSONBody[Hours]) -> Hours:
        """They take the place of those before.

        A span that ends at the time at which it starts lasts a day; without any span the
        restaurant stays closed.
        """
        return await restaurants.set_hours(deps, RestaurantId(restaurant_id), data)

    @get(
        "/restaurants/{restaurant_id:int}/hours",
        tags=["restaurants"],
        summary="Read the opening hours",
        responses=errors(404),
    )
    async def get_hours(restaurant_id: AnId) -> Hours:
        """404 when none has this id, and when it has given no hours: then it is always open."""
        return await restaurants.hours(deps, RestaurantId(restaurant_id))

    @post(
        "/restaurants/{restaurant_id:int}/pause",
        tags=["restaurants"],
        summary="Take no orders for a while",
        responses=errors(404),
        status_code=200,
    )
    async def pause(restaurant_id: AnId, data: JSONBody[Pause]) -> Restaurant:
        """Until then, at most for 7 days; a time in the past ends a pause."""
        return await restaurants.pause(deps, RestaurantId(restaurant_id), data)

    return [set_hours, get_hours, pause]


def _menus(deps: Deps) -> list[HTTPRouteHandler]:
    @put(
        "/restaurants/{restaurant_id:int}/menu",
        tags=["restaurants"],
        summary="Write the menu",
        responses=errors(404),
    )
    async def write_menu(restaurant_id: AnId, data: JSONBody[NewMenu]) -> Menu:
        """It takes the place of the one before. A dish keeps its id, by its id or its name."""
        return await menus.write(deps, RestaurantId(restaurant_id), data)

    @get(
        "/restaurants/{restaurant_id:int}/menu",
        tags=["restaurants"],
        summary="Read the menu",
        responses=errors(404),
        opt=BROWSING,
    )
    async def get_menu(restaurant_id: AnId) -> Menu:
        """Its version is 0 where the restaurant has written none."""
        return await menus.read(deps, RestaurantId(restaurant_id))

    @patch(
        "/restaurants/{restaurant_id:int}/dishes/{dish_id:int}",
        tags=["restaurants"],
        summary="Change a dish",
        responses=errors(404),
    )
    async def change_dish(restaurant_id: AnId, dish_id: AnId, data: JSONBody[ChangeDish]) -> Dish:
        """What is not given stays. 404 also when it is a dish of another restaurant."""
        return await menus.change_dish(deps, RestaurantId(restaurant_id), DishId(dish_id), data)

    return [write_menu, get_menu, change_dish]


def _baskets(deps: Deps) -> list[HTTPRouteHandler]:
    @post(
        "/restaurants/{restaurant_id:int}/quote",
        tags=["restaurants"],
        summary="Price a basket",
        responses=errors(404, 409),
        status_code=200,
    )
    async def quote(restaurant_id: AnId, data: JSONBody[AskQuote]) -> Quote:
        """By the menu; where there is none, `totalPrice` is taken as agreed.

        409 `closed` and `paused` say in `opensAt` when it opens, `sold_out` says in `dishes` which
        are; `out_of_reach` is too far away.
        """
        return await baskets.quote(deps, RestaurantId(restaurant_id), data)

    @post(
        "/restaurants/{restaurant_id:int}/holds",
        tags=["restaurants"],
        summary="Hold portions",
        responses=errors(404, 409),
        status_code=200,
    )
    async def hold(restaurant_id: AnId, data: JSONBody[HoldPortions]) -> Hold:
        """Internal: for orders, when one is being placed; the same `holdId` holds once.

        409 `sold_out` when fewer are left than are wanted, and `dishes` says of which; then none is
        held. 409 `hold_reused` when the id was used elsewhere, or has ended.
        """
        return await baskets.hold(deps, RestaurantId(restaurant_id), data)

    return [quote, hold]


def _location(near: str | None) -> Location | None:
    if near is None:
        return None
    lat, lon = (float(each) for each in near.split(","))
    if abs(lat) > 90 or abs(lon) > 180:
        raise Invalid(FieldProblem("near", "must be on the globe: lat within 90, lon within 180"))
    return Location(lat, lon)


def _within(near: str | None, within: int | None, after: int) -> int:
    if near is None:
        if within is not None:
            raise Invalid(FieldProblem("within", "needs near"))
        return 0
    if after:
        raise Invalid(FieldProblem("after", "does not go with near: there is one page"))
    return within or DEFAULT_WITHIN_M
