"""What goes along with a request stays with it, and with nobody else."""

import asyncio
import contextvars
from time import monotonic
from uuid import UUID

import pytest

from ordereats.chassis import context
from ordereats.chassis.context import OPERATOR, Context


def test_what_is_entered_is_current_until_it_is_left() -> None:
    outer, inner = Context("outer"), Context("inner")

    with context.entered(outer):
        with context.entered(inner) as entered:
            assert context.current() is entered is inner
        assert context.current() is outer


def test_it_is_left_also_by_an_error() -> None:
    def fail() -> None:
        with context.entered(Context("inner")):
            raise ValueError

    with context.entered(Context("outer")):
        with pytest.raises(ValueError, match=r"^$"):
            fail()
        assert context.current().correlation_id == "outer"


async def test_each_task_has_its_own() -> None:
    async def seen(correlation_id: str) -> str:
        with context.entered(Context(correlation_id)):
            await asyncio.sleep(0)
            return context.current().correlation_id

    names = [str(number) for number in range(20)]

    assert await asyncio.gather(*(seen(name) for name in names)) == names


async def test_a_task_that_is_started_takes_it_along() -> None:
    async def seen() -> str:
        return context.current().correlation_id

    with context.entered(Context("the-request")):
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(seen())

    assert task.result() == "the-request"


async def test_where_there_is_none_one_is_made_and_kept() -> None:
    async def twice() -> tuple[Context | None, Context, Context]:
        return context.known(), context.current(), context.current()

    loop = asyncio.get_running_loop()
    known, first, second = await loop.create_task(twice(), context=contextvars.Context())

    assert known is None
    assert first is second
    assert UUID(first.correlation_id).version == 7
    assert first.principal is OPERATOR


def test_who_waits_waits_until_the_deadline_and_no_longer_than_asked() -> None:
    assert Context("c").remaining_s(5) == 5
    assert Context("c", deadline=monotonic() + 100).remaining_s(5) == 5
    assert 0.9 < Context("c", deadline=monotonic() + 1).remaining_s(5) <= 1
    assert Context("c", deadline=monotonic() - 1).remaining_s(5) < 0


def test_correlation_ids_sort_by_time_and_differ() -> None:
    made = [context.new_id() for _ in range(1000)]

    assert sorted(set(made)) == made
