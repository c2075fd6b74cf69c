"""HTTP in for users."""

from typing import Annotated

from litestar import get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody

from ordereats.chassis.http.description import ID, Creates, errors
from ordereats.chassis.http.idempotency import take_key
from ordereats.contracts.ids import UserId
from ordereats.contracts.users import RegisterUser, User
from ordereats.services.users import use_cases


def routes(deps: use_cases.Deps) -> list[HTTPRouteHandler]:
    """The routes of users."""

    @post(
        "/users",
        tags=["users"],
        summary="Register someone",
        before_request=take_key,
        responses=errors(409),
        operation_class=Creates,
    )
    async def register_user(data: JSONBody[RegisterUser]) -> User:
        """Whoever wants to order does this first.

        409 `email_taken` when the e-mail is registered already, in any case of its letters.
        """
        return await deps.answers.once(use_cases.register(deps, data))

    @get("/users/{user_id:int}", tags=["users"], summary="Find someone", responses=errors(404))
    async def get_user(user_id: Annotated[int, ID]) -> User:
        """Their name and their e-mail. 404 when nobody has this id."""
        return await use_cases.get(deps, UserId(user_id))

    return [register_user, get_user]
