"""The composition root of users."""

from functools import partial

from ordereats.chassis.calls.in_process import answer
from ordereats.chassis.coalescing import Coalescer
from ordereats.chassis.service import Ports, Service
from ordereats.contracts.users import GET_USER, User, WhichUser
from ordereats.services.users import use_cases
from ordereats.services.users.routes import routes


def build(ports: Ports) -> Service:
    """Build users on these ports."""
    deps = use_cases.Deps(
        database=ports.database,
        outbox=ports.outbox,
        answers=ports.answers,
        clock=ports.clock,
        found=Coalescer(
            partial(use_cases.find, ports.database), ports.background, name="users found"
        ),
    )

    async def get_user(which: WhichUser) -> User:
        return await use_cases.get(deps, which.user_id)

    return Service("users", routes(deps), answers=[answer(GET_USER, get_user)])
