"""The descriptions of the whole platform, as they stand in `documents/`: made from the code."""

from importlib.resources import files
from typing import Any

import msgspec

from ordereats.chassis.http import docs
from ordereats.chassis.http.app import described
from ordereats.topology import asyncapi, catalog, event_page
from ordereats.topology.assembly import on_nothing

FOLDER = files("ordereats.topology") / "documents"
"""The files are compared with the code by `tests/topology/test_described.py`."""


async def written(name: str) -> str:
    """What the code says: `openapi`, every request and answer; or `asyncapi`, every event."""
    document = await _document(name)
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"


async def shown(name: str) -> str:
    """The same as a page for people."""
    page = event_page.page if name == "asyncapi" else docs.page
    return page(await _document(name))


async def _document(name: str) -> dict[str, Any]:
    async with on_nothing() as everything:
        services = everything.services
        if name == "asyncapi":
            found = asyncapi.document(services)
        else:
            routes = [route for service in services for route in service.routes]
            found = described(catalog.title(catalog.SERVICES), routes)
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(found))
    return plain
