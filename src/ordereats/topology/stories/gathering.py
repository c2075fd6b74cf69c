"""Asks every process of a platform what it knows of an order or a trace. It draws nothing."""

import asyncio
from collections.abc import Mapping, Sequence
from urllib.parse import quote, urlencode

import aiohttp
import msgspec

from ordereats.chassis.config import Environment
from ordereats.chassis.errors import Misconfigured
from ordereats.chassis.http.operations import MOST_NAMED
from ordereats.chassis.story import MOST_ORDERS, Fact, Story
from ordereats.chassis.telemetry.spans import SpanShown
from ordereats.contracts.wire import Answer, decode
from ordereats.topology import catalog
from ordereats.topology.local.home import Home
from ordereats.topology.local.part import Kind

PATIENCE_S = 5.0
"""Of whoever looks. All are asked at once, twice at most."""


class Told(Answer, frozen=True, kw_only=True):
    """What all of them know together.

    Attributes:
        facts: of databases, in the order of time.
        spans: of memories, likewise.
        silent: the services that did not answer, or whose database did not.
    """

    facts: Sequence[Fact]
    spans: Sequence[SpanShown]
    silent: Sequence[str]

    @property
    def is_empty(self) -> bool:
        """Nobody knows of anything."""
        return not self.facts and not self.spans


def addresses(home: Home, environment: Environment) -> Mapping[str, Sequence[str]]:
    """The services of each process, by its address: of what runs here, or of the settings.

    Raises:
        Misconfigured: nothing runs here, and no setting says where a service is.
    """
    running = home.running()
    if running is not None:
        parts = [part for part in running.parts if part.kind is Kind.SERVICE]
        return {
            part.url: [part.name] if part.name in catalog.SERVICES else catalog.SERVICES
            for part in parts
        }
    found: dict[str, list[str]] = {}
    for name in catalog.SERVICES:
        url = environment.url(f"{name.upper()}_URL", ("http", "https"))
        if url is not None:
            found.setdefault(url.rstrip("/"), []).append(name)
    if not found:
        raise Misconfigured(
            "OrderEats does not run here: `ordereats up` starts it. One that runs elsewhere is"
            " found by ORDERS_URL, PAYMENTS_URL and so on."
        )
    return found


async def of_order(where: Mapping[str, Sequence[str]], order_id: int) -> Told:
    """All that is known of an order.

    Asked twice: only the answers say what its payment, ticket and delivery are called, about which
    messages may wait with anybody, and which traces had to do with it.
    """
    path = f"/ops/orders/{order_id}/story"
    told = await _gathered(where, path)
    if told.is_empty or len(where) == 1:
        return told
    named = {
        "subject": sorted({each.subject for each in told.facts})[:MOST_NAMED],
        "trace": list(dict.fromkeys(each.trace_id for each in told.spans))[:MOST_NAMED],
    }
    again = await _gathered(where, f"{path}?{urlencode(named, doseq=True)}")
    return _together([told, again], {*told.silent, *again.silent})


async def of_trace(where: Mapping[str, Sequence[str]], name: str) -> Told:
    """All that is known of a trace, by its id or a correlation id; and of the orders in it."""
    told = await _gathered(where, f"/ops/traces/{quote(name, safe='')}")
    orders = sorted({each.order_id for each in told.spans if each.order_id is not None})
    facts = [await _gathered(where, f"/ops/orders/{each}/story") for each in orders[:MOST_ORDERS]]
    return Told(facts=_together([told, *facts], set()).facts, spans=told.spans, silent=told.silent)


async def _gathered(where: Mapping[str, Sequence[str]], path: str) -> Told:
    timeout = aiohttp.ClientTimeout(total=PATIENCE_S)
    async with aiohttp.ClientSession(timeout=timeout) as session, asyncio.TaskGroup() as tasks:
        asked = [
            (names, tasks.create_task(_asked(session, f"{url}{path}")))
            for url, names in where.items()
        ]
    stories = []
    silent = {*catalog.SERVICES}.difference(*where.values())  # nobody says where they are
    for names, task in asked:
        story = task.result()
        if story is None:
            silent |= {*names}
        else:
            stories.append(story)
            silent |= {*story.silent}
    return _together(stories, silent)


async def _asked(session: aiohttp.ClientSession, url: str) -> Story | None:
    try:
        async with session.get(url) as answer:
            return decode(await answer.read(), Story) if answer.status == 200 else None
    except (aiohttp.ClientError, OSError, msgspec.MsgspecError):
        return None


def _together(stories: Sequence[Story | Told], silent: set[str]) -> Told:
    """Each thing once, for processes that share a database say the same."""
    facts = {
        (each.service, each.subject, each.what, each.at): each
        for story in stories
        for each in story.facts
    }
    spans = {each.span_id: each for story in stories for each in story.spans}
    return Told(
        facts=sorted(facts.values(), key=lambda each: each.at),
        spans=sorted(spans.values(), key=lambda each: each.at),
        silent=[name for name in catalog.SERVICES if name in silent],
    )
