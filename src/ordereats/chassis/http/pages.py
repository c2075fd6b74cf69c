"""The pieces of pages that describe: HTML that needs no script, no font and no other host."""

import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any, TypeAlias

from ordereats.chassis.http.description import MAX_ID

Json: TypeAlias = Mapping[str, Any]

_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
summary { cursor: pointer; padding: .3rem 0; }
summary code { font-weight: 600; }
details > div { padding: 0 0 1rem 1.5rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .2rem .8rem .2rem 0; }
tr { border-bottom: 1px solid color-mix(in srgb, currentColor 20%, transparent); }
:target { outline: 2px solid; outline-offset: .4rem; }
.method { display: inline-block; width: 4.5rem; }
"""
_BOUNDS = (
    ("minimum", "at least {}"),
    ("maximum", "at most {}"),
    ("minLength", "at least {} characters"),
    ("maxLength", "at most {} characters"),
    ("minItems", "at least {} of them"),
    ("maxItems", "at most {} of them"),
    ("pattern", "like {}"),
)
_NO_BOUNDS = (MAX_ID, float(MAX_ID))
"""What a column holds, also as it looks after JSON; nobody meets it."""


def whole(title: str, body: str) -> str:
    """A page of this title; the body is HTML."""
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>{_STYLE}</style>
</head>
<body>
<h1>{escape(title)}</h1>
{body}
</body>
</html>
"""


def prose(described: Json) -> str:
    """A description: of Markdown it has paragraphs, lists and code, and nothing else."""
    blocks = [each for each in described.get("description", "").split("\n\n") if each]
    return "".join(
        _items(block) if block.startswith("- ") else f"<p>{inline(block)}</p>" for block in blocks
    )


def _items(block: str) -> str:
    items = f"\n{block}".split("\n- ")[1:]
    return "<ul>" + "".join(f"<li>{inline(each)}</li>" for each in items) + "</ul>"


def inline(markdown: str) -> str:
    """Of Markdown, code and nothing else."""
    return re.sub("`([^`]+)`", r"<code>\1</code>", escape(markdown))


def shape(name: str, schema: Json) -> str:
    """A schema that has a name: its fields, in a section that links lead to."""
    return (
        f'<section id="{escape(name)}"><h3>{escape(name)}</h3>'
        f"{prose(schema)}{fields(schema)}</section>\n"
    )


def fields(schema: Json) -> str:
    """The fields of a schema, a line each."""
    required = schema.get("required", [])
    rows = [
        (
            f"<code>{escape(field)}</code>",
            "required" if field in required else "",
            type_in_words(its),
            inline(its.get("description", "")),
        )
        for field, its in schema.get("properties", {}).items()
    ]
    return table(rows) if rows else f"<p>{type_in_words(schema)}</p>"


def type_in_words(schema: Json) -> str:
    """A schema in a few words, with a link where it has a name."""
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f'<a href="#{name}">{name}</a>'
    for kind in ("oneOf", "anyOf"):
        if kind in schema:
            return " or ".join(type_in_words(each) for each in schema[kind])
    if "enum" in schema or "const" in schema:
        words = schema.get("enum", [schema.get("const")])
        return " | ".join(f"<code>{escape(str(each))}</code>" for each in words)
    if schema.get("type") == "array":
        return ", ".join([f"list of {type_in_words(schema.get('items', {}))}", *_bounds(schema)])
    kind = schema.get("format") or schema.get("type", "anything")
    return ", ".join([escape(str(kind)), *_bounds(schema)])


def _bounds(schema: Json) -> Iterable[str]:
    for name, text in _BOUNDS:
        bound = schema.get(name)
        if bound is not None and bound not in _NO_BOUNDS:
            yield text.format(f"<code>{escape(_plain(bound))}</code>")


def _plain(value: object) -> str:
    """Whole numbers without a point: JSON Schema knows no integers."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def table(rows: Sequence[Sequence[str]]) -> str:
    """Rows of cells that are HTML; nothing, where there is none."""
    if not rows:
        return ""
    lines = ("".join(f"<td>{cell}</td>" for cell in row) for row in rows)
    return "<table>" + "".join(f"<tr>{line}</tr>" for line in lines) + "</table>"
