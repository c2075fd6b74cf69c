"""A callee that can go wrong in every way, reached in this process and over a real socket."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import pytest
from litestar import get, post
from litestar.params import JSONBody
from msgspec import Struct

from ordereats.chassis import context
from ordereats.chassis.calls.client import Calls, Transport
from ordereats.chassis.calls.edges import Edges, EdgeSettings
from ordereats.chassis.calls.http import Http
from ordereats.chassis.calls.in_process import InProcess, answer
from ordereats.chassis.errors import (
    Conflict,
    DatabaseError,
    DeadlineExceeded,
    Invalid,
    NotFound,
    Unavailable,
)
from ordereats.chassis.http.app import create_app
from ordereats.chassis.http.requests import DoorSettings
from ordereats.contracts.calls import Call
from ordereats.contracts.problems import FieldProblem
from ordereats.contracts.wire import Answer, Body
from support.builders import serving


class WhichThing(Struct, frozen=True):
    kind: str


class Thing(Answer, frozen=True):
    """What the callee sees of the call."""

    kind: str
    correlation_id: str
    traceparent: str | None
    priority: str
    remaining_s: float


class Thoughts(Body, frozen=True):
    """What is told along with a POST."""

    about: str


class ThinkOf(Struct, frozen=True):
    kind: str
    body: Thoughts


GET_THING = Call("callee", "get_thing", "/things/{kind}", WhichThing, Thing, deadline_ms=500)
THINK_OF_THING = Call(
    "callee", "think_of_thing", "/things/{kind}", ThinkOf, Thing, "POST", deadline_ms=500
)


class Callee:
    """Answers one question, or fails as the question says.

    Attributes:
        asked: how often.
        may_answer: what is slow waits for this.
    """

    def __init__(self) -> None:
        self.asked = 0
        self.may_answer = asyncio.Event()

    async def get(self, which: WhichThing) -> Thing:
        self.asked += 1
        if which.kind == "slow":
            await self.may_answer.wait()
        elif which.kind in _ERRORS:
            raise _ERRORS[which.kind]
        at = context.current()
        return Thing(
            which.kind,
            at.correlation_id,
            at.traceparent,
            at.priority.value,
            at.remaining_s(1000),
        )


class Closed(Conflict, code="closed"):
    """A refusal that says more."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.extension = {"opensAt": "17:30", "dishes": [1, 2]}


_ERRORS: dict[str, Exception] = {
    "missing": NotFound("There is no such thing."),
    "unavailable": Unavailable("The callee's own neighbour is down."),
    "told": Unavailable("Not for a while.", retry_after_s=7),
    "late": DeadlineExceeded("The callee's own neighbour took too long."),
    "database": DatabaseError("the-secret-inside"),
    "fault": RuntimeError("the-secret-inside"),
    "timeout": TimeoutError("the-secret-inside"),
    "conflict": Closed("Not now."),
    "invalid": Invalid(FieldProblem("kind", "must be another")),
}


@dataclass(frozen=True, slots=True)
class Edge:
    """A caller and a callee. The breakers stay closed: other tests are about them."""

    callee: Callee
    transport: Transport
    posts: bool = False
    edges: Edges = field(default_factory=lambda: Edges(EdgeSettings(breakers=False)))

    async def ask(self, kind: str = "good") -> Thing:
        calls = Calls({"callee": self.transport}, self.edges)
        if self.posts:
            return await calls.ask(THINK_OF_THING, ThinkOf(kind, Thoughts(kind)))
        return await calls.ask(GET_THING, WhichThing(kind))


@pytest.fixture(params=["in_process", "http", "http post"])
async def edge(request: pytest.FixtureRequest) -> AsyncIterator[Edge]:
    """Give each transport in turn."""
    callee = Callee()
    if request.param == "in_process":
        transport = InProcess(through_codec=True)
        transport.add([answer(GET_THING, callee.get)])
        yield Edge(callee, transport)
        return

    @get("/things/{kind:str}")
    async def get_thing(kind: str) -> Thing:
        return await callee.get(WhichThing(kind))

    @post("/things/{kind:str}", status_code=200)
    async def think_of_thing(kind: str, data: JSONBody[Thoughts]) -> Thing:
        assert data.about == kind
        return await callee.get(WhichThing(kind))

    app = create_app(
        "callee", [get_thing, think_of_thing], [], door=DoorSettings(heeds_priority=True)
    )
    async with (
        serving(app) as client,
        Http.open(client.url) as http,
    ):
        yield Edge(callee, http, posts=request.param == "http post")
        callee.may_answer.set()


Handle = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture
async def stranger() -> AsyncIterator[Callable[..., Awaitable[Edge]]]:
    """Call to listen with something that is no service of ours."""
    opened: list[asyncio.Server] = []

    async with asyncio.TaskGroup() as tasks:
        closing = asyncio.Event()

        async def listen(handle: Handle, *, posts: bool = False) -> Edge:
            server = await asyncio.start_server(handle, "127.0.0.1", 0)
            opened.append(server)
            url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            ready: asyncio.Future[Http] = asyncio.get_running_loop().create_future()

            async def hold() -> None:
                async with Http.open(url) as http:
                    ready.set_result(http)
                    await closing.wait()

            tasks.create_task(hold())
            return Edge(Callee(), await ready, posts=posts)

        yield listen
        closing.set()
    for server in opened:
        server.close()
