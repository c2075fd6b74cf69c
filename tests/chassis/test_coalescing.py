"""Callers of the same moment share one question, and nothing else: no error, no cancellation."""

import asyncio
from collections.abc import Awaitable, Sequence
from time import monotonic

import pytest

from ordereats.chassis import context
from ordereats.chassis.background import Background
from ordereats.chassis.coalescing import IN_DOUBT_AFTER_S, STUCK_AFTER_S, Coalescer
from ordereats.chassis.context import Context
from ordereats.chassis.errors import DatabaseError, DeadlineExceeded, RowRefused


class Source:
    """Doubles numbers, a batch at a time.

    Attributes:
        batches: that it was asked.
        may_answer: a batch waits for this.
        fails: raised for a whole batch, once.
        committed: what it can see; a batch reads it when it starts.
    """

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.begun = asyncio.Event()
        self.fails: Exception | None = None
        self.committed = 0
        self.seen: list[int] = []

    async def run(self, asked: Sequence[int]) -> list[int | Exception]:
        self.batches.append(list(asked))
        self.seen += [self.committed] * len(asked)
        self.begun.set()
        await self.may_answer.wait()
        if self.fails is not None:
            failure, self.fails = self.fails, None
            raise failure
        return [ValueError(f"{each} is odd") if each % 2 else each * 2 for each in asked]


@pytest.fixture
async def source() -> Source:
    return Source()


@pytest.fixture
async def coalescer(source: Source, background: Background) -> Coalescer[int, int]:
    return Coalescer(source.run, background, name="test", most=8)


async def test_one_caller_is_a_batch_of_its_own_at_once(
    source: Source, coalescer: Coalescer[int, int]
) -> None:
    assert await coalescer.ask(2) == 4
    assert await coalescer.ask(4) == 8

    assert source.batches == [[2], [4]]


async def test_who_comes_while_a_batch_runs_is_in_the_next_one(
    source: Source, coalescer: Coalescer[int, int]
) -> None:
    source.may_answer.clear()
    async with asyncio.TaskGroup() as tasks:
        first = tasks.create_task(coalescer.ask(2))
        await source.begun.wait()
        others = [tasks.create_task(coalescer.ask(each)) for each in (4, 6, 8)]
        await asyncio.sleep(0)
        assert source.batches == [[2]]
        source.may_answer.set()

    assert source.batches == [[2], [4, 6, 8]]
    assert [each.result() for each in (first, *others)] == [4, 8, 12, 16]


async def test_no_batch_is_larger_than_it_may_be_and_everyone_is_answered(
    source: Source, coalescer: Coalescer[int, int]
) -> None:
    asked = [2 * number for number in range(100)]

    answers = await asyncio.gather(*(coalescer.ask(each) for each in asked))

    assert answers == [2 * each for each in asked]
    assert [each for batch in source.batches for each in batch] == asked
    assert max(len(batch) for batch in source.batches) == 8


async def test_everyone_sees_what_was_committed_before_they_asked(
    source: Source, coalescer: Coalescer[int, int]
) -> None:
    source.may_answer.clear()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(coalescer.ask(2))
        await source.begun.wait()
        source.committed = 1
        tasks.create_task(coalescer.ask(4))
        await asyncio.sleep(0)
        source.may_answer.set()

    assert source.seen == [0, 1]


async def test_an_error_is_its_own_callers(coalescer: Coalescer[int, int]) -> None:
    good, bad, other = await asyncio.gather(
        *(coalescer.ask(each) for each in (2, 3, 4)), return_exceptions=True
    )

    assert (good, other) == (4, 8)
    assert isinstance(bad, ValueError)
    assert str(bad) == "3 is odd"


async def test_a_batch_that_fails_is_the_error_of_all_in_it_and_the_next_goes_on(
    source: Source, coalescer: Coalescer[int, int]
) -> None:
    source.fails = RuntimeError("the database is away")
    source.may_answer.clear()
    async with asyncio.TaskGroup() as tasks:
        failing = [tasks.create_task(_error(coalescer.ask(each))) for each in (2, 4)]
        await source.begun.wait()
        later = tasks.create_task(coalescer.ask(6))
        await asyncio.sleep(0)
        source.may_answer.set()

    assert [type(each.result()) for each in failing] == [RuntimeError, RuntimeError]
    assert later.result() == 12
    assert await coalescer.ask(8) == 16


