"""Following an order over HTTP: every move once, in its order, from wherever the client was."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp
import msgspec
import pytest

from ordereats.chassis.db.pool import Database
from ordereats.chassis.http.app import create_app
from ordereats.contracts.ids import OrderId
from ordereats.contracts.orders import OrderStatus
from ordereats.services.orders.routes import routes
from ordereats.services.orders.use_cases import reading
from services.orders.conftest import Desk, a_desk, start_jobs
from services.orders.facts import SAID, WAYS
from support.builders import Client, serving, until_true

PATIENCE_S = 5
WHOLE = ["pending", *(each.value for each in WAYS[OrderStatus.DELIVERED])]


@dataclass
class Heard:
    """One stream, as a browser reads it."""

    answer: aiohttp.ClientResponse

    async def frame(self) -> dict[str, str]:
        """The lines up to an empty one, by their field; a comment is the field ``."""
        lines: list[str] = []
        async with asyncio.timeout(PATIENCE_S):
            while line := (await self.answer.content.readline()).decode():
                if line == "\r\n":
                    return dict(_field(each) for each in lines)
                lines.append(line.rstrip("\r\n"))
        return {}

    async def move(self) -> tuple[str, str] | None:
        """The id and the state of the next event; None at the end."""
        while frame := await self.frame():
            if "event" in frame:
                assert frame["event"] == "status"
                entry = msgspec.json.decode(frame["data"])
                assert str(entry["version"]) == frame["id"]
                return frame["id"], entry["status"]
        return None

    async def rest(self) -> list[str]:
        """The states that come until the end."""
        states = []
        while move := await self.move():
            states.append(move[1])
        return states


def _field(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name, value.strip()


@dataclass
class Browser:
    """Follows orders at one process."""

    client: Client

    @asynccontextmanager
    async def follow(self, order_id: OrderId, after: int | None = None) -> AsyncIterator[Heard]:
        headers = {} if after is None else {"Last-Event-ID": str(after)}
        address = f"{self.client.url}/orders/{order_id}/events"
        async with self.client._session.get(address, headers=headers) as answer:
            assert answer.status == 200
            assert answer.content_type == "text/event-stream"
            yield Heard(answer)


@asynccontextmanager
async def at(desk: Desk) -> AsyncIterator[Browser]:
    """Put a process of orders behind a socket, with its jobs."""
    start_jobs(desk)
    async with serving(create_app("orders", routes(desk.deps), [])) as client:
        yield Browser(client)


@pytest.fixture
async def browser(desk: Desk) -> AsyncIterator[Browser]:
    async with at(desk) as browser:
        yield browser


async def test_who_comes_late_hears_all_so_far_and_the_end(desk: Desk, browser: Browser) -> None:
    order_id = await desk.brought_to(OrderStatus.DELIVERED)

    async with browser.follow(order_id) as heard:
        states = await heard.rest()

    assert states == WHOLE


async def test_each_move_comes_as_it_is_made(desk: Desk, browser: Browser) -> None:
    order_id = await desk.place()

    async with browser.follow(order_id) as heard:
        assert await heard.move() == ("1", "pending")
        for version, to in enumerate(WAYS[OrderStatus.DELIVERED], start=2):
            await desk.hear(SAID[to](order_id))
            assert await heard.move() == (str(version), to.value)
        assert await heard.move() is None


async def test_who_was_cut_off_goes_on_after_the_last_event_that_came(
    desk: Desk, browser: Browser
) -> None:
    order_id = await desk.brought_to(OrderStatus.PAID)
    async with browser.follow(order_id) as heard:
        await heard.move()
        last = await heard.move()

    for to in WAYS[OrderStatus.DELIVERED][1:]:
        await desk.hear(SAID[to](order_id))

    assert last == ("2", "paid")
    async with browser.follow(order_id, after=2) as heard:
        assert await heard.rest() == WHOLE[2:]


async def test_who_has_heard_the_end_is_told_not_to_come_again(
    desk: Desk, browser: Browser
) -> None:
    order_id = await desk.brought_to(OrderStatus.DECLINED)

    for last in ("2", "7"):
        answer = await browser.client.get(f"/orders/{order_id}/events", Last_Event_ID=last)
        assert (answer.status, answer.body) == (204, b"")


@pytest.mark.parametrize("last", ["0", "-1", "x", "1.5", str(2**31)])
async def test_what_was_never_an_event_is_400(desk: Desk, browser: Browser, last: str) -> None:
    order_id = await desk.place()

    answer = await browser.client.get(f"/orders/{order_id}/events", Last_Event_ID=last)

    assert (answer.status, answer.code) == (400, "invalid_request")


async def test_an_order_that_is_not_there_is_404(browser: Browser) -> None:
    for what in ("events", "timeline"):
        answer = await browser.client.get(f"/orders/99/{what}")
        assert (answer.status, answer.code) == (404, "not_found")


async def test_the_timeline_says_at_once_what_the_stream_says_in_time(
    desk: Desk, browser: Browser
) -> None:
    order_id = await desk.brought_to(OrderStatus.REJECTED)

    entries = (await browser.client.get(f"/orders/{order_id}/timeline")).json()

    assert [(each["version"], each["status"]) for each in entries] == [
        (1, "pending"),
        (2, "paid"),
        (3, "rejected"),
    ]
    assert (entries[0].get("reason"), entries[2]["reason"]) == (None, "no rice")


async def test_a_silent_stream_says_now_and_then_that_it_is_there(
    desk: Desk, browser: Browser
) -> None:
    order_id = await desk.place()

    async with browser.follow(order_id) as heard:
        await heard.move()
        assert await heard.frame() == {"": "nothing new"}
        assert await heard.frame() == {"": "nothing new"}


async def test_moves_that_another_process_makes_are_heard_here(
    database: Database, desk: Desk, browser: Browser
) -> None:
    async with a_desk(database) as other:
        order_id = await other.place()

        async with browser.follow(order_id) as heard:
            for to in WAYS[OrderStatus.DELIVERED]:
                await other.hear(SAID[to](order_id))
            assert await heard.rest() == WHOLE

    assert await desk.told(order_id) == ["placed", *WHOLE[1:]]


async def test_a_stream_goes_on_at_another_process(
    database: Database, desk: Desk, browser: Browser
) -> None:
    order_id = await desk.brought_to(OrderStatus.ACCEPTED)
    async with a_desk(database) as other, at(other) as elsewhere:
        async with browser.follow(order_id) as heard:
            assert [await heard.move() for _ in range(2)] == [("1", "pending"), ("2", "paid")]

        async with elsewhere.follow(order_id, after=2) as heard:
            assert await heard.move() == ("3", "accepted")
            await desk.hear(SAID[OrderStatus.READY](order_id))
            assert await heard.move() == ("4", "ready")


async def test_who_joins_between_two_looks_hears_each_move_once(desk: Desk) -> None:
    order_id = await desk.place()
    early = await reading.follow(desk.deps, order_id, after=0)
    await desk.hear(SAID[OrderStatus.PAID](order_id))
    late = await reading.follow(desk.deps, order_id, after=0)

    await desk.deps.streams.look()
    await desk.hear(SAID[OrderStatus.REJECTED](order_id))
    await desk.deps.streams.look()

    for stream in (early, late):
        assert stream is not None
        heard = [move.version async for move in stream.moves() if move is not None]
        assert heard == [1, 2, 3]


async def test_many_who_follow_hold_no_connection_and_are_one_question(database: Database) -> None:
    async with a_desk(database, most_streams=100) as desk, at(desk) as browser:
        orders = [await desk.place() for _ in range(50)]  # five times the pool of connections

        async def follow(order_id: OrderId) -> list[str]:
            async with browser.follow(order_id) as heard:
                return await heard.rest()

        async with asyncio.TaskGroup() as tasks:
            following = [tasks.create_task(follow(each)) for each in orders]
            await until_true(lambda: _are_open(desk, len(orders)))
            for order_id in orders:
                await desk.hear(SAID[OrderStatus.DECLINED](order_id))

        assert [each.result() for each in following] == [["pending", "declined"]] * 50


async def test_beyond_the_limit_it_is_503_until_someone_has_gone(
    desk: Desk, browser: Browser
) -> None:
    order_id = await desk.place()
    followed = [browser.follow(order_id) for _ in range(10)]
    for each in followed:
        await each.__aenter__()

    answer = await browser.client.get(f"/orders/{order_id}/events")

    assert (answer.status, answer.code) == (503, "too_many_streams")
    assert int(answer.headers["retry-after"]) > 0
    for each in followed:
        await each.__aexit__(None, None, None)
    await until_true(lambda: _are_open(desk, 0))


async def test_a_stream_whose_order_has_ended_makes_room(desk: Desk, browser: Browser) -> None:
    order_id = await desk.brought_to(OrderStatus.DELIVERED)

    for _ in range(30):
        async with browser.follow(order_id) as heard:
            assert await heard.rest() == WHOLE

    await until_true(lambda: _are_open(desk, 0))


async def test_before_a_stop_streams_end_at_once_and_no_new_ones_begin(
    desk: Desk, browser: Browser
) -> None:
    order_id = await desk.place()
    async with browser.follow(order_id) as heard:
        await heard.move()

        desk.draining.is_on = True
        async with asyncio.timeout(1):
            assert await heard.move() is None

    answer = await browser.client.get(f"/orders/{order_id}/events")
    assert (answer.status, answer.code) == (503, "too_many_streams")


async def _are_open(desk: Desk, count: int) -> bool:
    return len(desk.deps.streams._open) == count
