"""The page of the API: complete, for people, and without any other host."""

import re
from html.parser import HTMLParser
from typing import Any

import pytest

from ordereats.chassis.http.docs import page
from support.builders import Client, Running


class Reader(HTMLParser):
    """Reads a page as a browser does.

    Attributes:
        text: what a person reads.
        loaded: what a browser would fetch by itself, or when clicked.
        anchors: the places on it.
        unclosed: elements that were begun and not ended.
    """

    VOID = frozenset({"meta", "link", "br", "img"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.text = ""
        self.loaded: list[str] = []
        self.anchors: set[str] = set()
        self.unclosed: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.loaded += [given[name] for name in ("src", "href", "action") if name in given]
        self.anchors |= {given["id"]} if "id" in given else set()
        if tag not in self.VOID:
            self.unclosed.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.unclosed.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture
async def html(shop: Running) -> str:
    answer = await shop.client.get("/docs")
    assert (answer.status, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    return answer.body.decode()


@pytest.fixture
async def document(shop: Running) -> dict[str, Any]:
    found: dict[str, Any] = (await shop.client.get("/openapi.json")).json()
    return found


async def test_it_needs_no_other_host(html: str) -> None:
    assert "//" not in html
    assert not re.search(r"<script|<link|<img|@import|url\(", html)


async def test_every_link_leads_somewhere(html: str, shop: Running) -> None:
    reader = Reader(html)

    for link in set(reader.loaded):
        if link.startswith("#"):
            assert link[1:] in reader.anchors
        else:
            assert (await shop.client.get(f"/{link}")).status == 200


async def test_it_has_every_operation_parameter_shape_and_field(
    html: str, document: dict[str, Any]
) -> None:
    text, anchors = Reader(html).text, Reader(html).anchors

    for path, methods in document["paths"].items():
        assert path in text
        for operation in methods.values():
            assert operation["summary"] in text
            assert all(each["name"] in text for each in operation.get("parameters", []))
    for name, schema in document["components"]["schemas"].items():
        assert name in anchors
        assert all(field in text for field in schema.get("properties", {}))
    for described in [
        document["info"],
        *document["tags"],
        *document["components"]["schemas"].values(),
    ]:
        assert first_words(described) in text


def first_words(described: dict[str, Any]) -> str:
    words: str = described["description"]
    return words.partition("`")[0].partition("\n")[0]


async def test_it_is_well_formed(html: str) -> None:
    assert Reader(html).unclosed == []


async def test_it_is_no_part_of_the_api_that_it_describes(document: dict[str, Any]) -> None:
    assert "/docs" not in document["paths"]


async def test_every_process_has_one_also_without_a_service(probe: Client) -> None:
    answer = await probe.get("/docs")

    assert answer.status == 200
    assert "/baskets" in Reader(answer.body.decode()).text


SHAPES: list[tuple[dict[str, Any], str]] = [
    ({"type": "integer", "minimum": 1.0, "maximum": 500.0}, "integer, at least 1, at most 500"),
    ({"type": "integer", "minimum": 1, "maximum": 2**63 - 1}, "integer, at least 1"),
    ({"type": "string", "format": "date-time"}, "date-time"),
    ({"type": "string", "minLength": 1, "pattern": "^a&b$"}, "at least 1 characters, like ^a&b$"),
    ({"oneOf": [{"$ref": "#/components/schemas/Thing"}, {"type": "null"}]}, "Thing or null"),
    ({"type": "array", "items": {"type": "string"}, "maxItems": 5}, "list of string, at most 5"),
    ({"enum": ["new", "ready"]}, "new | ready"),
    ({"const": "ok"}, "ok"),
    ({}, "anything"),
]


@pytest.mark.parametrize(("schema", "said"), SHAPES)
def test_a_shape_is_said_in_a_few_words(schema: dict[str, Any], said: str) -> None:
    html = page(a_document(schema))

    assert said in Reader(html).text
    assert "9223372036854775807" not in html


def test_nothing_that_it_is_told_becomes_markup() -> None:
    evil = '<script>alert("1")</script>'
    document = a_document({"enum": [evil], "description": evil}, name=evil)

    assert "<script" not in page(document)
    assert evil in Reader(page(document)).text


def test_a_description_is_paragraphs_lists_and_code() -> None:
    text = "One `thing`\nand more.\n\n- first\n  of all\n- `second`"
    document = a_document({"type": "string", "description": "a `field`"})
    document["info"]["description"] = text
    document["components"]["schemas"]["Thing"]["description"] = text
    document["tags"] = [{"name": "thing", "description": "of `things`"}]

    html = page(document)

    prose = "<p>One <code>thing</code>\nand more.</p>"
    items = "<ul><li>first\n  of all</li><li><code>second</code></li></ul>"
    assert html.count(prose + items) == 2
    assert "<td>a <code>field</code></td>" in html
    assert "<h2>thing</h2>\n<p>of <code>things</code></p>" in html


def a_document(schema: dict[str, Any], name: str = "thing") -> dict[str, Any]:
    described = {"description": name, "summary": name, "tags": [name], "responses": {}}
    parameter = {"name": name, "in": "query", "schema": schema, "description": name}
    return {
        "openapi": "3.1.0",
        "info": {"title": name, "description": name},
        "paths": {f"/{name}": {"get": {**described, "parameters": [parameter]}}},
        "components": {"schemas": {"Thing": {"type": "object", "properties": {name: schema}}}},
    }
