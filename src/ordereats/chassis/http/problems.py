"""Turns every error into a problem document. The only place that does."""

import re
from collections.abc import Mapping
from typing import Any

import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException
from litestar.types import ExceptionHandlersMap
from msgspec import UNSET

from ordereats.chassis import context
from ordereats.chassis.errors import Invalid, OrderEatsError, Unavailable
from ordereats.chassis.http.bodies import problem_at
from ordereats.contracts.problems import MEDIA_TYPE, FieldProblem, Problem
from ordereats.contracts.wire import encode

log = structlog.get_logger(__name__)

AnyRequest = Request[Any, Any, Any]

_TITLES = {
    400: ("invalid_request", "The request can't be right"),
    404: ("no_such_path", "No such path"),
    405: ("method_not_allowed", "Not that way"),
    408: ("request_timeout", "Sent too slowly"),
    413: ("too_large", "Too much"),
    415: ("unsupported_media_type", "Not JSON"),
}


def exception_handlers() -> ExceptionHandlersMap:
    """What an app answers to each kind of error."""
    return {
        OrderEatsError: _ours,
        ValidationException: _invalid,
        HTTPException: _framework,
        Exception: _unexpected,
    }


def problem_bytes(status: int, code: str, title: str, detail: str) -> bytes:
    """A problem document where there is no request yet, as the front door needs it."""
    return encode(_problem(status, code, title, detail))


def _ours(request: AnyRequest, error: OrderEatsError) -> Response[bytes]:
    if error.status >= 500 and not error.is_told:
        log.error("request_failed", code=error.code, path=request.url.path, error=str(error))
    hidden = error.status == 500
    detail = "It has been logged; quote the correlation id." if hidden else str(error)
    code = "internal" if hidden else error.code
    headers = {}
    if isinstance(error, Unavailable):
        headers["Retry-After"] = str(error.retry_after_s)
    problem = Problem(
        title=error.title,
        status=error.status,
        code=code,
        detail=detail,
        correlation_id=context.current().correlation_id,
        errors=(error.problems if isinstance(error, Invalid) else ()) or UNSET,
    )
    return _answer(problem, headers, {} if hidden else error.extension)


def _invalid(request: AnyRequest, error: ValidationException) -> Response[bytes]:
    problems = _parameter_problems(error)
    return _ours(request, Invalid(*(problems or (FieldProblem("", error.detail),))))


def _parameter_problems(error: ValidationException) -> list[FieldProblem]:
    missing = re.match(r"Missing required \w+ parameter '([\w-]+)'", error.detail)
    if missing:
        return [FieldProblem(missing[1], "is required")]
    told = error.extra if isinstance(error.extra, list) else []
    return [
        problem_at(_camel(str(each.get("key", ""))), str(each.get("message", "")))
        for each in told
        if isinstance(each, dict)
    ]


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(each.capitalize() for each in others)


def _framework(_request: AnyRequest, error: HTTPException) -> Response[bytes]:
    status = error.status_code
    code, title = _TITLES.get(status, ("http_error", "The request can't be answered"))
    headers = {name: str(value) for name, value in (error.headers or {}).items()}
    return _answer(_problem(status, code, title, error.detail), headers)


def _unexpected(request: AnyRequest, error: Exception) -> Response[bytes]:
    log.error("request_failed", code="internal", path=request.url.path, exc_info=error)
    detail = "It has been logged; quote the correlation id."
    return _answer(_problem(500, "internal", OrderEatsError.title, detail))


def _problem(status: int, code: str, title: str, detail: str) -> Problem:
    return Problem(title, status, code, detail, context.current().correlation_id)


def _answer(
    problem: Problem,
    headers: Mapping[str, str] | None = None,
    extension: Mapping[str, object] | None = None,
) -> Response[bytes]:
    whole = {**msgspec.to_builtins(problem), **extension} if extension else problem
    return Response(
        encode(whole), status_code=problem.status, media_type=MEDIA_TYPE, headers=headers
    )
