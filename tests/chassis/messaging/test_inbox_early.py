"""A fact that came before the one it depends on waits for it: a day, not eight attempts."""

import pytest
from structlog.testing import capture_logs

from ordereats.chassis.errors import TooEarly
from ordereats.chassis.messaging.inbox import MAX_ATTEMPTS
from support.builders import a_fact, a_message
from support.consumer import CONSUMER, Consumer


@pytest.fixture
async def early(consumer: Consumer) -> Consumer:
    """Have heard of order 1, which came too early."""
    consumer.fails[1] = TooEarly("Order 1 is not known here yet.")
    await consumer.receive(a_message())
    return consumer


async def test_the_first_attempt_is_undone_waits_and_is_told_quietly(consumer: Consumer) -> None:
    consumer.fails[1] = TooEarly("Order 1 is not known here yet.")
    message = a_message()

    with capture_logs() as lines:
        await consumer.receive(message)

    assert await consumer.noted() == []
    (row,) = await consumer.rows()
    assert (row["state"], row["last_error"]) == (
        "waiting",
        "TooEarly: Order 1 is not known here yet.",
    )
    (line,) = [line for line in lines if line["event"] == "waits_for_earlier_fact"]
    assert (line["log_level"], line["consumer"], line["message_id"]) == (
        "info",
        CONSUMER,
        str(message.id),
    )


async def test_it_is_not_parked_however_often_it_is_tried_on_one_day(early: Consumer) -> None:
    for _ in range(3 * MAX_ATTEMPTS):
        await early.try_again()
    await have_waited(early, "23 hours 59 minutes")
    await early.try_again()
    assert (await state_of(early))[0] == "waiting"

    early.fails.clear()
    await early.try_again()

    assert await early.noted() == [1]
    assert (await state_of(early))[0] == "done"


async def test_after_a_day_it_is_parked_loudly(early: Consumer) -> None:
    await have_waited(early, "1 day")

    with capture_logs() as lines:
        await early.try_again()

    (row,) = await early.rows()
    assert (row["state"], row["message"] is not None) == ("parked", True)
    assert [(line["event"], line["log_level"]) for line in lines] == [("message_parked", "warning")]


@pytest.mark.parametrize(
    ("waited", "shortest_s", "longest_s"),
    [("0 s", 0.5, 1), ("20 s", 10, 21), ("10 minutes", 30, 60), ("23 hours", 30, 60)],
)
async def test_its_pauses_grow_to_a_minute(
    early: Consumer, waited: str, shortest_s: float, longest_s: float
) -> None:
    await have_waited(early, waited)

    await early.try_again()

    _, pause_s = await state_of(early)
    assert shortest_s - 0.5 < pause_s <= longest_s


@pytest.mark.parametrize(
    ("waited", "level"), [("1 s", "info"), ("4 minutes", "info"), ("6 minutes", "warning")]
)
async def test_it_is_told_loudly_when_it_has_waited_for_minutes(
    early: Consumer, waited: str, level: str
) -> None:
    await have_waited(early, waited)

    with capture_logs() as lines:
        await early.try_again()

    assert [(line["event"], line["log_level"]) for line in lines] == [
        ("waits_for_earlier_fact", level)
    ]


async def test_to_have_waited_costs_no_attempt_of_another_error(early: Consumer) -> None:
    for _ in range(2 * MAX_ATTEMPTS):
        await early.try_again()
    early.fails[1] = RuntimeError("a fault")

    for _ in range(MAX_ATTEMPTS - 2):
        await early.try_again()
    assert (await state_of(early))[0] == "waiting"
    await early.try_again()

    assert (await state_of(early))[0] == "parked"


async def test_it_holds_up_nobody(early: Consumer) -> None:
    await early.receive(a_message(a_fact(2)))

    assert await early.noted() == [2]


async def have_waited(consumer: Consumer, interval: str) -> None:
    await consumer.database.execute(f"update inbox set received_at = now() - interval '{interval}'")  # noqa: S608  # a test's own words


async def state_of(consumer: Consumer) -> tuple[str, float]:
    (row,) = await consumer.database.fetch(
        "select state, extract(epoch from due_at - now())::float as pause_s from inbox"
    )
    return row["state"], row["pause_s"]
