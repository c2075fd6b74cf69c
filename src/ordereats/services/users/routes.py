"""HTTP in for users."""

from litestar import get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody

from ordereats.chassis.http.idempotency import take_key
from ordereats.contracts.ids import UserId
from ordereats.contracts.users import RegisterUser, User
from ordereats.services.users import use_cases


def routes(deps: use_cases.Deps) -> list[HTTPRouteHandler]:
    """The routes of users."""

    @post("/users", tags=["users"], summary="Register someone", before_request=take_key)
    async def register_user(data: JSONBody[RegisterUser]) -> User:
        """409 `email_taken` when the e-mail is registered already, in any case of its letters."""
        return await deps.answers.once(use_cases.register(deps, data))

    @get("/users/{user_id:int}", tags=["users"], summary="Find someone")
    async def get_user(user_id: FromPath[UserId]) -> User:
        """404 when nobody has this id."""
        return await use_cases.get(deps, user_id)

    return [register_user, get_user]
