"""Turns every error into a problem document. The only place that does."""

import re
from typing import Any, get_type_hints

import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException
from litestar.types import ExceptionHandlersMap
from litestar.utils.scope.state import ScopeState
from msgspec import UNSET, Struct

from ordereats.chassis import context
from ordereats.chassis.errors import Invalid, OrderEatsError, Unavailable
from ordereats.contracts.problems import MEDIA_TYPE, FieldProblem, Problem
from ordereats.contracts.wire import encode, from_plain

log = structlog.get_logger(__name__)

AnyRequest = Request[Any, Any, Any]

_TITLES = {
    400: ("invalid_request", "The request can't be right"),
    404: ("no_such_path", "No such path"),
    405: ("method_not_allowed", "Not that way"),
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
    correlation_id = context.current().correlation_id
    return encode(Problem(title, status, code, detail, correlation_id))


def _ours(request: AnyRequest, error: OrderEatsError) -> Response[bytes]:
    if error.status >= 500:
        log.error("request_failed", code=error.code, path=request.url.path, error=str(error))
    hidden = error.status == 500
    detail = "It has been logged; quote the correlation id." if hidden else str(error)
    code = "internal" if hidden else error.code
    headers = {}
    if isinstance(error, Unavailable):
        headers["Retry-After"] = str(error.retry_after_s)
    errors = error.problems if isinstance(error, Invalid) else ()
    return _answer(error.status, code, error.title, detail, errors=errors, headers=headers)


def _body_problems(request: AnyRequest) -> tuple[FieldProblem, ...]:
    """Name each field of a body that is wrong: the decoder stops at the first."""
    hints = get_type_hints(request.route_handler.fn, include_extras=True)
    kind = hints.get("data")
    if kind is None:
        return ()
    body = ScopeState.from_scope(request.scope).body  # it has been read: it is what is wrong
    try:
        raw = msgspec.json.decode(body if isinstance(body, bytes) else b"")
    except msgspec.DecodeError as error:
        return (FieldProblem("", f"must be JSON: {error}"),)
    if not isinstance(raw, dict):
        return (FieldProblem("", "must be a JSON object"),)
    return tuple(_field_problems(kind, raw))


def _field_problems(kind: type[Struct], raw: dict[str, object]) -> list[FieldProblem]:
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    problems = [FieldProblem(name, "is not a field here") for name in raw if name not in fields]
    for name, field in fields.items():
        if name not in raw:
            if field.required:
                problems.append(FieldProblem(name, "is required"))
            continue
        try:
            msgspec.convert(raw[name], field.type, dec_hook=from_plain)
        except msgspec.ValidationError as error:
            problems.append(_problem_at(name, str(error)))
    return problems


def _problem_at(name: str, said: str) -> FieldProblem:
    """From msgspec's "Expected `int` >= 1 - at `$[0].qty`" to a path and a demand."""
    message, _, where = said.partition(" - at `$")
    return FieldProblem(name + where.rstrip("`"), message.replace("Expected", "must be", 1))


def _invalid(request: AnyRequest, error: ValidationException) -> Response[bytes]:
    problems = _body_problems(request) or tuple(_parameter_problems(error))
    return _ours(request, Invalid(*(problems or (FieldProblem("", error.detail),))))


def _parameter_problems(error: ValidationException) -> list[FieldProblem]:
    missing = re.match(r"Missing required \w+ parameter '(\w+)'", error.detail)
    if missing:
        return [FieldProblem(missing[1], "is required")]
    told = error.extra if isinstance(error.extra, list) else []
    return [
        _problem_at(_camel(str(each.get("key", ""))), str(each.get("message", "")))
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
    return _answer(status, code, title, error.detail, headers=headers)


def _unexpected(request: AnyRequest, error: Exception) -> Response[bytes]:
    log.error("request_failed", code="internal", path=request.url.path, exc_info=error)
    detail = "It has been logged; quote the correlation id."
    return _answer(500, "internal", OrderEatsError.title, detail)


def _answer(
    status: int,
    code: str,
    title: str,
    detail: str,
    *,
    errors: tuple[FieldProblem, ...] = (),
    headers: dict[str, str] | None = None,
) -> Response[bytes]:
    problem = Problem(
        title=title,
        status=status,
        code=code,
        detail=detail,
        correlation_id=context.current().correlation_id,
        errors=errors or UNSET,
    )
    return Response(encode(problem), status_code=status, media_type=MEDIA_TYPE, headers=headers)
