"""Refunds that somebody asks for: never above what was taken, made once, and told one by one."""

import asyncio
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from ordereats.chassis.errors import IllegalMove, Invalid, NotFound
from ordereats.contracts.ids import PaymentId
from ordereats.contracts.payments import AskRefund, PaymentRefunded, RefundStatus
from ordereats.contracts.wire import decode
from ordereats.services.payments.domain.refunds import AboveCaptured, Pending, Refunded, Refused
from ordereats.services.payments.use_cases import due, reading, refunds
from services.payments.conftest import accepted, cancelled, placed

if TYPE_CHECKING:
    from services.payments.conftest import Till
    from services.payments.fake import Provider


@pytest.fixture
async def taken(till: "Till") -> "Till":
    """Hold the money of order 1."""
    await till.hear(placed(), accepted())
    await till.work()
    return till


async def test_a_refund_is_noted_at_once_and_made_by_the_job(taken: "Till") -> None:
    refund = await taken.refund("5.00")
    assert (refund.status, str(refund.amount)) == (RefundStatus.REQUESTED, "5.00")

    await taken.work()

    payment = await reading.get(taken.deps, refund.payment_id)
    assert (payment.status, str(payment.captured), str(payment.refunded)) == (
        "refunded",
        "25.00",
        "5.00",
    )
    (made,) = await reading.refunds_of(taken.deps, refund.payment_id, after=0, limit=9)
    assert (made.id, made.status) == (refund.id, RefundStatus.SUCCEEDED)
    assert taken.provider.ledger[-1] == ("refunded", 1, 500)


async def test_each_part_is_told_with_its_amount_and_reason(taken: "Till") -> None:
    for amount in ("5.00", "0.01", None):
        await taken.refund(amount)
    await taken.work()

    facts = [fact for fact in await taken.facts() if "refunded" in fact["type"]]
    told = [decode(fact["data"].encode(), PaymentRefunded) for fact in facts]
    assert sorted(fact.amount.minor for fact in told) == [1, 500, 1999]
    assert {fact.reason for fact in told} == {"cold"}
    assert [fact["version"] for fact in facts] == [4, 5, 6]


async def test_what_is_about_to_go_back_counts(taken: "Till") -> None:
    await taken.refund("20.00")

    with pytest.raises(AboveCaptured) as refused:
        await taken.refund("5.01")

    assert refused.value.extension == {"refundable": Decimal("5.00")}
    assert len(await taken.refunds()) == 1


async def test_of_many_refunds_at_once_only_those_are_taken_that_there_is_money_for(
    taken: "Till", provider: "Provider"
) -> None:
    outcomes = await asyncio.gather(
        *(taken.refund("4.00") for _ in range(20)), return_exceptions=True
    )
    while any(await asyncio.gather(*(due.refunds_due(taken.deps) for _ in range(3)))):
        pass
    await taken.work()

    refused = [outcome for outcome in outcomes if isinstance(outcome, AboveCaptured)]
    assert len(refused) == 14
    assert len(await taken.refunds()) == 6
    assert sum(amount for kind, _, amount in provider.ledger if kind == "refunded") == 2400
    assert (await taken.payment())["refunded_minor"] == 2400
    assert (await taken.balances())["provider"] == 100


async def test_an_order_that_is_cancelled_gives_back_what_is_left(taken: "Till") -> None:
    await taken.refund("5.00")
    await taken.hear(cancelled())

    await taken.work()

    assert sorted(row["amount_minor"] for row in await taken.refunds()) == [500, 2000]
    assert (await taken.balances()).get("provider", 0) == 0


async def test_a_refund_that_failed_leaves_room_for_another(
    taken: "Till", provider: "Provider"
) -> None:
    provider.outcomes[1] = Refused("charge_disputed")
    await taken.refund()
    await taken.work()
    provider.outcomes.clear()

    await taken.refund()
    await taken.work()

    assert [row["status"] for row in await taken.refunds()] == ["failed", "succeeded"]


@pytest.mark.parametrize("amount", ["0", "-1.00", "0.001"])
async def test_no_amount_is_refused_and_nothing_is_noted(taken: "Till", amount: str) -> None:
    with pytest.raises(Invalid):
        await taken.refund(amount)

    assert await taken.refunds() == []


async def test_what_was_not_taken_can_not_go_back(till: "Till") -> None:
    await till.hear(placed())

    with pytest.raises(IllegalMove):
        await till.refund()


async def test_an_unknown_payment_is_not_found(till: "Till") -> None:
    with pytest.raises(NotFound):
        await refunds.ask(till.deps, PaymentId(99), AskRefund("cold"))
    with pytest.raises(NotFound):
        await reading.refunds_of(till.deps, PaymentId(99), after=0, limit=9)
    with pytest.raises(NotFound):
        await reading.journals_of(till.deps, PaymentId(99), after=0, limit=9)


@pytest.mark.parametrize("kind", ["misses", "loses"])
@pytest.mark.parametrize("times", [1, 5])
async def test_money_goes_back_once_however_often_answers_get_lost(
    till: "Till", provider: "Provider", kind: str, times: int
) -> None:
    getattr(provider, kind)["refund"] = times
    await till.hear(placed(), accepted())
    await till.work()
    await till.hear(cancelled())

    for _ in range(times + 2):
        await till.let_time_pass()
        await till.work()

    assert await till.status() == "refunded"
    assert [each[0] for each in provider.ledger] == ["authorized", "captured", "refunded"]


async def test_after_a_day_a_refund_that_the_provider_does_not_know_has_another_key(
    till: "Till", provider: "Provider"
) -> None:
    provider.misses["refund"] = 1
    await till.hear(placed(), accepted())
    await till.work()
    await till.refund("5.00")
    await till.work()
    (before,) = await till.refunds()

    await till.let_a_day_pass()
    await till.work()

    (after,) = await till.refunds()
    assert after["status"] == "succeeded"
    assert after["key"] != before["key"]
    assert after["key"] in provider.refunds


async def test_a_refund_that_is_pending_is_looked_up_until_it_is_over(
    till: "Till", provider: "Provider"
) -> None:
    provider.outcomes[1] = Pending("re_slow")
    await till.hear(placed(), accepted())
    await till.work()
    await till.refund("5.00")
    await till.work()
    (refund,) = await till.refunds()
    assert (refund["status"], refund["provider_reference"]) == ("requested", "re_slow")

    provider.refunds[refund["key"]] = Refunded("re_slow")
    await till.let_time_pass()
    await till.work()

    assert (await till.refunds())[0]["status"] == "succeeded"
    assert provider.times("refund") == 1


async def test_a_refund_that_the_provider_refuses_has_failed_and_moves_no_money(
    till: "Till", provider: "Provider"
) -> None:
    provider.outcomes[1] = Refused("charge_disputed")
    await till.hear(placed(), accepted())
    await till.work()
    before = await till.balances()

    await till.refund("5.00")
    await till.work()

    assert (await till.refunds())[0]["status"] == "failed"
    assert await till.status() == "captured"
    assert await till.balances() == before
    assert "payment.refunded" not in await till.told()
