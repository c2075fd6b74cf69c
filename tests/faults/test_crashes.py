"""Every service is crashed at every failpoint on an order's way; every order still ends, once.

Clean rounds of orders tell which points there are, and what is at work at each. Then orders keep
coming, and in each service all points are told to crash: the first that is reached does. Who is
back is told the others, until none is left; all services at once, so that what the one leaves half
done meets the others in the middle of their own restarts.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic
from typing import Any, NamedTuple, NoReturn

import aiohttp
import msgspec
import pytest

from ordereats.chassis.failpoints import CRASHED
from ordereats.topology import catalog
from ordereats.topology.broker.queues import queues
from ordereats.topology.lag import behind
from ordereats.topology.local.home import Home
from ordereats.topology.local.rabbitmq import installed_server
from ordereats.topology.local.state import PartState, Running, read
from services.notifications.conftest import MailServer
from support.platform import Platform, Shape, until
from support.relentless import KINDS, Crowd
from support.served import Served, refused

HURRIED = {
    "FAILPOINTS": "on",
    "RESTART_PAUSE_SECONDS": "0.2",
    "SMTP_TIMEOUT_S": "1",
    "STRIPE_TIMEOUT_S": "2",
}
"""So that what a crash leaves leased is due again soon, and who has crashed is soon back."""
AT_ONCE = 32
"""Orders under way: enough that some go on while others wait for the lease of who has crashed."""
ROUNDS = 2
FOUND_WITHIN_S = 60
CRASHED_WITHIN_S = 330
ENDED_WITHIN_S = 60
AUDITED_WITHIN_S = 50
"""All of these together, and the start, are less than the test has."""


class Place(NamedTuple):
    """A failpoint in a service, and what is at work there."""

    point: str
    detail: str


AT_THE_START = {"migration.done", "migration.committed", "start.migrated", "start.begun"}
"""No order's way leads there: `test_who_crashes_while_it_starts_starts_the_next_time` does."""
RETRIES = Place("inbox.retrying", "kitchen.order ordereats.order.paid.v1")
"""On the way only of what has failed: it is made to, until the crash."""
BESIDE_THE_WAY = {
    "deliveries.ticket",  # a kitchen is late
    "notifications.restaurant",
    "notifications.user",
    "orders.menu",
    "orders.user",
    "restaurants.ticket",  # a kitchen has refused
}
"""Queues of which these orders hear nothing."""
ASKED = {Place("provider.answered", what) for what in ("authorize", "capture", "cancel", "refund")}
"""Of the payment provider, in each round, the last of it when all orders have ended."""


@pytest.fixture(scope="module")
async def platform(
    session_folder: Path, missing: Callable[[str], NoReturn]
) -> AsyncIterator[Platform]:
    if installed_server() is None:
        missing("rabbitmq-server")
    async with _mail_server() as smtp_url:
        shape, folder = Shape("services", "rabbitmq"), session_folder / "crashes"
        async with Platform.up(shape, folder, SMTP_URL=smtp_url, **HURRIED) as started:
            await started.furnish()
            yield started


@pytest.mark.timeout(600)
async def test_whoever_crashes_wherever_every_order_ends_once_and_with_the_right_money(
    platform: Platform,
) -> None:
    stop = asyncio.Event()

    async with Crowd.at_work(platform) as crowd:
        async with asyncio.timeout(FOUND_WITHIN_S):
            way = await _way(platform, crowd)
        async with asyncio.timeout(None) as limit, asyncio.TaskGroup() as ordering:
            ordering.create_task(crowd.keep_ordering(AT_ONCE, stop))
            async with asyncio.TaskGroup() as crashing:
                for service, places in way.items():
                    crashing.create_task(_crash_at_each(platform, service, places))
            stop.set()
            limit.reschedule(asyncio.get_running_loop().time() + ENDED_WITHIN_S)

    assert set(crowd.states.values()) == {"delivered", "cancelled"}
    assert {name: _crashes(platform, name) for name in way} == {
        name: Counter(places) for name, places in way.items()
    }
    assert {name: _part(platform, name).restarts for name in way} == {
        name: len(places) for name, places in way.items()
    }
    await _until_all_is_right(platform)
    assert await _never_reached(platform, way) == AT_THE_START
    passed = set[Place]().union(*way.values())
    heard = {each.detail for each in passed if each.point == "consumer.answered"}
    assert heard == {each.name for each in queues()} - BESIDE_THE_WAY


@pytest.mark.parametrize(
    "place",
    [
        "migration.done:orders/0001",
        "migration.committed:chassis/0001",
        "start.migrated",
        "start.begun",
    ],
)
async def test_who_crashes_while_it_starts_starts_the_next_time(
    open_folder: Path, database_url: str, place: str
) -> None:
    told = {"DATABASE_URL": database_url, "FAILPOINTS": f"{place}=crash"}

    status, _ = await refused("all", folder=open_folder, **told)

    assert status == CRASHED
    async with Served.start("all", folder=open_folder, DATABASE_URL=database_url) as served:
        assert (await served.client.get("/health/ready")).status == 200


