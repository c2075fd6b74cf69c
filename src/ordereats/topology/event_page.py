"""The description of the events as a page for people. It needs no script and no other host."""

from collections.abc import Mapping, Sequence
from functools import cache
from html import escape

import msgspec
from litestar import MediaType, Response, get
from litestar.handlers import HTTPRouteHandler

from ordereats.chassis.http import pages
from ordereats.chassis.http.pages import Json
from ordereats.chassis.service import Service
from ordereats.topology import asyncapi


def routes(services: Sequence[Service]) -> list[HTTPRouteHandler]:
    """`/asyncapi.json` and `/docs/events`: what these services say and hear."""

    @cache
    def document() -> asyncapi.Json:
        return asyncapi.document(services)

    @get("/asyncapi.json", include_in_schema=False, sync_to_thread=True)
    def written() -> Response[bytes]:
        return Response(msgspec.json.encode(document()), media_type=MediaType.JSON)

    @get("/docs/events", media_type=MediaType.HTML, include_in_schema=False, sync_to_thread=True)
    def shown() -> str:
        return page(document())

    return [written, shown]


def page(document: Json) -> str:
    """An AsyncAPI document as HTML: the events, what goes along with each, and the shapes."""
    components = document["components"]
    operations = list(document["operations"].values())
    events = "".join(
        _event(name, channel, components, _of(f"#/channels/{name}", operations))
        for name, channel in document["channels"].items()
    )
    payloads = {_name(each["payload"]) for each in components["messages"].values()}
    shapes = "".join(
        pages.shape(name, schema)
        for name, schema in components["schemas"].items()
        if name not in payloads
    )
    along = "".join(pages.fields(each["headers"]) for each in components["messageTraits"].values())
    body = f"""{pages.prose(document["info"])}
<p>For programs: <a href="../asyncapi.json">asyncapi.json</a> (AsyncAPI {document["asyncapi"]}).
Requests and answers: <a href="../docs">docs</a>.</p>
<h2>Events</h2>
{events}
<h2>What goes along with each</h2>
{along}
<h2>Shapes</h2>
{shapes}"""
    return pages.whole(f"{document['info']['title']}: events", body)


def _of(channel: str, operations: Sequence[Json]) -> list[Json]:
    return [each for each in operations if each["channel"]["$ref"] == channel]


def _event(name: str, channel: Json, components: Json, operations: Sequence[Json]) -> str:
    (reference,) = channel["messages"].values()
    message = components["messages"][_name(reference)]
    schema = components["schemas"][_name(message["payload"])]
    who = "".join(f"<li>{pages.inline(each['summary'])}</li>" for each in operations)
    what = f"{pages.prose(schema)}{pages.fields(schema)}"
    examples = "".join(_example(each) for each in message["examples"])
    summary = escape(message["summary"])
    return (
        f'<details id="{escape(name)}"><summary><code>{escape(name)}</code> {summary}</summary>\n'
        f"<div><ul>{who}</ul>{what}{examples}</div></details>\n"
    )


def _example(given: Mapping[str, object]) -> str:
    text = msgspec.json.format(msgspec.json.encode(given["payload"])).decode()
    return f"<p>Such as:</p><pre>{escape(text)}</pre>"


def _name(reference: Json) -> str:
    name: str = reference["$ref"].rpartition("/")[2]
    return name
