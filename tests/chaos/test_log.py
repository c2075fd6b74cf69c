"""The log of requests: what was answered, what surely was not done, and what nobody knows."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path

import aiohttp
import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from chaos.log import PLACE, Answered, Asked, Log, LoggedApi
from ordereats.contracts.ids import RestaurantId, UserId
from ordereats.contracts.menus import OrderedItem
from ordereats.contracts.orders import PlaceOrder
from ordereats.topology.city.client import Failed, Refused
from ordereats.topology.city.tally import Tally

ORDER = PlaceOrder(
    UserId(1), RestaurantId(1), (OrderedItem(1, name="Pho"),), total_price=Decimal("12.50")
)
Answer = Callable[[], web.Response]


@asynccontextmanager
async def logged(path: Path, *answers: Answer) -> AsyncIterator[tuple[LoggedApi, list[bytes]]]:
    """An API that gives these answers in turn, and the bodies that were sent to it."""
    bodies: list[bytes] = []
    waiting = iter(answers)

    async def post(request: web.Request) -> web.Response:
        bodies.append(await request.read())
        return next(waiting)()

    app = web.Application()
    app.router.add_post("/orders", post)
    async with TestServer(app) as server:
        with Log.to(path) as log:
            async with aiohttp.ClientSession(server.make_url("/")) as http:
                yield LoggedApi(http, Tally(), log), bodies


def made() -> web.Response:
    return web.json_response({"id": 7}, status=201)


def busy() -> web.Response:
    return web.json_response({"code": "busy"}, status=503)


def late() -> web.Response:
    return web.json_response({"code": "late"}, status=504)


def refused() -> web.Response:
    return web.json_response({"code": "closed"}, status=409)


def broken() -> web.Response:
    return web.json_response({"code": "internal"}, status=500)


def lines(path: Path) -> list[Asked]:
    text = path.read_bytes().splitlines()
    return [msgspec.json.decode(line, type=Asked) for line in text]


@pytest.mark.parametrize(
    ("answers", "answered"),
    [
        ([made], Answered.OK),
        ([busy, made], Answered.OK),
        ([late, made], Answered.OK),
        ([refused], Answered.FAILED),
        ([busy, refused], Answered.FAILED),
        ([late, refused], Answered.UNKNOWN),
        ([broken], Answered.UNKNOWN),
        ([busy, broken], Answered.UNKNOWN),
    ],
    ids=lambda value: "-".join(each.__name__ for each in value) if isinstance(value, list) else "",
)
async def test_each_request_is_a_line_that_says_what_is_known_of_it(
    answers: list[Answer], answered: Answered, tmp_path: Path
) -> None:
    path = tmp_path / "log.jsonl"
    async with logged(path, *answers) as (api, _):
        try:
            await api.send(PLACE, "POST", "/orders", ORDER, key="wish")
        except (Failed, Refused):
            assert answered is not Answered.OK

        (line,) = lines(path)  # while it is still being written

    assert (line.answered, line.key) == (answered, "wish")
    assert line.made == (7 if answered is Answered.OK else None)
    assert (line.why is None) == (answered is Answered.OK)


async def test_an_order_has_its_key_in_its_notes_at_every_repetition(tmp_path: Path) -> None:
    async with logged(tmp_path / "log.jsonl", busy, made) as (api, bodies):
        await api.send(PLACE, "POST", "/orders", ORDER, key="wish")

    assert [msgspec.json.decode(body)["notes"] for body in bodies] == ["wish", "wish"]
