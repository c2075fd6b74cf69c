"""An example of each event, made from its schema: made up, and always one that could be sent."""

from collections.abc import Mapping
from typing import Any

Json = Mapping[str, Any]

_MONEY = {"amount": "25.00", "currency": "EUR"}
_UUID = "01a2061d-ffc9-71e1-a00b-5548e9d9bb69"
_TEXTS = {"date-time": "2026-11-23T18:30:00Z", "uuid": _UUID, "decimal": "0.50"}
_NAMED = {"holdId": _UUID}
"""Texts of which only a pattern says what they are, by the name of their field."""


def example(schema: Json, schemas: Mapping[str, Json]) -> object:
    """A value that the schema allows, with everything that may be there.

    Args:
        schema: of the value.
        schemas: by their names, for references.
    """
    if "$ref" in schema:
        return example(schemas[schema["$ref"].rpartition("/")[2]], schemas)
    for kind in ("allOf", "anyOf", "oneOf"):
        if kind in schema:
            return example(_something(schema[kind]), schemas)
    if schema.get("type") == "array":
        return [example(schema["items"], schemas)]
    if schema.get("type") == "object" and schema.get("title") != "Money":
        fields = schema.get("properties", {})
        return {name: _NAMED.get(name, example(its, schemas)) for name, its in fields.items()}
    return _plain(schema)


def _something(kinds: list[Json]) -> Json:
    """The first that is more than null."""
    return next(each for each in kinds if each.get("type") != "null")


def _plain(schema: Json) -> object:
    """What consists of nothing else; an amount of money counts as such."""
    if "enum" in schema:
        return schema["enum"][0]
    values = {"object": _MONEY, "boolean": True, "string": _text(schema), "null": None}
    number = min(max(1, schema.get("minimum", 1)), schema.get("maximum", 1))
    return schema.get("const", values.get(schema.get("type", "null"), number))


def _text(schema: Json) -> str:
    text = _TEXTS.get(schema.get("format", ""), "words")
    return text[: schema.get("maxLength")].ljust(schema.get("minLength", 0), "s")
