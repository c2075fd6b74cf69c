"""Makes the HTTP application of a group of services: the same for one as for all."""

from collections.abc import Sequence
from typing import Any

from litestar import Litestar
from litestar.handlers import HTTPRouteHandler
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.types import ASGIApp, Scope

from ordereats.chassis.context import OPERATOR, Principal
from ordereats.chassis.http import docs, health, idempotency, problems
from ordereats.chassis.http.bodies import WireRequest
from ordereats.chassis.http.description import refuse_unknown_fields
from ordereats.chassis.http.requests import FrontDoor

MAX_BODY_BYTES = 256 * 1024


def create_app(
    title: str, routes: Sequence[HTTPRouteHandler], checks: Sequence[health.Check]
) -> ASGIApp:
    """Put routes behind the front door, with the probes, `/openapi.json` and `/docs`.

    Args:
        title: for the API's description.
        routes: of all services in this process.
        checks: for `/health/ready`.
    """
    return FrontDoor(_application(title, routes, checks), principal=_everyone)


def described(title: str, routes: Sequence[HTTPRouteHandler]) -> dict[str, Any]:
    """What `/openapi.json` of an app with these routes says."""
    return _application(title, routes, []).openapi_schema.to_schema()


def _application(
    title: str, routes: Sequence[HTTPRouteHandler], checks: Sequence[health.Check]
) -> Litestar:
    app = Litestar(
        [*routes, *health.routes(checks), docs.route()],
        openapi_config=OpenAPIConfig(
            title=title,
            version="1",
            path="/openapi.json",
            render_plugins=[JsonRenderPlugin(path="/")],
        ),
        exception_handlers={
            **problems.exception_handlers(),
            idempotency.AlreadyAnswered: idempotency.repeat,
        },
        request_class=WireRequest,
        request_max_body_size=MAX_BODY_BYTES,
        logging_config=None,
    )
    refuse_unknown_fields(app)
    return app


def _everyone(_scope: Scope) -> Principal:
    """The platform runs open: whoever reaches it is the operator."""
    return OPERATOR
