"""Operators see how calls to neighbours go, and can hold a breaker by hand."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import msgspec
import pytest

from ordereats.chassis.calls.edge import Edge
from ordereats.chassis.calls.edges import Edges, EdgeSettings
from ordereats.chassis.errors import CircuitOpen, Unavailable
from ordereats.chassis.http.app import create_app
from ordereats.chassis.http.health import Check
from ordereats.chassis.http.operations import Watched
from support.builders import Client, Reply, serving


@dataclass(frozen=True, slots=True)
class Watching:
    """An operator, and a process that asks restaurants for quotes."""

    client: Client
    quote: Edge

    async def ready(self) -> Reply:
        return await self.client.get("/health/ready")

    async def force(self, to: object, edge: str = "restaurants/quote") -> Reply:
        body = msgspec.json.encode({"force": to})
        headers = {"Content-Type": "application/x-www-form-urlencoded"}  # as curl says
        return await self.client.ask("PUT", f"/ops/breakers/{edge}", data=body, headers=headers)

    async def shown(self) -> str:
        (edge,) = (await self.client.get("/ops/breakers")).json()
        return str(edge["breaker"])


@pytest.fixture
async def watching() -> AsyncIterator[Watching]:
    edges = Edges(EdgeSettings())
    quote = edges.edge("restaurants", "quote", slow_s=1)
    async with serving(create_app("orders", [], [], Watched(edges=edges))) as client:
        yield Watching(client, quote)


async def answered() -> str:
    return "a quote"


async def failed() -> str:
    raise Unavailable


async def test_readiness_tells_of_every_edge_and_neighbour_and_of_the_limiter(
    watching: Watching,
) -> None:
    await watching.quote.run(answered)

    seen = (await watching.ready()).json()

    (edge,) = seen["edges"]
    assert (edge["callee"], edge["kind"], edge["breaker"]) == ("restaurants", "quote", "closed")
    assert (edge["calls"], edge["failureRate"], edge["slowRate"]) == (1, 0, 0)
    assert edge["counts"]["answered"] == 1
    (neighbour,) = seen["neighbours"]
    assert neighbour["callee"] == "restaurants"
    assert (neighbour["running"], neighbour["waiting"], neighbour["limit"]) == (0, 0, 32)
    assert (neighbour["retryTokens"], neighbour["retries"]) == (10, 0)
    assert seen["limiter"]["limit"] > 0
    assert [each["priority"] for each in seen["limiter"]["priorities"]] == [
        "change",
        "read",
        "browse",
    ]


async def test_an_open_breaker_has_its_history_and_leaves_the_process_ready(
    watching: Watching,
) -> None:
    for _ in range(5):
        with pytest.raises(Unavailable):
            await watching.quote.run(failed)

    answer = await watching.ready()

    (edge,) = answer.json()["edges"]
    assert (answer.status, answer.json()["status"]) == (200, "ready")
    assert (edge["breaker"], edge["failureRate"]) == ("open", 1)
    assert edge["retryInS"] > 0
    (transition,) = edge["history"]
    assert transition["to"] == "open"
    assert transition["reason"] == "of 5 calls 5 failed, 0 were slow"


async def test_readiness_says_it_also_when_it_says_no() -> None:
    async def wrong() -> str:
        return "connection refused"

    async with serving(create_app("orders", [], [Check("database", wrong)])) as client:
        answer = await client.get("/health/ready")

    assert answer.status == 503
    assert {"edges", "neighbours", "limiter"} <= set(answer.json())


async def test_a_breaker_that_is_held_open_lets_no_call_go_until_it_is_let_loose(
    watching: Watching,
) -> None:
    answer = await watching.force("open")

    assert (answer.status, answer.json()["breaker"]) == (200, "forced_open")
    with pytest.raises(CircuitOpen):
        await watching.quote.run(answered)

    assert (await watching.force(None)).json()["breaker"] == "closed"
    assert await watching.quote.run(answered) == "a quote"


async def test_a_breaker_that_is_held_closed_lets_every_call_go(watching: Watching) -> None:
    await watching.force("closed")

    for _ in range(20):
        with pytest.raises(Unavailable):
            await watching.quote.run(failed)

    assert await watching.shown() == "forced_closed"


@pytest.mark.parametrize("edge", ["restaurants/bake", "bakers/quote"])
async def test_a_breaker_that_is_not_there_is_404(watching: Watching, edge: str) -> None:
    answer = await watching.force("open", edge)

    assert (answer.status, answer.code) == (404, "not_found")
    assert await watching.shown() == "closed"


@pytest.mark.parametrize("to", ["ajar", 1, "forced_open"])
async def test_it_is_held_in_no_other_way(watching: Watching, to: object) -> None:
    answer = await watching.force(to)

    assert (answer.status, answer.paths) == (400, ["force"])
    assert await watching.shown() == "closed"
