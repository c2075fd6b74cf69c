"""Money is asked for once, whatever the provider does and whoever dies on the way."""

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from ordereats.chassis.errors import NotFound
from ordereats.contracts.ids import OrderId, PaymentId
from ordereats.contracts.payments import PaymentAuthorized, PaymentDeclined, PaymentStatus
from ordereats.contracts.wire import decode
from ordereats.services.payments.domain.payments import NEVER_MADE, Authorized, Canceled
from ordereats.services.payments.use_cases import due, reading
from services.payments.conftest import accepted, placed

if TYPE_CHECKING:
    from services.payments.conftest import Till
    from services.payments.fake import Provider


async def test_an_order_is_a_payment_that_is_due_and_has_its_key_already(till: "Till") -> None:
    await till.hear(1)

    payment = await till.payment()
    assert (payment["status"], payment["attempts"]) == ("requested", 0)
    assert payment["charge_key"]
    assert payment["pause_s"] <= 0
    assert till.provider.asked == []


async def test_the_same_order_twice_is_one_payment(till: "Till") -> None:
    await till.hear(1)
    key = (await till.payment())["charge_key"]

    await till.hear(1)

    assert len(await till.deps.database.fetch("select from payments")) == 1
    assert (await till.payment())["charge_key"] == key


async def test_reserved_money_is_told_with_where_to_find_it(
    till: "Till", provider: "Provider"
) -> None:
    await till.hear(1)

    assert await till.sweep() is False

    payment = await till.payment()
    assert (payment["status"], payment["attempts"]) == ("authorized", 1)
    assert (payment["provider_reference"], payment["due_at"]) == ("pi_1", None)
    (fact,) = await till.facts()
    assert (fact["subject"], fact["version"]) == (f"payment/{payment['id']}", 2)
    assert (fact["source"], fact["correlation_id"]) == ("payments", "walk-1")
    told = decode(fact["data"].encode(), PaymentAuthorized)
    assert (told.order_id, told.amount.minor) == (1, 2500)
    assert len(provider.charges) == 1


async def test_a_declined_card_is_told_with_its_reason(till: "Till", provider: "Provider") -> None:
    provider.declines[1] = "insufficient_funds"
    await till.hear(1)

    await till.sweep()

    payment = await till.payment()
    assert (payment["status"], payment["decline_reason"]) == ("declined", "insufficient_funds")
    (fact,) = await till.facts()
    assert decode(fact["data"].encode(), PaymentDeclined).reason == "insufficient_funds"


async def test_what_is_settled_is_never_asked_again(till: "Till", provider: "Provider") -> None:
    provider.declines[2] = "expired_card"
    await till.hear(1, 2)
    await till.sweep()

    await till.let_time_pass()
    await till.sweep()

    assert len(provider.asked) == 2


async def test_an_answer_that_got_lost_is_asked_for_again_with_the_same_key(
    till: "Till", provider: "Provider"
) -> None:
    provider.loses["authorize"] = 2
    await till.hear(1)

    for attempt in (1, 2):
        await till.sweep()
        payment = await till.payment()
        assert (payment["status"], payment["attempts"]) == ("requested", attempt)
        assert payment["last_error"] == "the answer got lost"
        assert 0 < payment["pause_s"] <= 2**attempt / 4
        assert await till.facts() == []
        await till.let_time_pass()
    await till.sweep()

    assert (await till.payment())["status"] == "authorized"
    assert len(provider.asked) == 3
    assert len(set(provider.asked)) == len(provider.charges) == 1
    assert len(await till.facts()) == 1


async def test_it_is_not_asked_again_before_its_time(till: "Till", provider: "Provider") -> None:
    provider.loses["authorize"] = 1
    await till.hear(1)
    await till.sweep()

    await till.sweep()

    assert len(provider.asked) == 1


async def test_pauses_grow_to_half_a_minute(till: "Till", provider: "Provider") -> None:
    provider.misses["authorize"] = 100
    await till.hear(1)

    for _ in range(10):
        await till.let_time_pass()
        await till.sweep()

    assert (await till.payment())["pause_s"] + 1 >= 15
    assert (await till.payment())["pause_s"] <= 30


async def test_what_goes_wrong_with_one_payment_is_no_other_ones_matter(
    till: "Till", provider: "Provider"
) -> None:
    provider.breaks[3] = RuntimeError("the library has a fault")
    provider.declines[2] = "expired_card"
    await till.hear(1, 2, 3, 4, 5)

    await asyncio.gather(till.sweep(), return_exceptions=True)

    statuses = [(await till.payment(each))["status"] for each in range(1, 6)]
    assert statuses == ["authorized", "declined", "requested", "authorized", "authorized"]


async def test_two_processes_at_once_ask_once_for_each(till: "Till", provider: "Provider") -> None:
    await till.hear(*range(1, 31))

    while any(await asyncio.gather(till.sweep(), till.sweep(), till.sweep())):
        pass

    assert len(provider.asked) == len(provider.charges) == 30
    assert len(await till.facts()) == 30


async def test_more_than_a_batch_says_that_there_is_more(till: "Till") -> None:
    await till.hear(*range(1, due.AT_ONCE + 2))

    assert await till.sweep() is True
    assert await till.sweep() is False


