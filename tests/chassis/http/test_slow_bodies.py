"""A client that sends its body slowly takes nothing from others, and has until its deadline."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from time import monotonic

from chassis.http.conftest import fill, thing
from ordereats.chassis.http.app import create_app
from ordereats.chassis.http.operations import Watched
from ordereats.chassis.http.requests import DoorSettings
from ordereats.chassis.http.shedding import Limiter, LimiterState
from support.builders import Client, serving, until_true

BODY = b'{"userId": 1, "items": [{"name": "Pho", "qty": 2}]}'
HEAD = (
    b"POST /baskets HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\n"
    b"Content-Length: %d\r\n\r\n" % len(BODY)
)
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass
class Shop:
    """An app with so many places as it has at first, on a socket.

    Attributes:
        ahead_s: how far its clock is ahead of ours.
    """

    ahead_s: float = 0
    limiter: Limiter = field(init=False)
    client: Client = field(init=False)

    def __post_init__(self) -> None:
        self.limiter = Limiter(clock=lambda: monotonic() + self.ahead_s)

    def state(self) -> LimiterState:
        return self.limiter.state()

    async def half_sent(self) -> Streams:
        """Begin a POST, and send the first byte of its body."""
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", int(self.client.url.rpartition(":")[2])
        )
        writer.write(HEAD + BODY[:1])
        return reader, writer


@asynccontextmanager
async def a_shop(*, patience_s: float = 30) -> AsyncIterator[Shop]:
    shop, door = Shop(), DoorSettings(patience_s=patience_s)
    watched = Watched(limiter=shop.limiter)
    async with serving(create_app("shop", [fill, thing], [], watched, door)) as shop.client:
        yield shop


async def admitted(shop: Shop, number: int) -> None:
    """Wait until so many have come in, and wait for their bodies."""

    async def are_in() -> bool:
        state = shop.state()
        return sum(each.admitted for each in state.priorities) >= number and not state.in_flight

    await until_true(are_in)


async def test_two_hundred_half_sent_requests_shut_nobody_out() -> None:
    async with a_shop() as shop:
        slow = [await shop.half_sent() for _ in range(200)]
        await admitted(shop, 200)

        assert (await shop.client.get("/things/7")).status == 200
        assert (await shop.client.post("/baskets", BODY)).status == 201

        for reader, writer in slow:
            writer.write(BODY[1:])
            assert (await reader.readline()).startswith(b"HTTP/1.1 201")
            writer.close()
        assert shop.state().in_flight == 0


async def test_the_time_in_which_a_body_comes_is_not_our_own() -> None:
    async with a_shop() as shop:
        for _ in range(3):
            await shop.client.post("/baskets", BODY)
        slow = [await shop.half_sent() for _ in range(20)]
        await admitted(shop, 23)
        shop.ahead_s = 2

        for reader, writer in slow:
            writer.write(BODY[1:])
            await reader.readline()
            writer.close()

        assert shop.state().slowness < 1


async def test_a_body_that_is_not_whole_by_the_deadline_is_given_up() -> None:
    async with a_shop(patience_s=0.2) as shop:
        reader, writer = await shop.half_sent()

        answer = await asyncio.wait_for(reader.read(), 5)

        assert answer.startswith(b"HTTP/1.1 408")
        assert b'"code":"request_timeout"' in answer
        assert b"connection: close" in answer.lower()
        assert shop.state().in_flight == 0
        writer.close()


async def test_who_leaves_in_the_middle_of_a_body_holds_nothing() -> None:
    async with a_shop() as shop:
        for _ in range(20):
            _, writer = await shop.half_sent()
            writer.close()
        await admitted(shop, 20)

        assert shop.state().in_flight == 0