async def test_a_row_that_is_refused_is_its_own_callers_and_the_others_are_done_alone(
    background: Background,
) -> None:
    batches: list[list[int]] = []

    async def store(asked: Sequence[int]) -> list[int | Exception]:
        batches.append(list(asked))
        await asyncio.sleep(0)
        if 13 in asked:
            raise RowRefused("13 can't be stored")
        return [each * 2 for each in asked]

    coalescer = Coalescer(store, background, name="test")
    _, *given = await asyncio.gather(*(_either(coalescer.ask(each)) for each in (0, 1, 13, 2)))

    assert batches == [[0, 1, 13, 2], [0], [1], [13], [2]]
    assert [given[0], given[2]] == [2, 4]
    assert isinstance(given[1], RowRefused)


async def test_who_stops_waiting_disturbs_nobody_in_the_same_batch(
    source: Source, coalescer: Coalescer[int, int]
) -> None:
    source.may_answer.clear()
    async with asyncio.TaskGroup() as tasks:
        impatient = tasks.create_task(coalescer.ask(2))
        patient = tasks.create_task(coalescer.ask(4))
        await source.begun.wait()
        impatient.cancel()
        await asyncio.sleep(0)
        source.may_answer.set()

    assert impatient.cancelled()
    assert patient.result() == 8


async def test_who_stops_before_the_batch_starts_disturbs_nobody_either(
    source: Source, coalescer: Coalescer[int, int]
) -> None:
    source.may_answer.clear()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(coalescer.ask(2))
        await source.begun.wait()
        impatient = tasks.create_task(coalescer.ask(4))
        patient = tasks.create_task(coalescer.ask(6))
        await asyncio.sleep(0)
        impatient.cancel()
        await asyncio.sleep(0)
        source.may_answer.set()

    assert patient.result() == 12
    assert await coalescer.ask(8) == 16


async def test_when_the_process_ends_nobody_is_left_waiting() -> None:
    source = Source()
    source.may_answer.clear()
    async with asyncio.TaskGroup() as tasks:
        async with Background.open() as background:
            coalescer = Coalescer(source.run, background, name="test")
            running = tasks.create_task(_cancelled(coalescer.ask(2)))
            await source.begun.wait()
            waiting = tasks.create_task(_cancelled(coalescer.ask(4)))
            await asyncio.sleep(0)
        async with asyncio.timeout(1):
            assert await running
            assert await waiting


async def test_when_the_process_ends_while_they_are_done_alone_nobody_is_left_waiting() -> None:
    alone = asyncio.Event()

    async def store(asked: Sequence[int]) -> list[int | Exception]:
        await asyncio.sleep(0)
        if len(asked) > 1:
            raise RowRefused("one of these can't be stored")
        alone.set()
        await asyncio.Event().wait()
        return []

    async with asyncio.TaskGroup() as tasks:
        async with Background.open() as background:
            coalescer = Coalescer(store, background, name="test")
            asking = [tasks.create_task(_cancelled(coalescer.ask(each))) for each in range(3)]
            await alone.wait()
        _, waiting = await asyncio.wait(asking, timeout=1)
        for each in waiting:
            each.cancel()
    assert waiting == set()


async def _either(asking: Awaitable[int]) -> int | Exception:
    try:
        return await asking
    except RowRefused as error:
        return error


async def _error(asking: Awaitable[int]) -> Exception | None:
    try:
        await asking
    except Exception as error:  # noqa: BLE001  # the test says which it has to be
        return error
    return None


async def _cancelled(asking: Awaitable[int]) -> bool:
    try:
        await asking
    except asyncio.CancelledError:
        return True
    return False


async def test_a_batch_has_as_long_as_the_most_patient_of_its_callers(
    background: Background,
) -> None:
    deadlines: list[float | None] = []

    async def run(asked: Sequence[int]) -> list[int | Exception]:
        deadlines.append(context.current().deadline)
        await asyncio.sleep(0)
        return list(asked)

    coalescer = Coalescer(run, background, name="test", most=2)
    soon, late = monotonic() + 5, monotonic() + 9

    async def ask(deadline: float | None) -> None:
        with context.entered(Context("walk", deadline=deadline)):
            await coalescer.ask(1)

    await asyncio.gather(*(ask(each) for each in (soon, late, late, None, soon)))

    assert deadlines == [late, None, soon]


