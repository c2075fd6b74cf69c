"""The API's description as a page for people. It needs no script, no font and no other host."""

import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any, TypeAlias

from litestar import MediaType, get
from litestar.handlers import HTTPRouteHandler

from ordereats.chassis.http.description import MAX_ID
from ordereats.chassis.http.problems import AnyRequest

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


def route() -> HTTPRouteHandler:
    """`/docs`: whatever this process answers."""

    @get("/docs", media_type=MediaType.HTML, include_in_schema=False, sync_to_thread=True)
    def docs(request: AnyRequest) -> str:
        return page(request.app.openapi_schema.to_schema())

    return docs


def page(document: Json) -> str:
    """An OpenAPI document as HTML: the operations by tag, then the shapes that they speak of."""
    title = escape(document["info"]["title"])
    operations = [
        (method, path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    tags = list(dict.fromkeys(tag for *_, each in operations for tag in _tags(each)))
    about = {each["name"]: _prose(each) for each in document.get("tags", [])}
    parts = [
        _group(tag, about.get(tag, ""), [each for each in operations if tag in _tags(each[2])])
        for tag in tags
    ]
    schemas = document["components"]["schemas"]
    shapes = "".join(_shape(name, schemas[name]) for name in sorted(schemas))
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{_STYLE}</style>
</head>
<body>
<h1>{title}</h1>
{_prose(document["info"])}
<p>For programs: <a href="openapi.json">openapi.json</a> (OpenAPI {document["openapi"]}).</p>
{"".join(parts)}
<h2>Shapes</h2>
{shapes}
</body>
</html>
"""


def _tags(operation: Json) -> Sequence[str]:
    tags: Sequence[str] = operation.get("tags", ["other"])
    return tags


def _group(tag: str, about: str, operations: Sequence[tuple[str, str, Json]]) -> str:
    listed = "".join(_operation(*each) for each in operations)
    return f"<h2>{escape(tag)}</h2>\n{about}{listed}"


def _operation(method: str, path: str, operation: Json) -> str:
    body = "".join(
        f"<p>Body: {_type(each['schema'])}</p>"
        for each in operation.get("requestBody", {}).get("content", {}).values()
    )
    parameters = [
        (
            f"<code>{escape(each['name'])}</code>",
            f"{each['in']}{', required' if each.get('required') else ''}",
            _type(each["schema"]),
            _text(each.get("description", "")),
        )
        for each in operation.get("parameters", [])
    ]
    answers = [
        (f"<code>{status}</code>", _answer(answer), _text(answer.get("description", "")))
        for status, answer in operation["responses"].items()
    ]
    summary = escape(operation.get("summary", ""))
    return (
        f'<details><summary><code class="method">{method.upper()}</code> '
        f"<code>{escape(path)}</code> {summary}</summary>\n"
        f"<div>{_prose(operation)}{_table(parameters)}{body}{_table(answers)}</div></details>\n"
    )


def _prose(described: Json) -> str:
    """A description: of Markdown it has paragraphs, lists and code, and nothing else."""
    blocks = [each for each in described.get("description", "").split("\n\n") if each]
    return "".join(
        _items(block) if block.startswith("- ") else f"<p>{_text(block)}</p>" for block in blocks
    )


def _items(block: str) -> str:
    items = f"\n{block}".split("\n- ")[1:]
    return "<ul>" + "".join(f"<li>{_text(each)}</li>" for each in items) + "</ul>"


def _text(markdown: str) -> str:
    return re.sub("`([^`]+)`", r"<code>\1</code>", escape(markdown))


def _answer(answer: Json) -> str:
    kinds = [_type(each["schema"]) for each in answer.get("content", {}).values()]
    return " or ".join(kinds)


def _shape(name: str, schema: Json) -> str:
    required = schema.get("required", [])
    fields = [
        (
            f"<code>{escape(field)}</code>",
            "required" if field in required else "",
            _type(its),
            _text(its.get("description", "")),
        )
        for field, its in schema.get("properties", {}).items()
    ]
    what = _table(fields) if fields else f"<p>{_type(schema)}</p>"
    return f'<section id="{escape(name)}"><h3>{escape(name)}</h3>{_prose(schema)}{what}</section>\n'


def _type(schema: Json) -> str:
    """A schema in a few words, with a link where it has a name."""
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f'<a href="#{name}">{name}</a>'
    for kind in ("oneOf", "anyOf"):
        if kind in schema:
            return " or ".join(_type(each) for each in schema[kind])
    if "enum" in schema or "const" in schema:
        words = schema.get("enum", [schema.get("const")])
        return " | ".join(f"<code>{escape(str(each))}</code>" for each in words)
    if schema.get("type") == "array":
        return ", ".join([f"list of {_type(schema.get('items', {}))}", *_bounds(schema)])
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


def _table(rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return ""
    lines = ("".join(f"<td>{cell}</td>" for cell in row) for row in rows)
    return "<table>" + "".join(f"<tr>{line}</tr>" for line in lines) + "</table>"
