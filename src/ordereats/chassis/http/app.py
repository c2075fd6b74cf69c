"""Makes the HTTP application of a group of services: the same for one as for all."""

from collections.abc import Sequence
from typing import Any

from litestar import Litestar
from litestar.handlers import HTTPRouteHandler
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.types import ASGIApp, Scope

from ordereats.chassis.context import OPERATOR, Principal
from ordereats.chassis.http import (
    description,
    docs,
    health,
    idempotency,
    operations,
    problems,
)
from ordereats.chassis.http.bodies import WireRequest
from ordereats.chassis.http.operations import Watched
from ordereats.chassis.http.priorities import Priorities
from ordereats.chassis.http.requests import MAX_PATIENCE_MS, PATIENCE_S, DoorSettings, FrontDoor

MAX_BODY_BYTES = 256 * 1024

ABOUT = f"""
People order, kitchens cook, couriers bring it, and everybody gets their money.

- Bodies are JSON, with names in camelCase. A request with an unknown field is refused. Answers may
  get further fields: ignore what you don't know.
- Money in answers is a decimal string, such as `"25.00"`; in requests it may be a JSON number too.
  Times are ISO 8601 with their offset; ours are in UTC.
- An error is a `Problem` (`application/problem+json`); branch on its `code`. Also where it isn't
  named, an answer may be 408 (a body that was not whole in time), 413 (one of more than
  {MAX_BODY_BYTES // 1024} KiB), 500, or 503 with `Retry-After`. What is refused as `overloaded` was
  not begun: there is too much to do.
- What creates something takes an `Idempotency-Key`: sent again with it, it creates nothing again.
- Lists come in pages: `Link` leads to the next one.
- `X-Correlation-Id` comes back with every answer, and stands in all that is logged about it. With
  `X-Deadline-Ms` a client says how long it waits: {MAX_PATIENCE_MS // 1000} seconds at most,
  {PATIENCE_S:g} where it says nothing.
""".strip()
"""What holds for all operations."""


def create_app(
    title: str,
    routes: Sequence[HTTPRouteHandler],
    checks: Sequence[health.Check],
    watched: Watched | None = None,
    door: DoorSettings | None = None,
) -> ASGIApp:
    """Put routes behind the front door, with the probes, `/metrics`, `/openapi.json` and `/docs`.

    Args:
        title: for the API's description.
        routes: of all services in this process.
        checks: for `/health/ready`.
        watched: what is at work in the process, if there is more than its requests.
        door: how it takes them, if not as usual.
    """
    watched = watched or Watched()
    app = _application(title, routes, checks, watched)
    return FrontDoor(
        app,
        door or DoorSettings(),
        watched.limiter,
        priorities=Priorities(routes),
        principal=_everyone,
        watched=watched,
    )


def described(title: str, routes: Sequence[HTTPRouteHandler]) -> dict[str, Any]:
    """What `/openapi.json` of an app with these routes says."""
    return _application(title, routes, [], Watched()).openapi_schema.to_schema()


def _application(
    title: str,
    routes: Sequence[HTTPRouteHandler],
    checks: Sequence[health.Check],
    watched: Watched,
) -> Litestar:
    own = [*health.routes(checks, watched), *operations.routes(watched), docs.route()]
    app = Litestar(
        [*routes, *own],
        openapi_config=OpenAPIConfig(
            title=title,
            version="1",
            description=ABOUT,
            tags=[*description.tags(routes), health.TAG],
            use_handler_docstrings=True,
            path="/openapi.json",
            render_plugins=[JsonRenderPlugin(path="/")],
        ),
        exception_handlers={
            **problems.exception_handlers(),
            idempotency.AlreadyAnswered: idempotency.repeat,
        },
        plugins=[description.Structs()],
        request_class=WireRequest,
        request_max_body_size=MAX_BODY_BYTES,
        logging_config=None,
    )
    description.take_off_indentation(app)
    return app


def _everyone(_scope: Scope) -> Principal:
    """The platform runs open: whoever reaches it is the operator."""
    return OPERATOR
