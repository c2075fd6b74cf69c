"""HTTP in for notifications."""

from collections.abc import Sequence
from typing import Annotated

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler

from ordereats.chassis.errors import Invalid
from ordereats.chassis.http.description import errors, id_query
from ordereats.chassis.http.paging import DEFAULT_LIMIT, After, Limit, page
from ordereats.chassis.http.priorities import BROWSING
from ordereats.chassis.http.problems import AnyRequest
from ordereats.contracts.notifications import Letter, Notification, Receiver
from ordereats.contracts.problems import FieldProblem
from ordereats.services.notifications import use_cases

OfUser = Annotated[int | None, id_query("userId", "Told to this user.")]
OfRestaurant = Annotated[int | None, id_query("restaurantId", "Told to this restaurant.")]
OfCourier = Annotated[int | None, id_query("courierId", "Told to this courier.")]


def routes(deps: use_cases.Deps) -> list[HTTPRouteHandler]:
    """The routes of notifications."""

    @get(
        "/notifications",
        tags=["notifications"],
        summary="What someone was told",
        responses=errors(),
        opt=BROWSING,
    )
    async def list_notifications(
        request: AnyRequest,
        user_id: OfUser = None,
        restaurant_id: OfRestaurant = None,
        courier_id: OfCourier = None,
        limit: Limit = DEFAULT_LIMIT,
        after: After = 0,
    ) -> Response[Sequence[Notification]]:
        """Exactly one of the three says who. In order; `Link` leads to the next page."""
        receiver, receiver_id = _who(user_id, restaurant_id, courier_id)
        found = await use_cases.page(deps, receiver, receiver_id, after=after, limit=limit)
        return page(request, found, limit=limit)

    @get(
        "/notifications/mail",
        tags=["notifications"],
        summary="The mail",
        responses=errors(),
        opt=BROWSING,
    )
    async def list_mail(
        request: AnyRequest, limit: Limit = DEFAULT_LIMIT, after: After = 0
    ) -> Response[Sequence[Letter]]:
        """What was sent, waits, could not be sent, or is kept because there is no mail server.

        In order; `Link` leads to the next page.
        """
        found = await use_cases.letters(deps, after=after, limit=limit)
        return page(request, found, limit=limit)

    return [list_notifications, list_mail]


def _who(
    user_id: int | None, restaurant_id: int | None, courier_id: int | None
) -> tuple[Receiver, int]:
    asked = {
        "userId": (Receiver.CUSTOMER, user_id),
        "restaurantId": (Receiver.RESTAURANT, restaurant_id),
        "courierId": (Receiver.COURIER, courier_id),
    }
    given = [(name, who, an_id) for name, (who, an_id) in asked.items() if an_id is not None]
    match given:
        case [(_, receiver, receiver_id)]:
            return receiver, receiver_id
        case []:
            raise Invalid(FieldProblem("userId", "is missing, or restaurantId, or courierId"))
        case _:
            message = "is one too many: say one of userId, restaurantId and courierId"
            raise Invalid(*(FieldProblem(name, message) for name, _, _ in given[1:]))
