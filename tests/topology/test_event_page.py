"""The page of the events: complete, for people, and without any other host."""

import re
from typing import Any

import msgspec
import pytest

from chassis.http.test_docs import Reader
from ordereats.topology import event_page
from ordereats.topology.described import FOLDER

Json = dict[str, Any]


@pytest.fixture(scope="module")
def document() -> Json:
    read: Json = msgspec.json.decode((FOLDER / "asyncapi.json").read_bytes())
    return read


def test_it_needs_no_other_host_and_no_script(document: Json) -> None:
    html = event_page.page(document)

    assert "//" not in html
    assert not re.search(r"<script|<link|<img|@import|url\(", html)


def test_it_has_every_event_with_who_says_and_hears_it_its_fields_and_an_example(
    document: Json,
) -> None:
    reader = Reader(event_page.page(document))

    assert set(document["channels"]) <= reader.anchors
    for operation in document["operations"].values():
        assert operation["summary"] in reader.text
    for message in document["components"]["messages"].values():
        assert message["summary"] in reader.text
    for schema in document["components"]["schemas"].values():
        assert all(name in reader.text for name in schema.get("properties", {}))
    assert reader.text.count("Such as:") == len(document["channels"])
    assert "cloudEvents:correlationid" in reader.text


def test_it_is_well_formed_and_its_links_lead_to_shapes(document: Json) -> None:
    reader = Reader(event_page.page(document))

    inside = {link for link in reader.loaded if link.startswith("#")}
    assert reader.unclosed == []
    assert "#Money" in inside
    assert {link.removeprefix("#") for link in inside} <= reader.anchors
    assert set(reader.loaded) - inside == {"../asyncapi.json", "../docs"}


def test_nothing_that_it_is_told_becomes_markup(document: Json) -> None:
    text = msgspec.json.encode(document).decode()
    evil = text.replace("The customer has the food.", "<script>alert(1)</script>")

    html = event_page.page(msgspec.json.decode(evil))

    assert "<script" not in html
    assert "<script>alert(1)</script>" in Reader(html).text
