"""A bulkhead gives out so many slots and no more, in order, and loses none."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from random import Random
from time import monotonic

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ordereats.chassis.calls.bulkhead import Bulkhead
from ordereats.chassis.errors import BulkheadFull


def a_bulkhead(*, limit: int = 2, queue: int = 3, wait_s: float = 5) -> Bulkhead:
    return Bulkhead("restaurants", limit=limit, queue=queue, wait_s=wait_s)


async def turns(number: int = 3) -> None:
    """Let everyone else run."""
    for _ in range(number):
        await asyncio.sleep(0)


def test_so_many_get_a_slot_at_once_and_no_more() -> None:
    bulkhead = a_bulkhead()

    assert [bulkhead.take() for _ in range(4)] == [True, True, False, False]
    assert bulkhead.running == 2


def test_a_slot_that_was_given_back_is_there_again() -> None:
    bulkhead = a_bulkhead(limit=1)
    assert bulkhead.take()

    bulkhead.give_back()

    assert bulkhead.take()


async def test_who_waited_longest_goes_first() -> None:
    bulkhead, went = a_bulkhead(limit=1), []
    bulkhead.take()

    async def go(name: str) -> None:
        await bulkhead.wait(5)
        went.append(name)

    async with asyncio.TaskGroup() as tasks:
        for name in "abc":
            tasks.create_task(go(name))
        await turns()
        for _ in range(3):
            bulkhead.give_back()
            assert not bulkhead.take(), "a slot goes to who waits, not to who comes now"
            await turns()

    assert went == ["a", "b", "c"]
    bulkhead.give_back()
    assert (bulkhead.running, bulkhead.waiting) == (0, 0)


async def test_when_too_many_wait_the_next_is_refused_at_once() -> None:
    bulkhead = a_bulkhead(limit=1, queue=2)
    bulkhead.take()

    async with asyncio.TaskGroup() as tasks:
        waiting = [tasks.create_task(bulkhead.wait(5)) for _ in range(2)]
        await turns()
        with pytest.raises(BulkheadFull, match="Too many wait for restaurants"):
            await bulkhead.wait(5)
        for each in waiting:
            each.cancel()

    assert (bulkhead.running, bulkhead.waiting) == (1, 0)


@pytest.mark.parametrize(("wait_s", "within_s"), [(0.03, 60), (60, 0.03)])
async def test_nobody_waits_longer_than_the_queue_or_the_caller_allows(
    wait_s: float, within_s: float
) -> None:
    bulkhead, began = a_bulkhead(limit=1, wait_s=wait_s), monotonic()
    bulkhead.take()

    with pytest.raises(BulkheadFull, match="restaurants is busy"):
        await bulkhead.wait(within_s)

    assert 0.02 < monotonic() - began < 5
    assert (bulkhead.running, bulkhead.waiting) == (1, 0)


async def test_a_slot_that_comes_in_the_moment_of_a_cancellation_is_not_lost() -> None:
    bulkhead = a_bulkhead(limit=1)
    bulkhead.take()
    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(bulkhead.wait(5))
        await turns()

        bulkhead.give_back()
        waiting.cancel()

    assert (bulkhead.running, bulkhead.waiting) == (0, 0)


@pytest.mark.parametrize("others", [0, 1])
async def test_a_slot_is_not_given_to_who_has_just_gone_away(others: int) -> None:
    bulkhead = a_bulkhead(limit=1)
    bulkhead.take()
    async with asyncio.TaskGroup() as tasks:
        leaving = tasks.create_task(bulkhead.wait(5))
        staying = [tasks.create_task(bulkhead.wait(5)) for _ in range(others)]
        await turns()

        leaving.cancel()
        bulkhead.give_back()

        await asyncio.gather(*staying)
    assert (bulkhead.running, bulkhead.waiting) == (others, 0)


class Crowd:
    """Callers who come, wait, call, end and go away."""

    def __init__(self, bulkhead: Bulkhead, tasks: asyncio.TaskGroup, chance: Random) -> None:
        self.bulkhead = bulkhead
        self.tasks = tasks
        self.chance = chance
        self.inside: list[asyncio.Event] = []
        self.calls: list[asyncio.Task[None]] = []

    async def come(self) -> None:
        self.calls.append(self.tasks.create_task(self._call()))

    async def end(self) -> None:
        if self.inside:
            self.chance.choice(self.inside).set()

    async def cancel(self) -> None:
        if self.calls:
            self.chance.choice(self.calls).cancel()

    async def turn(self) -> None:
        await asyncio.sleep(0)

    async def lapse(self) -> None:
        """Let those who wait lose patience: they wait for a millisecond."""
        await asyncio.sleep(0.002)

    async def go_home(self) -> None:
        while not all(each.done() for each in self.calls):
            for each in self.inside:
                each.set()
            await asyncio.sleep(0)

    async def _call(self) -> None:
        with suppress(BulkheadFull):
            if not self.bulkhead.take():
                await self.bulkhead.wait(1)
            may_end = asyncio.Event()
            self.inside.append(may_end)
            assert len(self.inside) <= self.bulkhead.limit
            try:
                await may_end.wait()
            finally:
                self.inside.remove(may_end)
                self.bulkhead.give_back()


steps = st.lists(
    st.sampled_from([Crowd.come, Crowd.end, Crowd.cancel, Crowd.turn, Crowd.lapse]),
    min_size=20,
    max_size=60,
)


@settings(max_examples=150, deadline=None)
@given(steps, st.integers(1, 3), st.integers(0, 3), st.randoms(use_true_random=False))
def test_whoever_comes_ends_or_goes_away_no_slot_is_lost_or_given_twice(
    happening: list[Callable[[Crowd], Awaitable[None]]], limit: int, queue: int, chance: Random
) -> None:
    async def live() -> None:
        bulkhead = a_bulkhead(limit=limit, queue=queue, wait_s=0.001)
        async with asyncio.TaskGroup() as tasks:
            crowd = Crowd(bulkhead, tasks, chance)
            for step in happening:
                await step(crowd)
                assert bulkhead.running <= limit
                assert bulkhead.waiting <= queue
            await crowd.go_home()
        assert (bulkhead.running, bulkhead.waiting) == (0, 0)

    asyncio.run(live())
