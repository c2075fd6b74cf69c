"""A refund that fails after it had succeeded: the books say again where the money lies."""

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from ordereats.contracts.money import Money
from ordereats.contracts.payments import Account, PaymentStatus
from ordereats.services.payments.domain import books, refunds
from ordereats.services.payments.domain.refunds import Refused
from services.payments.conftest import accepted, placed
from services.payments.test_books import a_refund, captured_payment
from services.payments.test_webhooks import hear

if TYPE_CHECKING:
    from services.payments.conftest import Till
    from services.payments.fake import Provider

BOUNCED = Refused("expired_or_canceled_card", "re_1")


@pytest.fixture
async def taken(till: "Till") -> "Till":
    """Hold the money of order 1."""
    await till.hear(placed(), accepted())
    await till.work()
    return till


async def bounce(till: "Till", number: int = 0) -> None:
    """Have the provider say of a refund, from now on, that it has failed."""
    till.provider.refunds[(await till.refunds())[number]["key"]] = BOUNCED


@pytest.mark.parametrize("kind", ["refund.failed", "refund.updated", "charge.refund.updated"])
async def test_all_is_as_before_the_refund_and_it_is_told_loudly(taken: "Till", kind: str) -> None:
    before = await taken.balances()
    await taken.refund("5.00")
    await taken.work()
    await bounce(taken)

    with capture_logs() as lines:
        await hear(taken, kind)
        await taken.work()

    assert [row["status"] for row in await taken.refunds()] == ["failed"]
    payment = await taken.payment()
    assert (payment["status"], payment["refunded_minor"]) == ("captured", 0)
    assert await taken.balances() == before
    kinds = await taken.deps.database.fetch("select kind from journals order by id")
    assert [row["kind"] for row in kinds] == ["captured", "refunded", "refund_failed"]
    (line,) = [line for line in lines if line["event"] == "refund_failed"]
    assert (line["log_level"], line["reason"], line["had_succeeded"]) == (
        "error",
        BOUNCED.reason,
        True,
    )


async def test_of_two_refunds_the_other_one_stays(taken: "Till") -> None:
    for amount in ("5.01", "7.00"):
        await taken.refund(amount)
        await taken.work()
    await bounce(taken)

    await hear(taken, "refund.failed")
    await taken.work()

    assert [row["status"] for row in await taken.refunds()] == ["failed", "succeeded"]
    payment = await taken.payment()
    assert (payment["status"], payment["refunded_minor"]) == ("refunded", 700)
    assert (await taken.balances())["provider"] == 1800


async def test_what_came_back_can_be_refunded_again(taken: "Till", provider: "Provider") -> None:
    await taken.refund()
    await taken.work()
    await bounce(taken)
    await hear(taken, "refund.failed")
    await taken.work()

    await taken.refund()
    await taken.work()

    assert [row["status"] for row in await taken.refunds()] == ["failed", "succeeded"]
    assert await taken.status() == "refunded"
    assert provider.times("refund") == 2


async def test_it_is_only_believed_when_the_provider_says_so_too(
    taken: "Till", provider: "Provider"
) -> None:
    await taken.refund("5.00")
    await taken.work()
    before = await taken.balances()

    await hear(taken, "refund.failed")
    await taken.work()

    (refund,) = await taken.refunds()
    assert (refund["status"], refund["due_at"]) == ("succeeded", None)
    assert await taken.balances() == before
    assert (provider.times("refund"), provider.times("look_refund")) == (1, 1)


async def test_that_it_failed_is_found_out_once_however_often_it_is_told(taken: "Till") -> None:
    await taken.refund("5.00")
    await taken.work()
    await bounce(taken)

    for number in range(3):
        await hear(taken, "refund.failed", event_id=f"evt_{number}")
        await taken.work()

    assert (await taken.payment())["refunded_minor"] == 0
    assert (await taken.balances())["provider"] == 2500


async def test_a_refund_that_was_made_is_never_made_again_though_the_provider_forgot_it(
    taken: "Till", provider: "Provider"
) -> None:
    await taken.refund("5.00")
    await taken.work()
    await taken.let_a_day_pass()
    provider.refunds.clear()

    await hear(taken, "refund.failed")
    await taken.work()

    assert (await taken.refunds())[0]["status"] == "succeeded"
    assert provider.times("refund") == 1


@given(st.lists(st.integers(1, 2500), max_size=6), st.data())
def test_in_whatever_order_refunds_fail_the_books_are_as_if_they_had_never_been(
    amounts: list[int], data: st.DataObject
) -> None:
    payment, made = captured_payment(), []
    for amount in amounts:
        left = refunds.left_of(payment, under_way=Money(0)).minor
        if left:
            made.append(a_refund(Money(min(amount, left))))
            payment, _, _ = refunds.succeed(payment, made[-1], "re_1")

    while made:
        refund = made.pop(data.draw(st.integers(0, len(made) - 1)))
        booking = books.came_back(payment, refund.amount)
        payment = refunds.come_back(payment, refund)
        lines = {line.account: line.amount for line in booking.lines}
        share = books.shares(payment.price).restaurant
        before = payment.refunded.minor + refund.amount.minor
        gained = share * before // 2500 - share * payment.refunded.minor // 2500
        assert sum(lines.values()) == 0
        assert (lines[Account.PROVIDER], lines.get(Account.RESTAURANT, 0)) == (
            refund.amount.minor,
            gained,
        )

    assert (payment.status, payment.refunded) == (PaymentStatus.CAPTURED, Money(0))
