"""The relay publishes what was committed, whatever the bus does: late or twice, but never not."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from time import monotonic

import pytest

from ordereats.chassis.background import Background, Hint, Jobs
from ordereats.chassis.clock import SystemClock
from ordereats.chassis.db.pool import Database
from ordereats.chassis.messaging import relay as relay_module
from ordereats.chassis.messaging.bus import BusDownError, BusState
from ordereats.chassis.messaging.outbox import Outbox
from ordereats.chassis.messaging.relay import BATCH, BATCHES, ROUND_S, WINDOW, Relay
from support.builders import FakeBus, a_fact, nothing

Until = Callable[..., Awaitable[None]]


@pytest.fixture
def bus() -> FakeBus:
    return FakeBus()


@pytest.fixture
def relay(database: Database, bus: FakeBus) -> Relay:
    return a_relay(database, bus)


def a_relay(database: Database, bus: FakeBus, hint: Hint | None = None) -> Relay:
    return Relay(database, bus, SystemClock(), hint=hint or Hint())


async def put(database: Database, *facts: str, wake: Callable[[], None] = nothing) -> None:
    """Commit facts such as "A1": of subject A, its version 1."""
    outbox = Outbox("orders", SystemClock(), wake)
    async with database.transaction() as tx:
        await outbox.add_all(
            tx,
            [outbox.message(a_fact(), subject=fact[0], version=int(fact[1:])) for fact in facts],
        )


async def drain(relay: Relay) -> None:
    """Publish all that may be published now."""
    async with asyncio.timeout(60):
        while await relay.run_once():
            pass


async def left(database: Database) -> list[str]:
    rows = await database.fetch("select subject, version from outbox order by position")
    return [f"{row['subject']}{row['version']}" for row in rows]


async def let_time_pass(database: Database) -> None:
    """Let every lease and every pause be over."""
    await database.execute("update outbox set due_at = now()")


def published(bus: FakeBus) -> list[str]:
    return [f"{each.subject}{each.version}" for each in bus.published]


async def test_what_was_committed_is_published_in_order_and_removed(
    database: Database, relay: Relay, bus: FakeBus
) -> None:
    await put(database, "A1", "B1", "A2")
    await put(database, "A3")

    await drain(relay)

    assert published(bus) == ["A1", "B1", "A2", "A3"]
    assert await left(database) == []


async def test_an_empty_outbox_publishes_nothing(relay: Relay, bus: FakeBus) -> None:
    assert await relay.run_once() is False
    assert not bus.begun.is_set()


async def test_nothing_is_published_that_is_not_committed_yet(
    database: Database, relay: Relay, bus: FakeBus
) -> None:
    outbox = Outbox("orders", SystemClock(), nothing)
    async with database.transaction() as tx:
        await outbox.add(tx, a_fact(), subject="A", version=1)
        await put(database, "B1")
        await relay.run_once()
        assert published(bus) == ["B1"]

    await relay.run_once()

    assert published(bus) == ["B1", "A1"]


async def test_after_some_batches_it_says_that_there_may_be_more(
    database: Database, relay: Relay, bus: FakeBus
) -> None:
    outbox = Outbox("orders", SystemClock(), nothing)
    numbers = range(BATCH * BATCHES + 1)
    facts = [outbox.message(a_fact(), subject=f"order/{each}", version=1) for each in numbers]
    async with database.transaction() as tx:
        await outbox.add_all(tx, facts)

    assert await relay.run_once() is True
    assert len(bus.published) == BATCH * BATCHES
    assert await relay.run_once() is False

    assert [each.id for each in bus.published] == [each.id for each in facts]
    assert await left(database) == []


async def test_a_later_message_of_a_subject_is_claimed_when_the_bus_has_the_one_before(
    database: Database, relay: Relay, bus: FakeBus
) -> None:
    bus.hangs = asyncio.Event()
    await put(database, "A1", "A2")

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(relay.run_once())
        await bus.begun.wait()
        (later,) = await database.fetch("select lease from outbox where version = 2")
        assert later["lease"] is None
        bus.hangs.set()

    assert published(bus) == ["A1", "A2"]


async def test_a_bus_that_is_known_to_be_down_is_left_alone(
    database: Database, relay: Relay, bus: FakeBus
) -> None:
    await put(database, "A1")

    for state in (BusState.DOWN, BusState.BLOCKED):
        bus.state = state
        assert await relay.run_once() is False

    assert not bus.begun.is_set()
    (row,) = await database.fetch("select attempts, lease from outbox")
    assert (row["attempts"], row["lease"]) == (0, None)


async def test_a_bus_that_goes_down_costs_no_attempt_and_no_time(
    database: Database, relay: Relay, bus: FakeBus
) -> None:
    await put(database, "A1")
    bus.fails = BusDownError("the broker went away")

    for _ in range(3):
        assert await relay.run_once() is False

    (row,) = await database.fetch("select attempts, lease, due_at <= now() as is_due from outbox")
    assert (row["is_due"], row["lease"], row["attempts"]) == (True, None, 0)
    bus.fails = None
    await relay.run_once()
    assert published(bus) == ["A1"]


async def test_a_refused_message_waits_and_says_why(
    database: Database, relay: Relay, bus: FakeBus
) -> None:
    await put(database, "A1")
    bus.refuses["A"] = "no queue takes it"

    await relay.run_once()
    await relay.run_once()

    (row,) = await database.fetch("select *, due_at > now() as waits from outbox")
    assert (row["waits"], row["attempts"]) == (True, 1)
    assert (row["lease"], row["last_error"]) == (None, "no queue takes it")


async def test_it_waits_longer_each_time_and_never_longer_than_half_a_minute(
    database: Database, relay: Relay, bus: FakeBus
) -> None:
    await put(database, "A1")
    bus.refuses["A"] = "no queue takes it"
    pauses = []

    for _ in range(12):
        await let_time_pass(database)
        await relay.run_once()
        (row,) = await database.fetch(
            "select extract(epoch from due_at - now())::float as pause_s from outbox"
        )
        pauses.append(row["pause_s"])

    for pause_s, longest_s in zip([*pauses[:3], pauses[-1]], (1, 2, 4, 30), strict=True):
        assert longest_s - 0.8 < pause_s <= longest_s


async def test_it_holds_back_the_later_ones_of_its_subject_and_no_others(
    database: Database, relay: Relay, bus: FakeBus
) -> None:
    await put(database, "A1", "B1")
    bus.refuses["A"] = "no queue takes it"
    await relay.run_once()
    await put(database, "A2", "B2")

    await relay.run_once()

    assert published(bus) == ["B1", "B2"]
    bus.refuses.clear()
    await let_time_pass(database)
    await drain(relay)
    assert published(bus) == ["B1", "B2", "A1", "A2"]


async def test_it_holds_them_back_also_within_one_batch(
    database: Database, relay: Relay, bus: FakeBus
) -> None:
    await put(database, "A1", "B1", "A2")
    (first,) = await database.fetch("select id from outbox where subject = 'A' and version = 1")
    bus.refuses[first["id"]] = "too large"

    await relay.run_once()

    assert published(bus) == ["B1"]
    bus.refuses.clear()
    await let_time_pass(database)
    await relay.run_once()
    await relay.run_once()
    assert published(bus) == ["B1", "A1", "A2"]


async def a_long_line_held_back(database: Database, relay: Relay, bus: FakeBus) -> None:
    """Leave more behind than three looks take in, none of which may go out, and pass by it."""
    bus.refuses["A"] = "no queue takes it"
    await put(database, *(f"A{version}" for version in range(1, 3 * WINDOW + 2)))
    await drain(relay)
    await drain(relay)  # the first one has found the one that is refused


async def test_what_comes_behind_a_long_line_that_is_held_back_goes_out_at_once(
    database: Database, relay: Relay, bus: FakeBus
) -> None:
    await a_long_line_held_back(database, relay, bus)

    await put(database, "B1")
    await relay.run_once()

    assert published(bus) == ["B1"]


async def test_what_may_go_out_amid_such_a_line_is_found_when_it_is_gone_through_again(
    database: Database, relay: Relay, bus: FakeBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    await a_long_line_held_back(database, relay, bus)
    await database.execute("update outbox set subject = 'C' where version = $1", WINDOW + 500)
    await drain(relay)
    assert published(bus) == []

    monkeypatch.setattr(relay_module, "monotonic", lambda: monotonic() + ROUND_S)
    await drain(relay)

    assert published(bus) == [f"C{WINDOW + 500}"]


async def test_the_oldest_are_looked_at_too(database: Database, relay: Relay, bus: FakeBus) -> None:
    await a_long_line_held_back(database, relay, bus)
    bus.refuses.clear()
    await let_time_pass(database)

    await relay.run_once()

    assert published(bus)[:3] == ["A1", "A2", "A3"]


async def test_nobody_else_publishes_what_one_relay_holds_nor_what_comes_after_it(
    database: Database, relay: Relay, bus: FakeBus
) -> None:
    other = FakeBus()
    bus.hangs = asyncio.Event()
    await put(database, "A1", "B1")

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(relay.run_once())
        await bus.begun.wait()
        await put(database, "A2", "C1")
        await a_relay(database, other).run_once()
        assert published(other) == ["C1"]
        bus.hangs.set()

    assert published(bus) == ["A1", "B1", "A2"]
    assert published(other) == ["C1"]


async def test_what_another_relay_takes_at_this_very_moment_is_not_overtaken(
    database: Database, relay: Relay, bus: FakeBus
) -> None:
    await put(database, "A1", "B1", "A2")

    async with database.transaction() as tx:  # the other one, between its claim and its commit
        await tx.fetch("select from outbox where subject = 'A' and version = 1 for update")
        await relay.run_once()

    assert published(bus) == ["B1"]


async def test_the_lease_of_a_relay_that_died_lapses(
    database: Database, relay: Relay, bus: FakeBus
) -> None:
    other = FakeBus()
    bus.hangs = asyncio.Event()
    await put(database, "A1")
    async with asyncio.TaskGroup() as tasks:
        dying = tasks.create_task(relay.run_once())
        await bus.begun.wait()
        dying.cancel()

    await a_relay(database, other).run_once()
    assert published(other) == []
    await let_time_pass(database)
    await a_relay(database, other).run_once()

    assert published(other) == ["A1"]
    assert await left(database) == []


async def test_a_relay_whose_lease_has_lapsed_removes_nothing_of_its_successors(
    database: Database, relay: Relay, bus: FakeBus
) -> None:
    successor = FakeBus()
    bus.hangs, successor.hangs = asyncio.Event(), asyncio.Event()
    await put(database, "A1")

    async with asyncio.TaskGroup() as tasks:
        late = tasks.create_task(relay.run_once())
        await bus.begun.wait()
        await let_time_pass(database)
        tasks.create_task(a_relay(database, successor).run_once())
        await successor.begun.wait()
        bus.hangs.set()
        await late
        assert await left(database) == ["A1"]
        successor.hangs.set()

    assert await left(database) == []
    assert [each.id for each in bus.published] == [each.id for each in successor.published]


async def test_an_unexpected_error_of_the_bus_loses_nothing(
    database: Database, relay: Relay, bus: FakeBus
) -> None:
    await put(database, "A1")
    bus.fails = RuntimeError("a fault of the library")

    with pytest.raises(RuntimeError):
        await relay.run_once()

    bus.fails = None
    await let_time_pass(database)
    await relay.run_once()
    assert published(bus) == ["A1"]


async def test_two_relays_share_the_work_lose_nothing_and_keep_each_subjects_order(
    database: Database, until: Until
) -> None:
    bus, hints = FakeBus(), [Hint(), Hint()]
    relays = [a_relay(database, bus, hint) for hint in hints]

    def wake() -> None:
        for hint in hints:
            hint.give()

    async with Background.open() as background:
        jobs = Jobs(background)
        for relay in relays:
            for job in relay.jobs():
                jobs.start(job)
        for version in range(1, 41):
            await put(database, *(f"{subject}{version}" for subject in "ABCDEFGH"), wake=wake)
        await until(lambda: len(bus.published) >= 320)
        await jobs.stop(within_s=5)

    versions = defaultdict(list)
    for each in bus.published:
        versions[each.subject].append(each.version)
    assert dict(versions) == {subject: [*range(1, 41)] for subject in "ABCDEFGH"}
    assert await left(database) == []


async def test_a_commit_wakes_the_relay(database: Database, bus: FakeBus) -> None:
    hint = Hint()
    async with Background.open() as background:
        jobs = Jobs(background)
        for job in a_relay(database, bus, hint).jobs():
            jobs.start(job)
        await put(database, "A1", wake=hint.give)

        async with asyncio.timeout(5):
            await bus.begun.wait()
        await jobs.stop(within_s=5)

    assert published(bus) == ["A1"]
