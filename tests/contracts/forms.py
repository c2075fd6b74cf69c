"""The forms of what services say to one another, of this version and of the one before."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from contracts.test_calls import EXAMPLES as CALLS
from contracts.test_golden import EXAMPLES as EVENTS
from ordereats.contracts.wire import encode

PREVIOUS = Path(__file__).with_name("previous")

Schema = Mapping[str, Any]
Form = dict[str, Any]
"""Of one kind of value: an `example` as it is on the wire, and the JSON `schema` of its type."""

_LIMITS_ABOVE = ("maximum", "exclusiveMaximum", "maxLength", "maxItems")
_LIMITS_BELOW = ("minimum", "exclusiveMinimum", "minLength", "minItems")
_SAME = ("format", "pattern")


def present() -> dict[str, Form]:
    """By name: every event, and the question (if it has a body) and the reply of every call."""
    forms = {name: _form(event) for name, event in EVENTS.items()}
    for call, question, reply in CALLS:
        body = getattr(question, "body", None)
        if body is not None:
            forms[f"{call.service}.{call.name}.question"] = _form(body)
        forms[f"{call.service}.{call.name}.reply"] = _form(reply)
    return forms


def previous() -> dict[str, Form]:
    """Those of the version before, from the folder."""
    return {each.stem: json.loads(each.read_text("utf-8")) for each in PREVIOUS.glob("*.json")}


def broken(reader: Schema, writer: Schema) -> list[str]:
    """What a reader of one schema can't take of what a writer of another may write."""
    return list(_broken("$", _Within(reader, reader), _Within(writer, writer)))


class _Within:
    """A part of a schema, with the definitions of the whole."""

    def __init__(self, part: Schema, whole: Schema) -> None:
        while "$ref" in part:
            part = whole["$defs"][part["$ref"].rpartition("/")[2]]
        self.part, self.whole = part, whole

    def into(self, part: Schema) -> "_Within":
        return _Within(part, self.whole)

    def choices(self) -> list["_Within"]:
        """The kinds of value that it may be."""
        return [self.into(each) for each in self.part.get("anyOf", [self.part])]


def _broken(where: str, reader: _Within, writer: _Within) -> Iterator[str]:
    for written in writer.choices():
        said = [list(_misread(where, taken, written)) for taken in reader.choices()]
        yield from min(said, key=len)


def _misread(where: str, reader: _Within, writer: _Within) -> Iterator[str]:
    taken, written = _type(reader.part), _type(writer.part)
    if taken != written and (taken, written) != ("number", "integer"):
        yield f"{where}: {written}, where {taken} is read"
        return
    yield from _limits(where, reader.part, writer.part)
    if taken == "object":
        yield from _fields(where, reader, writer)
    if taken == "array":
        yield from _broken(
            f"{where}[]", reader.into(reader.part["items"]), writer.into(writer.part["items"])
        )


def _fields(where: str, reader: _Within, writer: _Within) -> Iterator[str]:
    taken, written = reader.part["properties"], writer.part["properties"]
    for name in reader.part.get("required", ()):
        if name not in writer.part.get("required", ()):
            yield f"{where}.{name}: may be missing"
    if reader.part.get("additionalProperties") is False:
        for name in written.keys() - taken.keys():
            yield f"{where}.{name}: is refused"
    for name in sorted(taken.keys() & written.keys()):
        yield from _broken(f"{where}.{name}", reader.into(taken[name]), writer.into(written[name]))


def _limits(where: str, reader: Schema, writer: Schema) -> Iterator[str]:
    for limit in _LIMITS_ABOVE:
        if limit in reader and writer.get(limit, float("inf")) > reader[limit]:
            yield f"{where}: above the {limit} {reader[limit]}"
    for limit in _LIMITS_BELOW:
        if limit in reader and writer.get(limit, float("-inf")) < reader[limit]:
            yield f"{where}: below the {limit} {reader[limit]}"
    for kind in _SAME:
        if kind in reader and writer.get(kind) != reader[kind]:
            yield f"{where}: another {kind} than {reader[kind]}"
    if "enum" in reader and not {*writer.get("enum", [None])} <= {*reader["enum"]}:
        yield f"{where}: none of {reader['enum']}"


def _type(schema: Schema) -> str:
    if "enum" in schema:
        return "word"
    return str(schema.get("type"))


def _form(value: msgspec.Struct) -> Form:
    schema = msgspec.json.schema(type(value), schema_hook=_money)
    return {"example": json.loads(encode(value)), "schema": _without_prose(schema)}


def _money(_kind: type) -> Form:
    words = {"amount": {"type": "string"}, "currency": {"type": "string"}}
    return {"type": "object", "properties": words, "required": [*words]}


def _without_prose(part: Any) -> Any:
    match part:
        case dict():
            prose = {"title", "description"} if isinstance(part.get("title", ""), str) else set()
            return {key: _without_prose(part[key]) for key in part if key not in prose}
        case list():
            return [_without_prose(each) for each in part]
    return part


if __name__ == "__main__":  # at a release: see the README of the folder
    for old in PREVIOUS.glob("*.json"):
        old.unlink()
    for name, form in present().items():
        text = json.dumps(form, indent=1, sort_keys=True, ensure_ascii=False)
        (PREVIOUS / f"{name}.json").write_text(text + "\n", "utf-8")
