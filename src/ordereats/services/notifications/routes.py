"""HTTP in for notifications."""

from collections.abc import Sequence
from typing import Annotated

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler

from ordereats.chassis.http.description import errors, id_query
from ordereats.chassis.http.paging import DEFAULT_LIMIT, After, Limit, page
from ordereats.chassis.http.problems import AnyRequest
from ordereats.contracts.ids import UserId
from ordereats.contracts.notifications import Notification
from ordereats.services.notifications import use_cases

OfUser = Annotated[int, id_query("userId", "Told to this user.")]


def routes(deps: use_cases.Deps) -> list[HTTPRouteHandler]:
    """The routes of notifications."""

    @get(
        "/notifications",
        tags=["notifications"],
        summary="What someone was told",
        responses=errors(),
    )
    async def list_notifications(
        request: AnyRequest, user_id: OfUser, limit: Limit = DEFAULT_LIMIT, after: After = 0
    ) -> Response[Sequence[Notification]]:
        """In order; `Link` leads to the next page."""
        found = await use_cases.page(deps, UserId(user_id), after=after, limit=limit)
        return page(request, found, limit=limit)

    return [list_notifications]
