"""The sandbox misbehaves exactly as it is told, for as long as it is told."""

import time
from copy import copy
from datetime import datetime

import aiohttp
import pytest
import stripe

from sandbox.conftest import Caller

GOOD = {
    "latencyMs": 0,
    "failStatus": None,
    "cutAfterCharge": False,
    "cutBodyAfter": None,
    "times": None,
    "webhooks": {"delayMs": 0, "shuffleMs": 0, "copies": 1, "forge": False, "drop": False},
}


async def test_it_fails_as_often_as_it_was_told_and_does_nothing(caller: Caller) -> None:
    assert await caller.behave(failStatus=503, times=2) == GOOD | {"failStatus": 503, "times": 2}

    for _ in range(2):
        with pytest.raises(stripe.APIError) as fault:
            await caller.charge("order-7")
        assert fault.value.http_status == 503
        assert fault.value.headers is not None
        assert fault.value.headers["Request-Id"].startswith("req_")

    assert (await caller.charge("order-7")).status == "requires_capture"
    assert await caller.kinds() == [("authorized", 2500)]


async def test_it_tells_every_request_for_a_key_with_its_time_and_how_it_went(
    caller: Caller,
) -> None:
    await caller.behave(failStatus=503, times=1)
    with pytest.raises(stripe.APIError):
        await caller.charge("order-7")
    await caller.charge("order-7")

    key = caller.key("order-7")
    async with caller.http.get("/sandbox/requests") as response:
        asked = [each for each in await response.json() if each["idempotencyKey"] == key]

    assert [each["status"] for each in asked] == [503, 200]
    assert [(each["method"], each["path"]) for each in asked] == [
        ("POST", "/v1/payment_intents")
    ] * 2
    first, second = [datetime.fromisoformat(each["at"]) for each in asked]
    assert first < second


async def test_too_many_requests_is_stripes_rate_limit_error(caller: Caller) -> None:
    await caller.behave(failStatus=429)

    with pytest.raises(stripe.RateLimitError):
        await caller.charge()


async def test_it_is_as_slow_as_it_was_told(caller: Caller) -> None:
    await caller.behave(latencyMs=300, times=1)

    began = time.monotonic()
    await caller.charge()
    slow = time.monotonic() - began

    assert slow >= 0.3


async def test_a_client_that_gave_up_on_a_slow_answer_was_charged_once(caller: Caller) -> None:
    await caller.behave(latencyMs=300, times=2)
    impatient = copy(caller)
    impatient.stripe = stripe.StripeClient(
        "sk_test_anything",
        base_addresses={"api": caller.url},
        max_network_retries=0,
        http_client=stripe.AIOHTTPClient(session=caller.http, timeout=0.05),
    )
    with pytest.raises(stripe.APIConnectionError):
        await impatient.charge("order-7")

    intent = await caller.charge("order-7")  # it is worked on after the first

    assert intent.last_response is not None
    assert intent.last_response.headers["Idempotent-Replayed"] == "true"
    assert await caller.kinds() == [("authorized", 2500)]


async def test_a_cut_answer_leaves_the_charge_done(caller: Caller) -> None:
    await caller.behave(cutAfterCharge=True, times=1)
    await caller.stripe.v1.payment_intents.list_async()  # a question is not concerned

    with pytest.raises(stripe.APIConnectionError):
        await caller.charge("order-7")

    assert await caller.kinds() == [("authorized", 2500)]
    assert (await caller.charge("order-7")).status == "requires_capture"
    assert await caller.kinds() == [("authorized", 2500)]


async def test_nothing_at_all_is_answered_when_the_connection_is_cut(caller: Caller) -> None:
    await caller.behave(cutAfterCharge=True)

    with pytest.raises(aiohttp.ClientConnectionError):
        await caller.http.post("/v1/payment_intents", data={"amount": "1"})


async def test_a_body_is_cut_off_after_so_many_bytes(caller: Caller) -> None:
    await caller.behave(cutBodyAfter=10, times=1)

    with pytest.raises(aiohttp.ClientPayloadError):  # the library lets it through
        await caller.charge("order-7")

    assert await caller.kinds() == [("authorized", 2500)]
    assert (await caller.charge("order-7")).status == "requires_capture"


async def test_the_behaviour_can_be_read_and_taken_back(caller: Caller) -> None:
    await caller.behave(latencyMs=1, failStatus=500, cutAfterCharge=True, times=9)
    async with caller.http.get("/sandbox/behaviour") as response:
        assert await response.json() == GOOD | {
            "latencyMs": 1,
            "failStatus": 500,
            "cutAfterCharge": True,
            "times": 9,
        }

    assert await caller.behave() == GOOD
    assert (await caller.charge()).status == "requires_capture"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no JSON",
        b"\xff",
        b"[]",
        b'{"latencyMs": -1}',
        b'{"latencyMs": 60001}',
        b'{"latencyMs": "1"}',
        b'{"failStatus": 200}',
        b'{"failStatus": 600}',
        b'{"cutAfterCharge": 1}',
        b'{"cutBodyAfter": -1}',
        b'{"times": 0}',
        b'{"webhooks": {"copies": 0}}',
        b'{"webhooks": {"delay": 1}}',
        b'{"latency": 1}',
    ],
)
async def test_a_behaviour_that_can_not_be_is_400_and_changes_nothing(
    caller: Caller, body: bytes
) -> None:
    async with caller.http.put("/sandbox/behaviour", data=body) as response:
        assert response.status == 400
        assert (await response.json())["error"]["type"] == "invalid_request_error"
    async with caller.http.get("/sandbox/behaviour") as response:
        assert await response.json() == GOOD
