"""A failpoint does what it is told, where it is told, and costs nothing when it is off."""

import asyncio
from collections.abc import AsyncIterator
from time import monotonic

import pytest

from ordereats.chassis.config import Environment
from ordereats.chassis.errors import DatabaseError, Misconfigured
from ordereats.chassis.failpoints import CRASHED, Action, Command, Failpoint, Failpoints
from ordereats.chassis.http.app import create_app
from ordereats.chassis.http.operations import Watched
from support.builders import Client, serving


class Crashed(BaseException):
    """The process would have ended."""


def crashed(status: int) -> None:
    assert status == CRASHED
    raise Crashed


@pytest.fixture
def points() -> Failpoints:
    points = Failpoints(crashed)
    points.switch(Environment({"FAILPOINTS": "on"}))
    return points


@pytest.fixture
def sent(points: Failpoints) -> Failpoint:
    return Failpoint("relay.sent", "It was sent.", fails=ConnectionError, among=points)


async def test_a_point_that_was_told_nothing_counts_by_what_is_at_work(
    points: Failpoints, sent: Failpoint
) -> None:
    await sent.reached()
    points.begin(lambda: "job relay")
    await sent.reached()
    await sent.reached()
    await sent.reached("order/17")

    assert sent.state().hits == {"": 1, "job relay": 2, "order/17": 1}


async def test_a_point_that_is_off_does_and_counts_nothing() -> None:
    off = Failpoints(crashed)
    point = Failpoint("relay.sent", "It was sent.", among=off)
    point.obey(Command(Action.CRASH))
    off.begin(lambda: "job relay")

    await point.reached()

    assert point.state().hits == {}


async def test_a_crash_ends_the_process_at_the_time_and_place_that_were_named(
    points: Failpoints, sent: Failpoint
) -> None:
    sent.obey(Command(Action.CRASH, detail="order/17", nth=2))

    await sent.reached("order/16")
    await sent.reached("order/17")
    with pytest.raises(Crashed):
        await sent.reached("order/17")

    assert points.states()[0].commands == []


async def test_each_detail_can_be_told_something_else_and_goes_before_what_all_are_told(
    points: Failpoints, sent: Failpoint
) -> None:
    sent.obey(Command(Action.FAIL, nth=None))
    sent.obey(Command(Action.CRASH, detail="order/17"))
    sent.obey(Command(Action.DELAY, detail="order/18", seconds=0, nth=None))

    with pytest.raises(ConnectionError):
        await sent.reached("order/16")
    await sent.reached("order/18")
    with pytest.raises(Crashed):
        await sent.reached("order/17")
    with pytest.raises(ConnectionError):
        await sent.reached("order/17")

    assert [each.action for each in points.states()[0].commands] == [Action.FAIL, Action.DELAY]


async def test_a_failure_is_one_that_the_place_has_to_expect(sent: Failpoint) -> None:
    sent.obey(Command(Action.FAIL))

    with pytest.raises(ConnectionError, match=r"relay\.sent"):
        await sent.reached()
    await sent.reached()


async def test_what_is_told_each_time_goes_on_until_it_is_told_nothing(sent: Failpoint) -> None:
    sent.obey(Command(Action.FAIL, nth=None))
    for _ in range(3):
        with pytest.raises(ConnectionError):
            await sent.reached()

    sent.release()

    await sent.reached()


async def test_a_delay_holds_up_whoever_comes_by_and_nobody_else(sent: Failpoint) -> None:
    sent.obey(Command(Action.DELAY, detail="order/17", seconds=0.2))
    began = monotonic()

    await asyncio.gather(sent.reached("order/17"), sent.reached("order/16"))

    assert monotonic() - began >= 0.2


@pytest.mark.parametrize(
    ("said", "command"),
    [
        ("relay.sent=crash", Command(Action.CRASH)),
        ("relay.sent:order/17=fail", Command(Action.FAIL, detail="order/17")),
        ("relay.sent=0.5", Command(Action.DELAY, seconds=0.5)),
    ],
    ids=["crash", "fail there", "delay"],
)
def test_the_environment_says_what_happens_at_the_start(
    points: Failpoints, sent: Failpoint, said: str, command: Command
) -> None:
    points.switch(Environment({"FAILPOINTS": said}))

    assert points.is_on
    assert sent.state().commands == [command]


@pytest.mark.parametrize("said", ["relay.lost=crash", "yes", "relay.sent=explode", "relay.sent"])
def test_what_is_no_point_or_no_action_is_refused_by_name(
    points: Failpoints, sent: Failpoint, said: str
) -> None:
    with pytest.raises(Misconfigured, match="FAILPOINTS"):
        points.switch(Environment({"FAILPOINTS": said}))

    assert sent.state().commands == []


def test_two_points_do_not_share_a_name(points: Failpoints, sent: Failpoint) -> None:
    with pytest.raises(ValueError, match=sent.name):
        Failpoint(sent.name, "Another.", among=points)


def test_unless_told_otherwise_they_are_off_and_a_place_expects_a_database_error() -> None:
    points = Failpoints()
    points.switch(Environment({}))

    assert not points.is_on
    assert Failpoint("a.b", "It is.", among=points)._fails is DatabaseError


class TestOperators:
    """What they can do by HTTP."""

    @pytest.fixture
    async def client(self, points: Failpoints, sent: Failpoint) -> AsyncIterator[Client]:
        await sent.reached("order/17")
        watched = Watched(failpoints=points)
        async with serving(create_app("orders", [], [], watched)) as client:
            yield client

    async def command(self, client: Client, name: str, body: bytes) -> int:
        headers = {"Content-Type": "application/json"}
        path = f"/ops/failpoints/{name}"
        return (await client.ask("PUT", path, data=body, headers=headers)).status

    async def test_see_each_point_and_what_came_by(self, client: Client) -> None:
        seen = (await client.get("/ops/failpoints")).json()

        assert seen == [
            {"name": "relay.sent", "what": "It was sent.", "hits": {"order/17": 1}, "commands": []}
        ]

    async def test_tell_a_point_what_to_do_and_take_it_back(
        self, client: Client, sent: Failpoint
    ) -> None:
        told = await self.command(client, "relay.sent", b'{"action": "fail", "nth": null}')

        with pytest.raises(ConnectionError):
            await sent.reached()
        released = await client.ask("DELETE", "/ops/failpoints/relay.sent")

        await sent.reached()
        assert (told, released.status, released.json()["commands"]) == (200, 200, [])

    @pytest.mark.parametrize(
        "body", [b'{"action": "melt"}', b'{"action": "crash", "nth": 0}', b"{}"]
    )
    async def test_are_told_what_is_no_command(self, client: Client, body: bytes) -> None:
        assert await self.command(client, "relay.sent", body) == 400

    async def test_meet_404_where_there_is_no_such_point_or_where_they_are_off(
        self, client: Client
    ) -> None:
        crash = b'{"action": "crash"}'
        assert await self.command(client, "relay.lost", crash) == 404

        async with serving(create_app("orders", [], [], Watched(failpoints=Failpoints()))) as off:
            assert (await off.get("/ops/failpoints")).status == 404
            assert await self.command(off, "relay.sent", crash) == 404
            assert (await off.ask("DELETE", "/ops/failpoints/relay.sent")).status == 404
