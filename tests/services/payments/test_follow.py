"""Money follows the order: reserved, taken, let go or given back, whatever comes first."""

import asyncio
from typing import TYPE_CHECKING

import pytest

from ordereats.contracts.events import Event
from ordereats.contracts.payments import PaymentRefunded
from ordereats.contracts.wire import decode
from services.payments.conftest import accepted, cancelled, delivered, expired, placed, rejected

if TYPE_CHECKING:
    from services.payments.conftest import Till
    from services.payments.fake import Provider

ENDS = [cancelled(), rejected(), expired()]


async def test_money_is_reserved_when_the_order_is_placed_and_taken_when_it_is_accepted(
    till: "Till", provider: "Provider"
) -> None:
    await till.hear(placed())
    await till.work()
    assert await till.status() == "authorized"

    await till.hear(accepted())
    await till.work()

    assert await till.status() == "captured"
    assert provider.ledger == [("authorized", 1, 2500), ("captured", 1, 2500)]
    assert await till.told() == ["payment.authorized", "payment.captured"]
    assert [fact["version"] for fact in await till.facts()] == [2, 3]


@pytest.mark.parametrize("end", ENDS)
async def test_reserved_money_is_let_go_when_the_order_ends(
    till: "Till", provider: "Provider", end: Event
) -> None:
    await till.hear(placed())
    await till.work()

    await till.hear(end)
    await till.work()

    assert await till.status() == "voided"
    assert provider.ledger == [("authorized", 1, 2500), ("canceled", 1, 2500)]
    assert await till.told() == ["payment.authorized", "payment.voided"]


async def test_taken_money_is_given_back_when_the_operator_cancels(
    till: "Till", provider: "Provider"
) -> None:
    await till.hear(placed(), accepted())
    await till.work()

    await till.hear(cancelled())
    await till.work()

    assert await till.status() == "refunded"
    assert provider.ledger[-1] == ("refunded", 1, 2500)
    assert (await till.told())[-1] == "payment.refunded"
    fact = decode((await till.facts())[-1]["data"].encode(), PaymentRefunded)
    assert (fact.amount.minor, fact.user_id, fact.reason) == (2500, 1, "order_cancelled")


async def test_an_order_that_ends_before_the_provider_was_asked_is_never_charged(
    till: "Till", provider: "Provider"
) -> None:
    await till.hear(placed(), cancelled())

    await till.work()

    assert await till.status() == "voided"
    assert provider.asked == []
    assert await till.told() == ["payment.voided"]


@pytest.mark.parametrize("kind", ["misses", "loses"])
async def test_an_order_that_ends_while_it_is_uncertain_whether_it_was_charged_ends_voided(
    till: "Till", provider: "Provider", kind: str
) -> None:
    getattr(provider, kind)["authorize"] = 1
    await till.hear(placed())
    await till.work()

    await till.hear(cancelled())
    await till.work()

    assert await till.status() == "voided"
    assert [each[0] for each in provider.ledger] == ["authorized", "canceled"]
    assert len(provider.charges) == 1


async def test_a_card_that_is_declined_for_an_order_that_has_ended_is_a_void(
    till: "Till", provider: "Provider"
) -> None:
    provider.misses["authorize"] = 1
    provider.declines[1] = "insufficient_funds"
    await till.hear(placed())
    await till.work()

    await till.hear(expired())
    await till.work()

    assert await till.status() == "voided"
    assert await till.told() == ["payment.voided"]


async def test_an_order_that_ends_while_the_provider_is_reserving_is_let_go_after(
    till: "Till", provider: "Provider"
) -> None:
    provider.may_answer.clear()
    await till.hear(placed())
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(till.sweep())
        await provider.begun.wait()
        await till.hear(cancelled())
        provider.may_answer.set()
    await till.work()

    assert await till.status() == "voided"
    assert await till.told() == ["payment.authorized", "payment.voided"]


async def test_an_order_that_ends_while_money_is_taken_is_given_it_back(
    till: "Till", provider: "Provider"
) -> None:
    provider.loses["capture"] = 1
    await till.hear(placed())
    await till.work()
    await till.hear(accepted())
    await till.work()
    assert await till.status() == "authorized"

    await till.hear(cancelled())
    await till.work()

    assert await till.status() == "refunded"
    assert [each[0] for each in provider.ledger] == ["authorized", "captured", "refunded"]
    assert sum((await till.balances()).values()) == 0


@pytest.mark.parametrize("late", [accepted(), cancelled(), delivered()])
async def test_a_fact_that_comes_before_its_order_is_tried_again(till: "Till", late: Event) -> None:
    await till.hear(late)
    (waiting,) = await till.waiting()
    assert waiting["last_error"].startswith("TooEarly: ")
    await till.hear(placed())
    await till.deps.database.execute("update inbox set due_at = now()")

    await till.inbox.retry_once()

    assert await till.waiting() == []


async def test_who_has_brought_the_food_is_paid_though_a_cancel_overtook_it(till: "Till") -> None:
    await till.hear(placed(), accepted())
    await till.work()

    await till.hear(cancelled(), delivered())
    await till.work()

    assert await till.status() == "refunded"
    assert await till.balances() == {
        "customer": 0,
        "provider": 0,
        "restaurant": 0,
        "courier": 440,
        "platform": -440,
    }


async def test_an_acceptance_that_was_overtaken_by_the_end_takes_no_money(
    till: "Till", provider: "Provider"
) -> None:
    await till.hear(placed())
    await till.work()
    await till.hear(cancelled(), accepted())

    await till.work()

    assert await till.status() == "voided"
    assert provider.times("capture") == 0
    assert await till.waiting() == []


@pytest.mark.parametrize("fact", [accepted(), cancelled(), delivered()])
async def test_a_fact_that_comes_twice_changes_nothing(till: "Till", fact: Event) -> None:
    await till.hear(placed(), accepted())
    await till.work()
    await till.hear(fact)
    await till.work()
    before = (await till.payment(), await till.told(), await till.balances())

    await till.hear(fact)
    await till.work()

    after = (await till.payment(), await till.told(), await till.balances())
    assert [dict(before[0]), *before[1:]] == [dict(after[0]), *after[1:]]


async def test_a_declined_payment_is_not_let_go_of_again(
    till: "Till", provider: "Provider"
) -> None:
    provider.declines[1] = "expired_card"
    await till.hear(placed())
    await till.work()

    await till.hear(cancelled())
    await till.work()

    assert await till.status() == "declined"
    assert await till.told() == ["payment.declined"]
