"""Lanes run handlers for many subjects at once and for one in order, whatever handlers do."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from chassis.messaging.brokers import Heard, a_message, a_queue, until
from ordereats.chassis.messaging.bus import Handler, Message, UnreadableError
from ordereats.chassis.messaging.lanes import AT_ONCE, Delivery, Lanes

QUEUE = a_queue()


class FakeDelivery(Delivery):
    """A delivery that notes its answers."""

    __slots__ = ("answers", "is_lost", "message")

    def __init__(self, message: Message) -> None:
        super().__init__(
            lane=message.subject, message_id=str(message.id), type_=message.type, handed_out=1
        )
        self.message = message
        self.answers: list[str] = []
        self.is_lost = False

    @property
    def is_gone(self) -> bool:
        return self.is_lost

    def read(self) -> Message:
        return self.message

    async def done(self) -> None:
        self.answers.append("done")

    async def back(self) -> None:
        self.answers.append("back")

    async def bury(self, reason: str) -> None:
        self.answers.append(f"buried: {reason}")


def deliveries(subjects: int, versions: int) -> list[FakeDelivery]:
    return [
        FakeDelivery(a_message(QUEUE, f"order/{subject}", version))
        for version in range(1, versions + 1)
        for subject in range(subjects)
    ]


@asynccontextmanager
async def running(handler: Handler) -> AsyncIterator[Lanes]:
    lanes = Lanes("testing", handler)
    async with asyncio.TaskGroup() as group:
        group.create_task(lanes.run())
        yield lanes
        lanes.hold()
        await lanes.finish()


async def test_no_more_handlers_run_at_once_than_the_limit() -> None:
    heard = Heard()
    heard.may_go_on.clear()
    taken = deliveries(subjects=3 * AT_ONCE, versions=1)
    async with running(heard) as lanes:
        for each in taken:
            lanes.put(each)

        await until(lambda: len(heard.begun) >= AT_ONCE)

        assert len(heard.begun) == AT_ONCE
        heard.may_go_on.set()
        await until(lambda: len(heard.messages) == 3 * AT_ONCE)
    assert all(each.answers == ["done"] for each in taken)


async def test_a_busy_subject_leaves_room_for_the_others() -> None:
    heard = Heard()
    busy, other = deliveries(1, 100), FakeDelivery(a_message(QUEUE, "order/other"))
    async with running(heard) as lanes:
        for each in [*busy, other]:
            lanes.put(each)

        await until(lambda: len(heard.messages) == 101)

    assert heard.ids.index(other.message.id) < 50


@pytest.mark.parametrize("error", [RuntimeError("no"), asyncio.CancelledError(), TimeoutError()])
async def test_a_failing_handler_is_called_again_and_ends_no_lane(error: BaseException) -> None:
    begun: list[Message] = []

    async def fail_often(message: Message, _handed_out: int) -> None:
        begun.append(message)
        if len(begun) <= 2 * AT_ONCE:
            raise error

    taken = deliveries(subjects=AT_ONCE, versions=1)
    async with running(fail_often) as lanes:
        for each in taken:
            lanes.put(each)
        await until(lambda: all(each.answers for each in taken))

    assert all(each.answers == ["done"] for each in taken)


async def test_a_dead_letter_that_can_not_be_put_away_now_is_put_away_later() -> None:
    attempts: list[str] = []

    class Stubborn(FakeDelivery):
        __slots__ = ()

        async def bury(self, reason: str) -> None:
            attempts.append(reason)
            if len(attempts) < 3:
                raise OSError("no broker")
            await super().bury(reason)

    async def read(_message: Message, _handed_out: int) -> None:
        raise UnreadableError("no total in it")

    letter = Stubborn(a_message(QUEUE))
    async with running(read) as lanes:
        lanes.put(letter)
        await until(lambda: bool(letter.answers))

    assert attempts == ["no total in it"] * 3
    assert letter.answers == ["buried: no total in it"]


async def test_what_is_gone_is_not_handled_and_not_answered() -> None:
    heard, gone, here = Heard(), *deliveries(1, 2)
    gone.is_lost = True
    async with running(heard) as lanes:
        lanes.put(gone)
        lanes.put(here)
        await until(lambda: bool(heard.messages))

    assert heard.messages == [here.message]
    assert gone.answers == []


async def test_what_follows_a_running_handler_is_handed_back_only_after_it_has_ended() -> None:
    heard = Heard()
    heard.may_go_on.clear()
    first, second, third = deliveries(1, 3)
    other = FakeDelivery(a_message(QUEUE, "order/other"))
    lanes = Lanes("testing", heard)
    async with asyncio.TaskGroup() as group:
        group.create_task(lanes.run())
        for each in (first, second, third):
            lanes.put(each)
        await until(lambda: bool(heard.begun))

        lanes.hold()
        lanes.put(other)
        await lanes.finish()

        assert other.answers == ["back"]
        assert first.answers == second.answers == third.answers == []
        heard.may_go_on.set()
    assert [each.answers for each in (first, second, third)] == [["done"], ["back"], ["back"]]
    assert heard.messages == [first.message]
