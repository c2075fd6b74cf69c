"""The descriptions of the whole platform, as they stand in `documents/`: made from the code."""

from importlib.resources import files

import msgspec

from ordereats.chassis.http.app import described
from ordereats.topology import asyncapi, catalog
from ordereats.topology.assembly import on_nothing

FOLDER = files("ordereats.topology") / "documents"
"""The files are compared with the code by `tests/topology/test_described.py`."""


async def written(name: str) -> str:
    """What the code says: `openapi`, every request and answer; or `asyncapi`, every event."""
    async with on_nothing() as everything:
        services = everything.services
        if name == "asyncapi":
            return _text(asyncapi.document(services))
        routes = [route for service in services for route in service.routes]
        return _text(described(catalog.title(catalog.SERVICES), routes))


def _text(document: object) -> str:
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"
