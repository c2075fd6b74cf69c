"""The API's description as a page for people. It needs no script, no font and no other host."""

from collections.abc import Sequence
from html import escape

from litestar import MediaType, get
from litestar.handlers import HTTPRouteHandler

from ordereats.chassis.http import pages
from ordereats.chassis.http.pages import Json
from ordereats.chassis.http.problems import AnyRequest


def route() -> HTTPRouteHandler:
    """`/docs`: whatever this process answers."""

    @get("/docs", media_type=MediaType.HTML, include_in_schema=False, sync_to_thread=True)
    def docs(request: AnyRequest) -> str:
        return page(request.app.openapi_schema.to_schema())

    return docs


def page(document: Json) -> str:
    """An OpenAPI document as HTML: the operations by tag, then the shapes that they speak of."""
    operations = [
        (method, path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    tags = list(dict.fromkeys(tag for *_, each in operations for tag in _tags(each)))
    about = {each["name"]: pages.prose(each) for each in document.get("tags", [])}
    parts = [
        _group(tag, about.get(tag, ""), [each for each in operations if tag in _tags(each[2])])
        for tag in tags
    ]
    schemas = document["components"]["schemas"]
    shapes = "".join(pages.shape(name, schemas[name]) for name in sorted(schemas))
    body = f"""{pages.prose(document["info"])}
<p>For programs: <a href="openapi.json">openapi.json</a> (OpenAPI {document["openapi"]}).</p>
{"".join(parts)}
<h2>Shapes</h2>
{shapes}"""
    return pages.whole(document["info"]["title"], body)


def _tags(operation: Json) -> Sequence[str]:
    tags: Sequence[str] = operation.get("tags", ["other"])
    return tags


def _group(tag: str, about: str, operations: Sequence[tuple[str, str, Json]]) -> str:
    listed = "".join(_operation(*each) for each in operations)
    return f"<h2>{escape(tag)}</h2>\n{about}{listed}"


def _operation(method: str, path: str, operation: Json) -> str:
    body = "".join(
        f"<p>Body: {pages.type_in_words(each['schema'])}</p>"
        for each in operation.get("requestBody", {}).get("content", {}).values()
    )
    parameters = [
        (
            f"<code>{escape(each['name'])}</code>",
            f"{each['in']}{', required' if each.get('required') else ''}",
            pages.type_in_words(each["schema"]),
            pages.inline(each.get("description", "")),
        )
        for each in operation.get("parameters", [])
    ]
    answers = [
        (f"<code>{status}</code>", _answer(answer), pages.inline(answer.get("description", "")))
        for status, answer in operation["responses"].items()
    ]
    summary = escape(operation.get("summary", ""))
    return (
        f'<details><summary><code class="method">{method.upper()}</code> '
        f"<code>{escape(path)}</code> {summary}</summary>\n"
        f"<div>{pages.prose(operation)}{pages.table(parameters)}{body}{pages.table(answers)}</div></details>\n"
    )


def _answer(answer: Json) -> str:
    kinds = [pages.type_in_words(each["schema"]) for each in answer.get("content", {}).values()]
    return " or ".join(kinds)
