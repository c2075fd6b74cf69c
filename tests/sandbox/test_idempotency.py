"""A key stands for one request: done once, answered as often as it is asked."""

import asyncio
import signal
from typing import Any

import aiohttp
import pytest
import stripe

from sandbox.conftest import CARD, Caller, Program


async def test_thirty_parallel_requests_with_one_key_are_one_charge(caller: Caller) -> None:
    intents = await asyncio.gather(*(caller.charge("order-7") for _ in range(30)))

    assert len({intent.id for intent in intents}) == 1
    assert await caller.kinds() == [("authorized", 2500)]


async def test_a_replay_is_the_same_answer_and_says_so(caller: Caller) -> None:
    first = await caller.charge("order-7")
    await caller.stripe.v1.payment_intents.capture_async(first.id)

    replay = await caller.charge("order-7")

    assert replay.to_dict() == first.to_dict()  # as it was then, not as it is now
    assert first.last_response is not None
    assert replay.last_response is not None
    assert "Idempotent-Replayed" not in first.last_response.headers
    assert replay.last_response.headers["Idempotent-Replayed"] == "true"


async def test_a_key_used_for_other_parameters_is_refused(caller: Caller) -> None:
    await caller.charge("order-7")

    with pytest.raises(stripe.IdempotencyError) as refused:
        await caller.charge("order-7", amount=2600)

    assert refused.value.http_status == 400
    assert await caller.kinds() == [("authorized", 2500)]


async def test_a_key_used_for_another_thing_is_refused(caller: Caller) -> None:
    one, other = await caller.charge(), await caller.charge()
    intents = caller.stripe.v1.payment_intents
    await intents.capture_async(one.id, options={"idempotency_key": caller.key("capture")})

    with pytest.raises(stripe.IdempotencyError):
        await intents.capture_async(other.id, options={"idempotency_key": caller.key("capture")})

    assert [kind for kind, _ in await caller.kinds()] == ["authorized", "authorized", "captured"]


async def test_a_decline_is_replayed(caller: Caller) -> None:
    errors = []
    for _ in range(2):
        with pytest.raises(stripe.CardError) as declined:
            await caller.charge("order-7", payment_method="pm_card_visa_chargeDeclined")
        errors.append(declined.value.json_body)

    assert errors[0] == errors[1]
    assert await caller.kinds() == [("declined", 2500)]


async def test_a_mistake_in_the_parameters_leaves_the_key_unused(caller: Caller) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        await caller.charge("order-7", amount=-1)

    assert (await caller.charge("order-7")).status == "requires_capture"


async def test_a_fault_leaves_the_key_unused(caller: Caller) -> None:
    await caller.behave(failStatus=503, times=1)
    with pytest.raises(stripe.APIError) as fault:
        await caller.charge("order-7")

    assert fault.value.http_status == 503
    assert (await caller.charge("order-7")).status == "requires_capture"
    assert await caller.kinds() == [("authorized", 2500)]


async def test_the_order_of_parameters_does_not_matter(caller: Caller) -> None:
    first = await caller.charge("order-7")

    asked: Any = CARD | {"metadata": {"order_id": caller.order}}
    asked = dict(reversed(asked.items()))
    turned = await caller.stripe.v1.payment_intents.create_async(
        asked, {"idempotency_key": caller.key("order-7")}
    )

    assert turned.id == first.id


async def test_a_charge_whose_answer_was_lost_is_found_by_its_key_after_kill_9(
    program: Program, only_caller: Caller
) -> None:
    await only_caller.behave(cutAfterCharge=True)
    with pytest.raises(stripe.APIConnectionError):
        await only_caller.charge("order-7")
    program.stop(signal.SIGKILL)
    program.start()
    [charged] = await only_caller.ledger()

    intent = await only_caller.charge("order-7")

    assert intent.id == charged["paymentIntent"]
    assert intent.last_response is not None
    assert intent.last_response.headers["Idempotent-Replayed"] == "true"
    assert await only_caller.kinds() == [("authorized", 2500)]


async def test_kill_9_under_load_loses_no_charge_that_was_answered(
    program: Program, only_caller: Caller
) -> None:
    answered: dict[str, str] = {}
    under_load = asyncio.Event()

    async def customer(name: str) -> None:
        for n in range(1000):
            key = f"{name}-{n}"
            try:
                answered[only_caller.key(key)] = (await only_caller.charge(key)).id
            except (stripe.APIConnectionError, aiohttp.ClientPayloadError):
                return  # the library lets the second one through, when the body is cut
            if len(answered) == 50:
                under_load.set()

    async with asyncio.timeout(20), asyncio.TaskGroup() as customers:
        for name in "abcd":
            customers.create_task(customer(name))
        await under_load.wait()
        program.stop(signal.SIGKILL)

    program.start()
    entries = {entry["idempotencyKey"]: entry for entry in await only_caller.ledger(limit="500")}
    assert answered.items() <= {key: e["paymentIntent"] for key, e in entries.items()}.items()
    for key, entry in entries.items():  # also those whose answer never arrived
        name = key.removeprefix(only_caller.key(""))
        assert (await only_caller.charge(name)).id == entry["paymentIntent"]
    assert len(await only_caller.ledger(limit="500")) == len(entries)