async def test_whoever_has_no_time_left_when_a_batch_starts_is_not_in_it(
    source: Source, coalescer: Coalescer[int, int]
) -> None:
    source.may_answer.clear()
    async with asyncio.TaskGroup() as tasks:
        first = tasks.create_task(_within(9, coalescer.ask(2)))
        await source.begun.wait()
        hasty = tasks.create_task(_within(0.05, coalescer.ask(4)))
        patient = tasks.create_task(_within(9, coalescer.ask(6)))
        await asyncio.wait([hasty])
        source.may_answer.set()

    assert (first.result()[0], patient.result()[0]) == (4, 12)
    assert isinstance(hasty.result()[0], DeadlineExceeded)
    assert source.batches == [[2], [6]]


async def test_whoever_waits_for_an_answer_leaves_at_their_own_deadline(
    source: Source, coalescer: Coalescer[int, int]
) -> None:
    source.may_answer.clear()
    async with asyncio.TaskGroup() as tasks:
        patient = tasks.create_task(_within(9, coalescer.ask(2)))
        hasty = [tasks.create_task(_within(0.2, coalescer.ask(4)))]
        await source.begun.wait()
        hasty.append(tasks.create_task(_within(0.2, coalescer.ask(6))))
        await asyncio.wait(hasty)
        source.may_answer.set()

    assert patient.result()[0] == 4
    for answer, took_s in (each.result() for each in hasty):
        assert isinstance(answer, DeadlineExceeded)
        assert 0.19 < took_s < 0.3
    assert source.batches == [[2, 4]]


async def test_a_change_that_has_begun_is_never_called_undone_before_that_is_known(
    source: Source, background: Background
) -> None:
    coalescer = Coalescer(source.run, background, name="test", is_change=True)
    source.may_answer.clear()
    async with asyncio.TaskGroup() as tasks:
        patient = tasks.create_task(_within(9, coalescer.ask(2)))
        begun = tasks.create_task(_within(0.2, coalescer.ask(4)))
        await source.begun.wait()
        queued = tasks.create_task(_within(0.2, coalescer.ask(6)))
        await asyncio.wait([begun, queued])
        source.may_answer.set()

    assert patient.result()[0] == 4
    assert isinstance(queued.result()[0], DeadlineExceeded)
    answer, took_s = begun.result()
    assert type(answer) is DatabaseError
    assert 0.2 + IN_DOUBT_AFTER_S - 0.01 < took_s < 0.2 + IN_DOUBT_AFTER_S + 0.1
    assert source.batches == [[2, 4]]


async def test_a_change_that_is_done_soon_after_the_deadline_is_still_heard_of(
    source: Source, background: Background
) -> None:
    coalescer = Coalescer(source.run, background, name="test", is_change=True)
    source.may_answer.clear()
    asyncio.get_running_loop().call_later(0.1 + IN_DOUBT_AFTER_S / 2, source.may_answer.set)

    answer, _ = await _within(0.1, coalescer.ask(2))

    assert answer == 4


async def test_a_batch_that_hangs_does_not_hold_up_the_next_for_long(
    source: Source, coalescer: Coalescer[int, int]
) -> None:
    source.may_answer.clear()
    async with asyncio.TaskGroup() as tasks:
        hanging = tasks.create_task(coalescer.ask(2))
        await source.begun.wait()
        hang, source.may_answer = source.may_answer, asyncio.Event()
        source.may_answer.set()
        next_one = await _within(9, coalescer.ask(4))
        after_it = await _within(9, coalescer.ask(6))
        assert not hanging.done()
        hang.set()

    assert hanging.result() == 4
    assert (next_one[0], after_it[0]) == (8, 12)
    assert next_one[1] < STUCK_AFTER_S + 0.2
    assert after_it[1] < 0.2


async def _within(seconds: float, asking: Awaitable[int]) -> tuple[int | Exception, float]:
    """Ask as a request that has so much time; what came of it, and after how long."""
    began = monotonic()
    with context.entered(Context("walk", deadline=began + seconds)):
        try:
            return await asking, monotonic() - began
        except (DeadlineExceeded, DatabaseError) as error:
            return error, monotonic() - began
