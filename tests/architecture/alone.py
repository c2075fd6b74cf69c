"""Runs one service alone, on a database of its own: `python alone.py NAME URL`.

Not part of the platform, and nothing here knows a service: the test runs it in a folder in which
there are only the contracts, the chassis and that service.
"""

import asyncio
import re
import sys
from contextlib import AsyncExitStack
from importlib import import_module
from pathlib import Path
from typing import Any

import asyncpg

import ordereats
from ordereats.chassis.background import Background
from ordereats.chassis.calls.client import Calls
from ordereats.chassis.calls.edges import Edges, EdgeSettings
from ordereats.chassis.clock import SystemClock
from ordereats.chassis.config import Environment
from ordereats.chassis.db.migrations import MigrationSet, migrate
from ordereats.chassis.db.pool import Database
from ordereats.chassis.http.app import create_app
from ordereats.chassis.http.health import Draining
from ordereats.chassis.http.idempotency import Answers
from ordereats.chassis.messaging.outbox import Outbox
from ordereats.chassis.service import CHASSIS_TABLES, Ports, Service

_STATEMENT = re.compile(r"\s*(select|insert|update|delete|with)\s")
_QUERIES = (b"", b"orderId=1", b"userId=1", b"restaurantId=1")
"""Some lists want to know whose; a 400 to the others is no fault."""


async def run_alone(name: str, url: str) -> None:
    """Migrate, build, prepare every statement of the store, and ask every GET route."""
    root = Path(ordereats.__file__).parent
    assert root.is_relative_to(Path.cwd()), f"{root} is not the copy in {Path.cwd()}"
    service_module = import_module(f"ordereats.services.{name}.service")
    await migrate(
        url, [CHASSIS_TABLES, MigrationSet(name, root / "services" / name / "migrations")]
    )
    async with AsyncExitStack() as resources:
        background = await resources.enter_async_context(Background.open())
        database = await resources.enter_async_context(Database.open(url, name=name))
        edges = Edges(EdgeSettings())
        ports = Ports(
            database=database,
            outbox=Outbox(name, SystemClock(), lambda: None),
            answers=Answers(database),
            calls=Calls({}, edges),
            edges=edges,
            clock=SystemClock(),
            background=background,
            environment=Environment({}),
            resources=resources,
            draining=Draining(),
        )
        service: Service = service_module.build(ports)
        assert service.name == name
        statements = await _prepare_statements(url, name)
        answers = await _ask(service)
    assert statements, f"no statement found in the store of {name}"
    assert answers, f"{name} has no GET route"


async def _prepare_statements(url: str, name: str) -> int:
    """Let PostgreSQL itself say whether every table, column and sequence in the SQL is there."""
    stores = [module for path, module in sys.modules.items() if f"services.{name}.store" in path]
    values = [value for store in stores for value in vars(store).values()]
    statements = [each for each in values if isinstance(each, str) and _STATEMENT.match(each)]
    connection = await asyncpg.connect(url)
    try:
        for statement in statements:
            await connection.prepare(statement)
    finally:
        await connection.close()
    return len(statements)


async def _ask(service: Service) -> int:
    """Ask for things that are not there: the answer comes from the database, and is no fault."""
    app = create_app(service.name, service.routes, [])
    readers = [route for route in service.routes if "GET" in route.http_methods]
    paths = [path for route in readers for path in route.paths]
    for path in paths:
        at = re.sub(r"{\w+:int}", "1", path)
        statuses = {await _get(app, at, query) for query in _QUERIES}
        assert statuses & {200, 404}, f"GET {path}: {statuses}"
        assert statuses <= {200, 400, 404}, f"GET {path}: {statuses}"
    return len(paths)


async def _get(app: Any, path: str, query: bytes) -> int:
    """Ask without a socket, in this loop; the status."""
    statuses: list[int] = []

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            statuses.append(int(message["status"]))

    scope: dict[str, object] = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": query,
        "headers": [],
        "client": None,
        "server": None,
    }
    await app(scope, receive, send)
    return statuses[0]


if __name__ == "__main__":
    asyncio.run(run_alone(*sys.argv[1:]))
