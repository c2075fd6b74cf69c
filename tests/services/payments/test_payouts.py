"""What a restaurant or a courier has earned: line by line, and the total is their sum."""

from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest

from ordereats.chassis.errors import Invalid
from ordereats.contracts.payments import Account
from ordereats.services.payments.use_cases import reading
from services.payments.conftest import COURIER, RESTAURANT, accepted, delivered, placed

if TYPE_CHECKING:
    from services.payments.conftest import Till

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)


async def test_a_payout_lists_what_was_earned_and_given_back(till: "Till") -> None:
    for order_id in (1, 2):
        await till.hear(placed(order_id), accepted(order_id), delivered(order_id))
    await till.work()
    await till.refund("5.00")
    await till.work()

    payout = await reading.payout(till.deps, Account.RESTAURANT, RESTAURANT, since=None, until=None)

    lines = [(line.order_id, line.kind, str(line.amount)) for line in payout.lines]
    assert sorted(lines) == [
        (1, "captured", "17.00"),
        (1, "refunded", "-3.40"),
        (2, "captured", "17.00"),
    ]
    assert str(payout.total) == "30.60"
    assert payout.until - payout.since == timedelta(days=7)


async def test_a_courier_is_owed_fee_and_tip_of_what_was_delivered(till: "Till") -> None:
    await till.hear(placed(1), placed(2), delivered(1))

    payout = await reading.payout(till.deps, Account.COURIER, COURIER, since=None, until=None)

    assert [(line.order_id, str(line.amount)) for line in payout.lines] == [(1, "4.40")]
    assert str(payout.total) == "4.40"


async def test_nothing_earned_is_an_empty_payout(till: "Till") -> None:
    payout = await reading.payout(till.deps, Account.COURIER, 99, since=None, until=None)

    assert (payout.lines, str(payout.total)) == ((), "0.00")


async def test_the_time_begins_with_since_and_ends_before_until(till: "Till") -> None:
    await till.hear(placed(1), delivered(1))
    (at,) = [
        row["at"]
        for row in await till.deps.database.fetch(
            "select at from postings where account = 'courier'"
        )
    ]
    hour = timedelta(hours=1)

    async def lines(since: datetime, until: datetime) -> int:
        payout = await reading.payout(till.deps, Account.COURIER, COURIER, since=since, until=until)
        return len(payout.lines)

    assert await lines(at, at + hour) == 1
    assert await lines(at - hour, at) == 0
    assert await lines((at - hour).astimezone(timezone(hour)), at + hour) == 1


@pytest.mark.parametrize(
    ("since", "until", "path"),
    [
        (MONDAY, MONDAY, "until"),
        (MONDAY + timedelta(days=1), MONDAY, "until"),
        (MONDAY, MONDAY + timedelta(days=31, seconds=1), "since"),
        (MONDAY.replace(tzinfo=None), MONDAY + timedelta(days=1), "since"),
        (None, MONDAY.replace(tzinfo=None), "until"),
        (None, datetime(1, 1, 2, tzinfo=UTC), "until"),
    ],
)
async def test_a_time_that_can_not_be_is_refused(
    till: "Till", since: datetime | None, until: datetime, path: str
) -> None:
    with pytest.raises(Invalid) as refused:
        await reading.payout(till.deps, Account.COURIER, COURIER, since=since, until=until)

    assert [problem.path for problem in refused.value.problems] == [path]