async def test_a_payment_whose_process_died_is_taken_over_when_its_lease_lapses(
    till: "Till", provider: "Provider"
) -> None:
    provider.may_answer.clear()
    await till.hear(1)
    async with asyncio.TaskGroup() as tasks:
        dying = tasks.create_task(till.sweep())
        await provider.begun.wait()
        dying.cancel()
    provider.may_answer.set()

    await till.sweep()
    assert len(provider.asked) == 1
    assert 10 < (await till.payment())["pause_s"] <= till.deps.lease_s
    await till.let_time_pass()
    await till.sweep()

    assert (await till.payment())["status"] == "authorized"
    assert len(provider.asked) == 2
    assert len(provider.charges) == 1
    assert len(await till.facts()) == 1


async def test_one_that_was_only_late_changes_nothing_after_it_was_taken_over(
    till: "Till", provider: "Provider"
) -> None:
    provider.may_answer.clear()
    await till.hear(1)
    quick = type(provider)(charges=provider.charges)
    async with asyncio.TaskGroup() as tasks:
        late = tasks.create_task(till.sweep())
        await provider.begun.wait()
        await till.let_time_pass()
        await due.payments_due(replace(till.deps, provider=quick))
        assert (await till.payment())["status"] == "authorized"
        provider.may_answer.set()
        await late

    assert (await till.payment())["version"] == 2
    assert len(provider.charges) == 1
    assert len(await till.facts()) == 1


async def test_killed_between_answer_and_commit_it_asks_again_and_finds_the_first_charge(
    till: "Till", provider: "Provider"
) -> None:
    await till.hear(1)
    key = (await till.payment())["charge_key"]
    provider.charges[key] = Authorized("pi_before")  # the one that died had this answer
    await till.deps.database.execute("update payments set attempts = 1")

    await till.sweep()

    payment = await till.payment()
    assert (payment["provider_reference"], payment["attempts"]) == ("pi_before", 2)
    assert len(provider.charges) == 1


async def test_a_payment_is_shown_as_it_is(till: "Till") -> None:
    await till.hear(1)
    await till.sweep()

    (shown,) = await reading.of_order(till.deps, OrderId(1))

    assert shown == await reading.get(till.deps, shown.id)
    assert (shown.status, str(shown.amount)) == (PaymentStatus.AUTHORIZED, "25.00")
    assert await reading.of_order(till.deps, OrderId(2)) == []
    with pytest.raises(NotFound):
        await reading.get(till.deps, PaymentId(99))


async def test_what_stays_uncertain_is_looked_up_before_it_is_asked_for_again(
    till: "Till", provider: "Provider"
) -> None:
    provider.loses["authorize"] = 100
    await till.hear(1)

    for _ in range(4):
        await till.let_time_pass()
        await till.sweep()

    assert await till.status() == "authorized"
    assert [each[0] for each in provider.asked] == ["authorize"] * 3 + ["look"]
    assert await till.told() == ["payment.authorized"]


async def test_what_the_provider_does_not_know_is_asked_for_again_with_the_same_key(
    till: "Till", provider: "Provider"
) -> None:
    provider.misses["authorize"] = 3
    await till.hear(1)

    for _ in range(4):
        await till.let_time_pass()
        await till.sweep()

    assert await till.status() == "authorized"
    assert [each[0] for each in provider.asked] == ["authorize"] * 3 + ["look", "authorize"]
    assert len({key for _, _, key in provider.asked}) == 1


async def test_after_a_day_a_charge_that_the_provider_does_not_know_is_not_asked_for_again(
    till: "Till", provider: "Provider"
) -> None:
    provider.misses["authorize"] = 1
    await till.hear(1)
    await till.sweep()

    await till.let_a_day_pass()
    await till.work()

    payment = await till.payment()
    assert (payment["status"], payment["decline_reason"]) == ("declined", NEVER_MADE)
    assert provider.times("authorize") == 1
    assert provider.ledger == []


async def test_after_a_day_a_charge_that_the_provider_knows_is_taken_over(
    till: "Till", provider: "Provider"
) -> None:
    provider.loses["authorize"] = 1
    await till.hear(1)
    await till.sweep()

    await till.let_a_day_pass()
    await till.work()

    assert await till.status() == "authorized"
    assert provider.times("authorize") == 1


@pytest.mark.parametrize("kind", ["misses", "loses"])
@pytest.mark.parametrize("times", [1, 3, 5])
async def test_money_is_taken_once_however_often_answers_get_lost(
    till: "Till", provider: "Provider", kind: str, times: int
) -> None:
    getattr(provider, kind)["capture"] = times
    await till.hear(placed(), accepted())

    for _ in range(times + 2):
        await till.let_time_pass()
        await till.work()

    assert await till.status() == "captured"
    assert [each[0] for each in provider.ledger] == ["authorized", "captured"]
    assert await till.told() == ["payment.authorized", "payment.captured"]


async def test_a_reservation_that_the_provider_has_let_go_is_voided_when_it_is_to_be_taken(
    till: "Till", provider: "Provider"
) -> None:
    await till.hear(placed())
    await till.work()
    key = (await till.payment())["charge_key"]
    provider.charges[key] = Canceled("pi_1")

    await till.hear(accepted())
    await till.work()

    assert await till.status() == "voided"
    assert await till.balances() == {}


async def test_attempts_count_what_is_due_now(till: "Till", provider: "Provider") -> None:
    provider.loses["authorize"] = 2
    await till.hear(1)
    for _ in range(3):
        await till.let_time_pass()
        await till.work()
    assert (await till.payment())["attempts"] == 3

    await till.hear(accepted())
    await till.work()

    assert (await till.payment())["attempts"] == 1
