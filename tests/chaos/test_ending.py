"""The end of a run: what can't be read is not taken for nothing."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from itertools import chain, repeat
from pathlib import Path
from typing import cast

import aiohttp
import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from chaos import ending
from chaos.breaking import NeverWell
from chaos.ending import Ending
from chaos.platform import Platform
from ordereats.topology.audit.report import Report
from ordereats.topology.dead_letters.letter import BrokerStore, Waiting
from ordereats.topology.local.part import Kind
from ordereats.topology.local.state import PartState, State

EMPTY = """\
# TYPE ordereats_outbox_unpublished_events gauge
ordereats_outbox_unpublished_events{database="orders"} 0.0
# TYPE ordereats_inbox_messages gauge
ordereats_inbox_messages{consumer="orders.kitchen",state="waiting"} 0.0
"""
SILENT = """\
# TYPE ordereats_database_up gauge
ordereats_database_up{database="orders"} 0.0
"""


class Still(Platform):
    """A platform of one part, in which nothing moves and nothing is wrong."""

    def __init__(self, folder: Path, url: str) -> None:
        super().__init__(folder, 1)
        self._part = PartState(
            name="orders", kind=Kind.SERVICE, pid=1, url=url, state=State.READY, restarts=0
        )

    def part(self, name: str) -> PartState:
        del name
        return self._part

    def parts(self, kind: Kind) -> list[PartState]:
        return [self._part] if kind is self._part.kind else []

    async def command(self, *arguments: str, fine: Sequence[int] = (0,)) -> str:
        del arguments, fine
        return msgspec.json.encode(Report(holds=True, grace_s=0, checks=())).decode()


class Broker:
    """It says in turn what waits, and the last of it for ever."""

    def __init__(self, said: Iterator[Waiting]) -> None:
        self._said = said

    async def waiting(self, queues: Sequence[str]) -> Waiting:
        assert queues
        return next(self._said)


@asynccontextmanager
async def at_the_end(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    metrics: Sequence[str] = (EMPTY,),
    waiting: Sequence[Waiting] = (Waiting({}, 0),),
) -> AsyncIterator[tuple[Ending, list[str]]]:
    """Of a platform that says these in turn, and the last of them for ever; what was told."""
    texts, told = chain(metrics, repeat(metrics[-1])), list[str]()
    broker = Broker(chain(waiting, repeat(waiting[-1])))
    monkeypatch.setattr(ending, "at_broker", lambda _: cast("BrokerStore", broker))
    monkeypatch.setattr(ending, "READ_WITHIN_S", 0.2)
    monkeypatch.setattr(ending, "_LOOKS_EVERY_S", 0.01)

    async def tell(_: web.Request) -> web.Response:
        told.append(next(texts))
        return web.Response(text=told[-1])

    async def nothing(_: web.Request) -> web.Response:
        return web.json_response([])

    app = web.Application()
    app.router.add_get("/metrics", tell)
    app.router.add_get("/orders", nothing)
    app.router.add_get("/ledger", nothing)
    async with TestServer(app) as server:
        url = str(server.make_url("/"))
        async with aiohttp.ClientSession(url) as http:
            yield Ending(Still(folder, url.rstrip("/")), http), told


async def test_a_service_whose_database_is_silent_is_not_at_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with at_the_end(tmp_path, monkeypatch, metrics=[SILENT, SILENT, EMPTY]) as (end, told):
        await end.until_nothing_moves(30)

    assert told == [SILENT, SILENT, EMPTY]


async def test_what_is_in_a_queue_still_moves_and_a_dead_letter_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = [Waiting({"notifications.told": 1}, 1), Waiting({}, 1)]
    async with at_the_end(tmp_path, monkeypatch, waiting=said) as (end, told):
        await end.until_nothing_moves(30)

    assert len(told) == 2


async def test_what_waits_in_boxes_and_queues_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = [Waiting({"notifications.told": 2}, 3)]
    async with at_the_end(tmp_path, monkeypatch, waiting=said) as (end, _):
        truth = await end.truth(None)

    assert {where: count for where, count in truth.waiting.items() if count} == {
        "queue notifications.told": 2,
        "dead letters": 3,
    }


async def test_one_answer_that_does_not_come_is_asked_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with at_the_end(tmp_path, monkeypatch, metrics=[SILENT, EMPTY]) as (end, _):
        truth = await end.truth(None)

    assert not any(truth.waiting.values())


async def test_what_stays_silent_is_never_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with at_the_end(tmp_path, monkeypatch, metrics=[SILENT]) as (end, _):
        with pytest.raises(NeverWell, match="the database of orders did not answer"):
            await end.truth(None)