async def _way(platform: Platform, crowd: Crowd) -> dict[str, set[Place]]:
    """The points that each service passes in every clean round of orders, and not just in one.

    What depends on who is faster, such as a fact that comes too early, is on nobody's way.
    """
    ways: list[dict[str, set[Place]]] = []
    for _ in range(ROUNDS):
        before = {name: await _hits(platform, name) for name in catalog.SERVICES}
        await asyncio.gather(*(crowd.order(kind) for kind in KINDS))
        await _until_nothing_waits(platform, before["payments"])
        after = {name: await _hits(platform, name) for name in catalog.SERVICES}
        ways.append({name: _more(before[name], after[name]) for name in catalog.SERVICES})
    way = {name: set.intersection(*(each[name] for each in ways)) for name in catalog.SERVICES}
    way["kitchen"].add(RETRIES)
    return {name: places for name, places in way.items() if places}


async def _until_nothing_waits(platform: Platform, before: Mapping[Place, int]) -> None:
    """After an order has ended, money still goes back, and others still hear of all that."""

    async def all_is_asked() -> bool:
        return _more(before, await _hits(platform, "payments")) >= ASKED

    async def nothing_waits() -> bool:
        found = await asyncio.to_thread(behind, _running(platform))
        return (
            found.broker is not None
            and not found.broker.queues
            and all(
                lag is not None and not lag.unpublished and not any(i.waiting for i in lag.inboxes)
                for lag in found.services.values()
            )
        )

    async def is_settled() -> bool:
        """What was in somebody's hands at the first look is in an outbox, or done with."""
        return await nothing_waits() and await nothing_waits()

    await until(all_is_asked, within_s=FOUND_WITHIN_S, what="all to be asked of the provider")
    await until(is_settled, within_s=FOUND_WITHIN_S, what="all to be heard", every_s=0.2)


async def _crash_at_each(platform: Platform, service: str, places: AbstractSet[Place]) -> None:
    """Tell it all that is left, in each of its lives anew; the first that is reached ends it."""
    left, deadline = places, monotonic() + CRASHED_WITHIN_S
    while left:
        life, is_told = _part(platform, service).restarts, False
        while _part(platform, service).restarts == life:
            assert monotonic() < deadline, f"{service} has not crashed at {sorted(left)}"
            is_told = is_told or await _tell_all(platform, service, left)
            await asyncio.sleep(0.05)
        left = places - _crashes(platform, service).keys()


async def _tell_all(platform: Platform, service: str, places: AbstractSet[Place]) -> bool:
    """Tell it to crash at each of these. Returns whether it was heard: it may be down."""
    try:
        for point, detail in places:
            await _tell(platform, service, point, {"action": "crash", "detail": detail})
        if RETRIES in places:
            fails = {"action": "fail", "detail": RETRIES.detail, "nth": None}
            await _tell(platform, service, "transaction.done", fails)
    except (aiohttp.ClientError, OSError):
        return False
    return True


async def _tell(platform: Platform, service: str, point: str, command: Mapping[str, Any]) -> None:
    path, at = f"/ops/failpoints/{point}", await platform.address(service)
    answer = await platform.ask("PUT", path, command, at=at)
    assert answer.status == 200, answer


async def _states(platform: Platform, service: str) -> list[dict[str, Any]]:
    answer = await platform.get("/ops/failpoints", at=await platform.address(service))
    assert answer.status == 200, answer
    return list(answer.body)


async def _hits(platform: Platform, service: str) -> dict[Place, int]:
    return {
        Place(each["name"], detail): times
        for each in await _states(platform, service)
        for detail, times in each["hits"].items()
    }


def _more(before: Mapping[Place, int], after: Mapping[Place, int]) -> set[Place]:
    return {place for place, times in after.items() if times > before.get(place, 0)}


async def _never_reached(platform: Platform, way: Mapping[str, Iterable[Place]]) -> set[str]:
    there = {each["name"] for name in way for each in await _states(platform, name)}
    return there - {place.point for places in way.values() for place in places}


def _running(platform: Platform) -> Running:
    running = read(Home(platform.home).state_file)
    assert running is not None
    return running


def _part(platform: Platform, service: str) -> PartState:
    part = _running(platform).part(service)
    assert part is not None
    return part


def _crashes(platform: Platform, service: str) -> Counter[Place]:
    """Where it has crashed, by the last words of each of its lives."""
    told = Home(platform.home).log(service).read_text(encoding="utf-8").splitlines()
    last_words = [msgspec.json.decode(line) for line in told if '"action":"crash"' in line]
    return Counter(Place(each["point"], each["detail"]) for each in last_words)


async def _until_all_is_right(platform: Platform) -> None:
    async def is_right() -> bool:
        try:
            await platform.run("audit", "--grace", "0")
        except AssertionError as error:
            said[:] = [str(error)]
            return False
        return True

    said: list[str] = []
    try:
        await until(is_right, within_s=AUDITED_WITHIN_S, what="the audit", every_s=2)
    except AssertionError:
        raise AssertionError(*said) from None


@asynccontextmanager
async def _mail_server() -> AsyncIterator[str]:
    """A server that takes every mail; its address."""
    server = MailServer()
    listener = await asyncio.get_running_loop().create_server(server.protocol, "127.0.0.1", 0)
    async with listener:
        yield f"smtp://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
