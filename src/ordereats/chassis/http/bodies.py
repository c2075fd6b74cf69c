"""Reads a request's body straight into the type that its route takes, and names what is wrong."""

from typing import Any

import msgspec
from litestar import Request
from msgspec import Struct

from ordereats.chassis.errors import Invalid
from ordereats.contracts.problems import FieldProblem
from ordereats.contracts.wire import decode, from_plain


class WireRequest(Request[Any, Any, Any]):
    """A request whose JSON never passes through loose types: a price would meet a float there."""

    async def json(self) -> Any:
        """The body, as the type of the route's `data`.

        Raises:
            Invalid: not JSON, or not of that type; every field that is wrong is named.
        """
        kind = self.route_handler.parsed_fn_signature.parameters["data"].annotation
        body = await self.body()
        try:
            return decode(body, kind)
        except (msgspec.MsgspecError, RecursionError):
            raise Invalid(*_problems(body, kind)) from None


def problem_at(path: str, said: str) -> FieldProblem:
    """From msgspec's "Expected `int` >= 1 - at `$[0].qty`" to a path and a demand."""
    message, _, where = said.partition(" - at `$")
    return FieldProblem(path + where.rstrip("`"), message.replace("Expected", "must be", 1))


def _problems(body: bytes, kind: type[Struct]) -> list[FieldProblem]:
    """The decoder stops at the first thing that is wrong; a person wants to hear of all."""
    try:
        raw = msgspec.json.decode(body)
    except msgspec.DecodeError as error:
        return [FieldProblem("", f"must be JSON: {error}")]
    except RecursionError:
        return [FieldProblem("", "is nested too deeply")]
    if not isinstance(raw, dict):
        return [FieldProblem("", "must be a JSON object")]
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    problems = [FieldProblem(name, "is not a field here") for name in raw if name not in fields]
    for name, field in fields.items():
        if name in raw:
            problems += _value_problems(name, raw[name], field.type)
        elif field.required:
            problems.append(FieldProblem(name, "is required"))
    return problems


def _value_problems(name: str, value: object, kind: Any) -> list[FieldProblem]:
    try:
        msgspec.convert(value, kind, dec_hook=from_plain)
    except msgspec.ValidationError as error:
        return [problem_at(name, str(error))]
    return []
