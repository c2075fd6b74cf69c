"""`ordereats ps` shows which calls are stopped by a breaker, and waits for nobody."""

import asyncio
import os
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from ordereats.chassis.calls.edges import Edges, EdgeSettings
from ordereats.chassis.errors import Unavailable
from ordereats.chassis.http.app import create_app
from ordereats.chassis.http.operations import Watched
from ordereats.cli import show
from ordereats.topology.local.part import Kind
from ordereats.topology.local.state import PartState, Phase, Running, State
from support.builders import serving


@pytest.fixture
def edges() -> Edges:
    """Give the edges of a service that runs."""
    return Edges(EdgeSettings())


def a_part(name: str, url: str, *, state: State = State.READY) -> PartState:
    return PartState(
        name=name, kind=Kind.SERVICE, pid=os.getpid(), url=url, state=state, restarts=0
    )


def running(*parts: PartState) -> Running:
    return Running(
        pid=os.getpid(),
        born=0,
        phase=Phase.UP,
        address="http://localhost:3000",
        topology="services",
        broker="rabbitmq",
        parts=list(parts),
    )


@asynccontextmanager
async def orders_with(edges: Edges) -> AsyncIterator[Running]:
    """Run a service, for `ps` to ask."""
    async with serving(create_app("orders", [], [], Watched(edges=edges))) as orders:
        yield running(a_part("orders", orders.url))


async def lines(seen: Running) -> list[str]:
    """What the table says below its parts."""
    table = await asyncio.to_thread(show.as_table, seen)
    return [line.strip() for line in table.splitlines() if line.startswith("  ")]


async def breakers(seen: Running) -> list[Any]:
    """What the JSON says of each part."""
    text = await asyncio.to_thread(show.as_json, seen)
    return [part["breakers"] for part in msgspec.json.decode(text)]


async def fail(edges: Edges, callee: str, kind: str, *, times: int) -> None:
    """Ask someone who is down."""

    async def ask() -> None:
        raise Unavailable

    for _ in range(times):
        with pytest.raises(Unavailable):
            await edges.edge(callee, kind, slow_s=1).run(ask)


async def test_a_platform_that_is_well_shows_no_breakers(edges: Edges) -> None:
    edges.edge("restaurants", "quote", slow_s=1)

    async with orders_with(edges) as seen:
        assert await lines(seen) == []
        assert await breakers(seen) == [[]]


async def test_an_open_breaker_is_shown_with_its_figures(edges: Edges) -> None:
    await fail(edges, "restaurants", "quote", times=12)
    await fail(edges, "users", "get", times=1)

    async with orders_with(edges) as seen:
        (line,) = await lines(seen)
        ((breaker,),) = await breakers(seen)

    assert line.startswith("orders → restaurants quote: open for 0 s (of 5 calls 5 failed, ")
    assert "; asked again in " in line
    assert (breaker["callee"], breaker["kind"]) == ("restaurants", "quote")
    assert (breaker["breaker"], breaker["failureRate"]) == ("open", 1.0)
    assert 0 < breaker["retryInS"] <= 1


async def test_one_that_is_held_open_says_by_whom(edges: Edges) -> None:
    edges.edge("provider", "authorize", slow_s=1)
    edges.force("provider", "authorize", "open")

    async with orders_with(edges) as seen:
        assert await lines(seen) == ["orders → provider authorize: forced open for 0 s (by hand)"]


async def test_services_that_say_nothing_are_asked_at_once_and_not_for_long() -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        seen = running(
            *(a_part(f"deaf{number}", url) for number in range(7)),
            a_part("gone", "http://127.0.0.1:9"),
            a_part("held", url, state=State.HELD),
        )
        began = time.monotonic()

        said = await lines(seen)

    assert time.monotonic() - began < 1
    assert said == [*(f"deaf{number} → ?" for number in range(7)), "gone → ?", "held → ?"]


async def test_what_is_not_known_is_null_for_programs() -> None:
    assert await breakers(running(a_part("gone", "http://127.0.0.1:9"))) == [None]
