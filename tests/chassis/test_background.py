"""Work beside requests: each job goes on after any fault, wakes on a hint, and ends when told."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import pairwise
from time import monotonic

import pytest
from structlog.testing import capture_logs

from ordereats.chassis.background import APART_S, Background, Hint, Job, Jobs
from ordereats.chassis.errors import DatabaseError

Until = Callable[..., Awaitable[None]]


class Work:
    """Some of it to do.

    Attributes:
        left: runs that say that there may be more.
        fails: raised by the next runs, one each.
    """

    def __init__(self) -> None:
        self.runs = 0
        self.left = 0
        self.fails: list[Exception] = []

    async def __call__(self) -> bool:
        self.runs += 1
        if self.fails:
            raise self.fails.pop(0)
        self.left -= 1
        return self.left > 0


@pytest.fixture
async def jobs() -> AsyncIterator[Jobs]:
    async with Background.open() as background:
        yield Jobs(background)


async def test_a_job_runs_at_once_and_until_there_is_no_more(jobs: Jobs, until: Until) -> None:
    work = Work()
    work.left = 5

    jobs.start(Job("work", work, every_s=60))

    await until(lambda: work.runs == 5)
    await asyncio.sleep(0.05)
    assert work.runs == 5
    await jobs.stop(within_s=1)


async def test_jobs_begin_one_after_the_other_unless_they_are_needed_sooner(
    jobs: Jobs, until: Until
) -> None:
    hint, began = Hint(), dict[str, float]()

    def note(name: str) -> Callable[[], Awaitable[bool]]:
        async def run() -> bool:
            began.setdefault(name, monotonic())
            return False

        return run

    names = [f"job {number}" for number in range(10)]
    start = monotonic()
    for name in names:
        jobs.start(Job(name, note(name), every_s=60))
    jobs.start(Job("hinted", note("hinted"), every_s=60, hint=hint))
    hint.give()

    await until(lambda: len(began) == 11)
    for number, name in enumerate(names):
        assert began[name] - start > APART_S * number * 0.9
    assert began["hinted"] < began["job 9"]
    await jobs.stop(within_s=1)


async def test_it_looks_again_after_its_time(jobs: Jobs, until: Until) -> None:
    work = Work()

    jobs.start(Job("work", work, every_s=0.02))

    await until(lambda: work.runs >= 5)
    await jobs.stop(within_s=1)


async def test_it_looks_when_the_next_is_due_and_at_its_time_at_the_latest(
    jobs: Jobs, until: Until
) -> None:
    times, due, asked = list[float](), [0.1, -0.01, 60, None, 60], list[float]()

    async def work() -> bool:
        await asyncio.sleep(0.05)
        times.append(monotonic())
        return False

    async def due_in_s(since_s: float) -> float | None:
        asked.append(since_s)
        return due.pop(0) if due else 60

    jobs.start(Job("work", work, every_s=0.2, due_in_s=due_in_s))
    await until(lambda: len(times) == 5)
    await jobs.stop(within_s=1)

    pauses = [after - before - 0.05 for before, after in pairwise(times)]
    assert pauses == pytest.approx([0.1, 0, 0.2, 0.2], abs=0.04)
    assert all(0.05 <= since_s < 0.09 for since_s in asked)


async def test_who_looks_again_at_once_does_not_ask_when_the_next_is_due(
    jobs: Jobs, until: Until
) -> None:
    hint, said = Hint(), list[str]()

    async def work() -> bool:
        said.append("work")
        if len(said) == 1:
            hint.give()
        return False

    async def due_in_s(_since_s: float) -> float | None:
        said.append("due?")
        return None

    jobs.start(Job("work", work, every_s=60, hint=hint, due_in_s=due_in_s))
    await until(lambda: len(said) == 3)
    await jobs.stop(within_s=1)

    assert said[:3] == ["work", "work", "due?"]


async def test_a_hint_wakes_it(jobs: Jobs, until: Until) -> None:
    work, hint = Work(), Hint()
    jobs.start(Job("work", work, every_s=60, hint=hint))
    await until(lambda: work.runs == 1)

    for runs in (2, 3):
        hint.give()
        await until(lambda runs=runs: work.runs == runs)
    await jobs.stop(within_s=1)


async def test_a_hint_that_comes_while_it_runs_is_not_lost(jobs: Jobs, until: Until) -> None:
    hint, begun, may_end, runs = Hint(), asyncio.Event(), asyncio.Event(), []

    async def work() -> bool:
        runs.append(1)
        begun.set()
        await may_end.wait()
        return False

    jobs.start(Job("work", work, every_s=60, hint=hint))
    await begun.wait()
    hint.give()
    may_end.set()

    await until(lambda: len(runs) == 2)
    await jobs.stop(within_s=1)


async def test_many_hints_are_one(jobs: Jobs, until: Until) -> None:
    work, hint = Work(), Hint()
    for _ in range(100):
        hint.give()

    jobs.start(Job("work", work, every_s=60, hint=hint))

    await until(lambda: work.runs == 2)
    await asyncio.sleep(0.05)
    assert work.runs == 2
    await jobs.stop(within_s=1)


async def test_a_fault_is_logged_and_it_goes_on(jobs: Jobs, until: Until) -> None:
    work = Work()
    work.fails = [RuntimeError("a mistake"), DatabaseError("away")]

    with capture_logs() as lines:
        jobs.start(Job("work", work, every_s=60))
        await until(lambda: work.runs == 3)
    await jobs.stop(within_s=1)

    assert [(line["event"], line["job"]) for line in lines] == [
        ("job_failed", "work"),
        ("job_waits_for_database", "work"),
    ]


async def test_faults_in_a_row_cost_pauses_that_grow(jobs: Jobs, until: Until) -> None:
    work, times = Work(), list[float]()
    work.fails = [RuntimeError("again")] * 3

    async def timed() -> bool:
        times.append(monotonic())
        return await work()

    with capture_logs():
        jobs.start(Job("work", timed, every_s=60))
        await until(lambda: len(times) == 4)
    await jobs.stop(within_s=1)

    pauses = [after - before for before, after in pairwise(times)]
    for pause_s, longest_s in zip(pauses, (0.2, 0.4, 0.8), strict=True):
        assert longest_s / 2 <= pause_s < longest_s + 1


async def test_stopping_wakes_it_lets_it_finish_and_starts_nothing_more(jobs: Jobs) -> None:
    begun, may_end, ended = asyncio.Event(), asyncio.Event(), []

    async def work() -> bool:
        begun.set()
        await may_end.wait()
        ended.append(1)
        return True

    jobs.start(Job("busy", work, every_s=60))
    jobs.start(Job("idle", Work(), every_s=60))
    await begun.wait()
    asyncio.get_running_loop().call_later(0.05, may_end.set)

    async with asyncio.timeout(1):
        await jobs.stop(within_s=5)

    assert ended == [1]


async def test_stopping_does_not_wait_for_ever(jobs: Jobs) -> None:
    async def hang() -> bool:
        await asyncio.Event().wait()
        return False

    jobs.start(Job("hanging", hang, every_s=60))
    await asyncio.sleep(0)

    async with asyncio.timeout(1):
        await jobs.stop(within_s=0.05)


async def test_one_that_pauses_after_a_fault_stops_at_once(jobs: Jobs, until: Until) -> None:
    work = Work()
    work.fails = [RuntimeError("again")] * 100
    with capture_logs():
        jobs.start(Job("work", work, every_s=60))
        await until(lambda: work.runs == 4)

    async with asyncio.timeout(0.5):
        await jobs.stop(within_s=5)


async def test_stopping_nothing_is_fine(jobs: Jobs) -> None:
    await jobs.stop(within_s=0)


async def test_at_the_end_of_the_block_what_still_runs_is_cancelled() -> None:
    ended = []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(1)

    async with Background.open() as background:
        for _ in range(3):
            background.start(work(), name="work")
        await asyncio.sleep(0)

    assert ended == [1, 1, 1]


async def test_an_error_that_nobody_caught_ends_the_whole_loudly() -> None:
    async def fail() -> None:
        raise RuntimeError("a mistake")

    async def live() -> None:
        async with Background.open() as background:
            background.start(fail(), name="failing")
            await asyncio.Event().wait()

    with pytest.raises(ExceptionGroup) as raised:
        await live()

    assert raised.group_contains(RuntimeError, match="a mistake")


async def test_the_error_of_the_block_itself_comes_through_as_it_is() -> None:
    class Refused(Exception):
        """Why the block ends."""

    async def live() -> None:
        async with Background.open():
            raise Refused

    with pytest.raises(Refused):
        await live()
