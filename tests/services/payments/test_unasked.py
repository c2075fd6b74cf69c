"""What the provider may not be asked for now: it costs nothing, and holds nothing else up."""

import asyncio
from dataclasses import replace
from typing import NoReturn

import pytest

from ordereats.chassis.calls.edges import Edges, EdgeSettings
from ordereats.chassis.errors import CircuitOpen
from ordereats.services.payments.clients import Guarded
from ordereats.services.payments.domain.payments import Payment, Truth
from ordereats.services.payments.domain.refunds import Outcome, Refund, Refused
from ordereats.services.payments.use_cases import due
from services.payments.conftest import Till, accepted, cancelled
from services.payments.fake import Provider


class Hesitant(Provider):
    """It is not asked after all, once it is let go on."""

    async def authorize(self, payment: Payment) -> Truth:
        return await self._refuse(payment)

    async def capture(self, payment: Payment) -> Truth:
        return await self._refuse(payment)

    async def refund(self, refund: Refund) -> Outcome:
        return await self._refuse(refund)

    async def _refuse(self, asked: Payment | Refund) -> NoReturn:
        self.begun.set()
        await self.may_answer.wait()
        raise CircuitOpen(f"not now, order {asked.order_id}", retry_after_s=1)


@pytest.fixture
def hesitant(till: Till) -> Till:
    provider = Hesitant()
    provider.may_answer.clear()
    return Till(replace(till.deps, provider=provider), provider)


async def cancel_while_it_is_about_to_be_asked(hesitant: Till) -> None:
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(hesitant.sweep())
        await hesitant.provider.begun.wait()
        await hesitant.hear(cancelled())
        hesitant.provider.may_answer.set()


async def test_an_order_that_ends_while_its_provider_is_about_to_be_asked_owes_nothing(
    till: Till, hesitant: Till, provider: Provider
) -> None:
    await till.hear(1)
    await cancel_while_it_is_about_to_be_asked(hesitant)

    payment = await till.payment()
    assert (payment["status"], payment["attempts"], payment["due_at"]) == ("voided", 0, None)
    assert await till.told() == ["payment.voided"]
    await till.let_time_pass()
    await till.sweep()
    assert provider.asked == []


async def test_it_is_asked_what_became_of_a_charge_for_which_it_was_asked_before(
    till: Till, hesitant: Till, provider: Provider
) -> None:
    provider.loses["authorize"] = 1
    await till.hear(1)
    await till.sweep()
    await till.let_time_pass()
    await cancel_while_it_is_about_to_be_asked(hesitant)

    assert await till.status() == "requested"
    await till.let_time_pass()
    await till.work()
    assert await till.status() == "voided"
    assert [kind for kind, _, _ in provider.ledger] == ["authorized", "canceled"]


async def test_attempts_that_are_counted_anew_meanwhile_are_never_below_zero(
    till: Till, hesitant: Till
) -> None:
    await till.hear(1)
    await till.sweep()
    await till.hear(accepted())
    await cancel_while_it_is_about_to_be_asked(hesitant)

    payment = await till.payment()
    assert (payment["attempts"], payment["asked_at"]) == (0, None)


async def test_authorizations_that_wait_do_not_hold_up_a_capture(
    till: Till, provider: Provider
) -> None:
    edges = Edges(EdgeSettings())
    guarded = Till(replace(till.deps, provider=Guarded(provider, edges, slow_s=1)), provider)
    await guarded.hear(201)
    await guarded.sweep()
    edges.force("provider", "authorize", "open")
    await guarded.hear(*range(1, 201), accepted(201))

    more = await guarded.sweep()

    assert await till.status(201) == "captured"
    assert provider.times("authorize") == 1
    assert not more  # what is not asked for does not call for the next


async def test_refunds_that_wait_do_not_hold_up_the_question_about_one_that_may_have_failed(
    till: Till, hesitant: Till, provider: Provider
) -> None:
    await till.hear(1, accepted(1))
    await till.work()
    first = await till.refund("0.01")
    await till.work()
    for _ in range(2 * due.AT_ONCE):
        await till.refund("0.01")
    provider.refunds[(await till.refunds())[0]["key"]] = Refused("expired_or_canceled_card", "re_1")
    await till.deps.database.execute("update refunds set due_at = now() where id = $1", first.id)
    hesitant.provider.refunds = provider.refunds
    hesitant.provider.may_answer.set()

    await due.refunds_due(hesitant.deps)

    assert [row["status"] for row in await till.refunds()][:2] == ["failed", "requested"]
