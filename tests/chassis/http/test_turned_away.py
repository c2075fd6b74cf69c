"""At the door of a process that has too much to do."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
import msgspec
import pytest
from litestar import get, post
from litestar.handlers import HTTPRouteHandler
from litestar.response import ServerSentEvent

from ordereats.chassis import context, slots
from ordereats.chassis.calls.http import Http
from ordereats.chassis.context import Priority
from ordereats.chassis.http.app import create_app
from ordereats.chassis.http.gradient import Bounds
from ordereats.chassis.http.operations import Watched
from ordereats.chassis.http.priorities import BROWSING, Priorities
from ordereats.chassis.http.requests import DoorSettings
from ordereats.chassis.http.shedding import Limiter
from ordereats.contracts.calls import Call
from support.builders import Client, serving, until_true

PLACES = 10


class Nothing(msgspec.Struct, frozen=True):
    """Asked, and answered."""


class Placing(msgspec.Struct, frozen=True):
    body: Nothing


PLACE = Call("busy", "place", "/orders", Placing, Nothing, method="POST")


@dataclass
class Busy:
    """An app all of whose places are taken by requests that wait to be let go."""

    go: asyncio.Event = field(default_factory=asyncio.Event)
    seen: list[Priority] = field(default_factory=list)
    limiter: Limiter = field(
        default_factory=lambda: Limiter(Bounds(least=PLACES, first=PLACES, most=PLACES))
    )

    def routes(self) -> list[HTTPRouteHandler]:
        @post("/orders", status_code=200)
        async def order() -> Nothing:
            self.seen.append(context.current().priority)
            await self.go.wait()
            return Nothing()

        @get("/orders/{order_id:int}")
        async def read(order_id: int) -> int:
            self.seen.append(context.current().priority)
            return order_id

        @get("/restaurants/{restaurant_id:int}/menu", opt=BROWSING)
        async def browse(restaurant_id: int) -> int:
            self.seen.append(context.current().priority)
            return restaurant_id

        @get("/orders/{order_id:int}/events")
        async def follow(order_id: int) -> ServerSentEvent:
            async def events() -> AsyncIterator[str]:
                yield str(order_id)
                await self.go.wait()

            return ServerSentEvent(events())

        return [order, read, browse, follow]

    @property
    def in_flight(self) -> int:
        return self.limiter.state().in_flight


@asynccontextmanager
async def at_work(
    taken: int, *, heeds_priority: bool = False
) -> AsyncIterator[tuple[Client, Busy]]:
    """Take so many places of the app for the length of a block."""
    busy = Busy()
    door = DoorSettings(heeds_priority=heeds_priority)
    app = create_app("busy", busy.routes(), [], Watched(limiter=busy.limiter), door)
    async with serving(app) as client, asyncio.TaskGroup() as tasks:
        for _ in range(taken):
            tasks.create_task(client.post("/orders", b""))

        async def are_taken() -> bool:
            return busy.in_flight == taken

        await until_true(are_taken)
        busy.seen.clear()
        try:
            yield client, busy
        finally:
            busy.go.set()


async def test_one_too_many_is_told_so_at_once_and_when_to_come_back() -> None:
    async with at_work(PLACES) as (client, busy):
        for asked in (client.get("/orders/1"), client.post("/orders", {"some": "body"})):
            answer = await asked

            assert (answer.status, answer.code) == (503, "overloaded")
            assert 1 <= int(answer.headers["retry-after"]) <= 3
        assert busy.seen == []


async def test_who_is_turned_away_keeps_the_correlation_id_and_the_connection() -> None:
    async with at_work(PLACES) as (client, busy):
        refused = await client.get("/orders/1", X_Correlation_ID="desk-1")
        assert refused.headers["x-correlation-id"] == "desk-1"
        assert "connection" not in refused.headers
        busy.go.set()

        async def is_free() -> bool:
            return busy.in_flight == 0

        await until_true(is_free)
        assert (await client.get("/orders/1")).status == 200


@pytest.mark.parametrize("header", ["Connection: close", "Expect: 100-continue"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
async def test_what_is_not_plain_is_refused_as_well(method: str, header: str) -> None:
    async with at_work(PLACES) as (client, _):
        # Not by the client: the library's own task for `Expect` is cancelled by an early answer.
        reader, writer = await asyncio.open_connection("127.0.0.1", _port(client))
        writer.write(f"{method} /orders/%31 HTTP/1.1\r\nHost: here\r\n{header}\r\n\r\n".encode())

        head = (await reader.readuntil(b"\r\n\r\n")).lower()

        assert head.startswith(b"http/1.1 503")
        assert b"\r\nretry-after: " in head
        writer.close()


async def test_two_requests_in_one_go_get_their_answers_in_order() -> None:
    async with at_work(PLACES - 2) as (client, busy):  # room for a read, none for a second one
        reader, writer = await asyncio.open_connection("127.0.0.1", _port(client))
        writer.write(b"GET /orders/1 HTTP/1.1\r\nHost: here\r\n\r\n" * 2)
        for _ in range(2):
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length: ")[2].split(b"\r")[0])
            await reader.readexactly(length)
            assert head.startswith((b"HTTP/1.1 200", b"HTTP/1.1 503"))
        writer.close()
        assert busy.in_flight == PLACES - 2


async def test_probes_are_answered_all_the_same() -> None:
    async with at_work(PLACES) as (client, _):
        for path in ("/health", "/health/live", "/health/ready", "/metrics"):
            assert (await client.get(path)).status == 200


async def test_an_operator_comes_in_all_the_same() -> None:
    async with at_work(PLACES) as (client, busy):
        shown = await client.get("/ops/breakers")
        forced = await client.ask("PUT", "/ops/breakers/users/get", data=b'{"force": "open"}')

        assert (shown.status, forced.code) == (200, "not_found")  # nobody was asked yet
        assert busy.in_flight == PLACES


async def test_browsing_is_refused_first_then_reading_then_changes() -> None:
    async with at_work(6) as (client, _):
        assert (await client.get("/restaurants/1/menu")).status == 503
        assert (await client.get("/orders/1")).status == 200
    async with at_work(8) as (client, busy), asyncio.TaskGroup() as tasks:
        assert (await client.get("/orders/1")).status == 503
        changing = tasks.create_task(client.post("/orders", b""))

        async def is_in() -> bool:
            return busy.in_flight == 9

        await until_true(is_in)
        busy.go.set()
        assert (await changing).status == 200


async def test_reading_for_a_neighbour_who_changes_something_matters_as_much() -> None:
    async with at_work(9, heeds_priority=True) as (client, busy):
        assert (await client.get("/orders/1", X_Priority="change")).status == 200
        assert (await client.get("/orders/1", X_Priority="nonsense")).status == 503
        assert busy.seen == [Priority.CHANGE]


async def test_where_there_are_no_neighbours_nobody_can_say_what_it_matters() -> None:
    async with at_work(9) as (client, _):
        assert (await client.get("/orders/1", X_Priority="change")).status == 503


async def test_who_asks_a_neighbour_holds_no_place_meanwhile() -> None:
    limiter = Limiter()
    slot = limiter.admit(Priority.CHANGE)
    assert slot is not None
    async with (
        at_work(0) as (client, busy),
        Http.open(client.url) as neighbour,
        asyncio.TaskGroup() as tasks,
    ):
        with slots.entered(slot):
            asking = tasks.create_task(neighbour.ask(PLACE, Placing(Nothing())))

        async def is_asked() -> bool:
            return busy.in_flight == 1

        await until_true(is_asked)
        assert limiter.state().in_flight == 0
        busy.go.set()
        assert await asking == Nothing()
        assert limiter.state().in_flight == 1


async def test_a_stream_holds_no_place() -> None:
    async with (
        at_work(0) as (client, busy),
        aiohttp.ClientSession() as session,
        session.get(f"{client.url}/orders/1/events") as stream,
    ):
        await stream.content.readany()

        assert busy.in_flight == 0


@pytest.mark.parametrize("target", ["http://[::1", "//\u00e9", "/" + "x" * 70_000])
async def test_a_target_that_can_not_be_read_holds_no_place(target: str) -> None:
    async with at_work(0) as (client, busy):
        port = _port(client)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"GET {target} HTTP/1.1\r\nHost: here\r\n\r\n".encode())
        await reader.read(100)
        writer.close()

        assert busy.in_flight == 0


async def test_who_leaves_before_the_answer_gives_up_its_place() -> None:
    async with at_work(0) as (client, busy):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await client.post("/orders", b"")
        assert busy.in_flight == 1
        busy.go.set()

        async def is_free() -> bool:
            return busy.in_flight == 0

        await until_true(is_free)


def test_what_a_request_matters_is_known_from_its_method_and_path() -> None:
    known = Priorities(Busy().routes())

    assert known.of("GET", "/restaurants/7/menu") is Priority.BROWSE
    assert known.of("HEAD", "/restaurants/7/menu/") is Priority.BROWSE
    assert known.of("PUT", "/restaurants/7/menu") is Priority.CHANGE
    assert known.of("GET", "/restaurants/7/menu/1") is Priority.READ
    assert Priorities([]).of("GET", "/") is Priority.READ


def test_the_state_of_the_limiter_can_be_shown() -> None:
    shown = msgspec.to_builtins(Limiter().state())

    assert shown["inFlight"] == 0
    assert [each["priority"] for each in shown["priorities"]] == ["change", "read", "browse"]


def _port(client: Client) -> int:
    return int(client.url.rpartition(":")[2])
