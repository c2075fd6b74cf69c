"""Money through the official library: reserved, taken, released, given back."""

import pytest
import stripe

from sandbox.conftest import Caller


async def test_an_authorization_reserves_the_whole_amount(caller: Caller) -> None:
    intent = await caller.charge("order-7", description="Pho")

    assert intent.status == "requires_capture"
    assert (intent.amount_capturable, intent.amount_received) == (2500, 0)
    assert intent.metadata.to_dict() == {"order_id": caller.order}
    assert intent.payment_method == "pm_card_visa"
    found = await caller.stripe.v1.payment_intents.retrieve_async(intent.id)
    assert found.to_dict() == intent.to_dict()
    [entry] = await caller.ledger(orderId=caller.order)
    assert entry.pop("at").endswith("Z")
    assert entry.pop("sequence") > 0
    assert entry == {
        "kind": "authorized",
        "paymentIntent": intent.id,
        "amount": 2500,
        "currency": "eur",
        "metadata": {"order_id": caller.order},
        "idempotencyKey": caller.key("order-7"),
    }


async def test_an_automatic_capture_takes_the_money_at_once(caller: Caller) -> None:
    intent = await caller.charge(capture_method="automatic")

    assert (intent.status, intent.amount_received) == ("succeeded", 2500)
    assert await caller.kinds() == [("authorized", 2500), ("captured", 2500)]


async def test_capturing_a_part_releases_the_rest(caller: Caller) -> None:
    intent = await caller.charge()

    captured = await caller.stripe.v1.payment_intents.capture_async(
        intent.id, {"amount_to_capture": 1500}
    )

    assert captured.status == "succeeded"
    assert (captured.amount_capturable, captured.amount_received) == (0, 1500)
    assert await caller.kinds() == [("authorized", 2500), ("captured", 1500)]


async def test_no_more_is_captured_than_was_reserved(caller: Caller) -> None:
    intent = await caller.charge()

    with pytest.raises(stripe.InvalidRequestError) as refused:
        await caller.stripe.v1.payment_intents.capture_async(intent.id, {"amount_to_capture": 2501})

    assert refused.value.http_status == 400
    assert refused.value.code == "amount_too_large"
    assert await caller.kinds() == [("authorized", 2500)]


async def test_canceling_releases_what_was_reserved(caller: Caller) -> None:
    intent = await caller.charge()

    canceled = await caller.stripe.v1.payment_intents.cancel_async(
        intent.id, {"cancellation_reason": "requested_by_customer"}
    )

    assert (canceled.status, canceled.amount_capturable) == ("canceled", 0)
    assert canceled.cancellation_reason == "requested_by_customer"
    assert await caller.kinds() == [("authorized", 2500), ("canceled", 2500)]


async def test_a_move_that_the_state_forbids_is_refused_and_shows_the_intent(
    caller: Caller,
) -> None:
    intent = await caller.charge()
    intents = caller.stripe.v1.payment_intents
    await intents.cancel_async(intent.id)

    for move in (intents.capture_async, intents.cancel_async):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            await move(intent.id)
        assert refused.value.http_status == 400
        assert refused.value.code == "payment_intent_unexpected_state"
        assert refused.value.error is not None
        assert refused.value.error.payment_intent is not None
        assert refused.value.error.payment_intent.status == "canceled"

    assert await caller.kinds() == [("authorized", 2500), ("canceled", 2500)]


async def test_refunds_give_back_what_was_taken_and_never_more(caller: Caller) -> None:
    refunds = caller.stripe.v1.refunds
    intent = await caller.charge(capture_method="automatic")

    part = await refunds.create_async({"payment_intent": intent.id, "amount": 1000})
    with pytest.raises(stripe.InvalidRequestError) as over:
        await refunds.create_async({"payment_intent": intent.id, "amount": 1501})
    rest = await refunds.create_async({"payment_intent": intent.id})
    with pytest.raises(stripe.InvalidRequestError) as again:
        await refunds.create_async({"payment_intent": intent.id})

    assert (part.status, part.amount, rest.amount) == ("succeeded", 1000, 1500)
    assert (await refunds.retrieve_async(part.id)).to_dict() == part.to_dict()
    assert (over.value.http_status, over.value.param) == (400, "amount")
    assert (again.value.http_status, again.value.code) == (400, "charge_already_refunded")
    assert (await caller.kinds())[2:] == [("refunded", 1000), ("refunded", 1500)]


async def test_a_refund_fails_once_when_it_is_told_to_and_can_be_made_again(
    caller: Caller,
) -> None:
    v1 = caller.stripe.v1
    intent = await caller.charge(capture_method="automatic")
    made = await v1.refunds.create_async({"payment_intent": intent.id})

    async def fail(name: str) -> int:
        async with caller.http.post(f"/sandbox/refunds/{name}/fail") as answer:
            return answer.status

    assert [await fail(made.id), await fail(made.id), await fail("re_none")] == [200, 400, 404]

    failed = await v1.refunds.retrieve_async(made.id)
    assert (failed.status, failed.failure_reason) == ("failed", "expired_or_canceled_card")
    assert (await v1.refunds.create_async({"payment_intent": intent.id})).status == "succeeded"
    assert [kind for kind, _ in (await caller.kinds())[1:]] == [
        *("captured", "refunded", "refund_failed", "refunded")
    ]


async def test_what_was_not_taken_can_not_be_given_back(caller: Caller) -> None:
    intent = await caller.charge()

    with pytest.raises(stripe.InvalidRequestError) as refused:
        await caller.stripe.v1.refunds.create_async({"payment_intent": intent.id})

    assert (refused.value.http_status, refused.value.param) == (400, "payment_intent")


@pytest.mark.parametrize(
    ("card", "code", "decline_code"),
    [
        ("pm_card_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_visa_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
        ("pm_card_visa_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
        ("pm_card_chargeDeclinedLostCard", "card_declined", "lost_card"),
        ("pm_card_visa_chargeDeclinedLostCard", "card_declined", "lost_card"),
        ("pm_card_chargeDeclinedStolenCard", "card_declined", "stolen_card"),
        ("pm_card_visa_chargeDeclinedStolenCard", "card_declined", "stolen_card"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", None),
        ("pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc", None),
        ("pm_card_chargeDeclinedProcessingError", "processing_error", None),
    ],
)
async def test_a_declined_card_gives_stripes_card_error(
    caller: Caller, card: str, code: str, decline_code: str | None
) -> None:
    with pytest.raises(stripe.CardError) as declined:
        await caller.charge(payment_method=card)

    assert (declined.value.http_status, declined.value.code) == (402, code)
    error = declined.value.error
    assert error is not None
    assert getattr(error, "decline_code", None) == decline_code
    intent = error.payment_intent
    assert intent is not None
    assert intent.status == "requires_payment_method"
    assert intent.last_payment_error is not None
    assert intent.last_payment_error.code == code
    found = await caller.stripe.v1.payment_intents.retrieve_async(intent.id)
    assert found.to_dict() == intent.to_dict()
    assert await caller.kinds() == [("declined", 2500)]


async def test_a_challenged_card_waits_for_its_holder_and_can_be_given_up(caller: Caller) -> None:
    intent = await caller.charge(payment_method="pm_card_authenticationRequired")

    assert intent.status == "requires_action"
    assert intent.next_action is not None
    assert await caller.kinds() == []
    canceled = await caller.stripe.v1.payment_intents.cancel_async(intent.id)
    assert canceled.status == "canceled"


async def test_an_unknown_card_is_refused(caller: Caller) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await caller.charge(payment_method="pm_card_of_nobody")

    assert (refused.value.http_status, refused.value.code) == (400, "resource_missing")


async def test_what_does_not_exist_is_404(caller: Caller) -> None:
    v1 = caller.stripe.v1
    for missing in (
        v1.payment_intents.retrieve_async("pi_none"),
        v1.payment_intents.capture_async("pi_none"),
        v1.payment_intents.cancel_async("pi_none"),
        v1.refunds.retrieve_async("re_none"),
        v1.refunds.create_async({"payment_intent": "pi_none"}),
    ):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            await missing
        assert (refused.value.http_status, refused.value.code) == (404, "resource_missing")


async def test_intents_are_listed_latest_first_page_by_page(caller: Caller) -> None:
    made = [(await caller.charge(amount=100 + n)).id for n in range(5)]

    page = await caller.stripe.v1.payment_intents.list_async({"limit": 2})

    assert [intent.id for intent in page.data] == made[:2:-1]
    assert page.has_more
    everything = [intent.id async for intent in page.auto_paging_iter()]
    assert everything[:5] == made[::-1]


async def test_the_ledger_is_paged_and_asked_by_order(caller: Caller) -> None:
    other = f"other-{caller.order}"
    await caller.charge(metadata={"order_id": f"before-{caller.order}"})
    [before] = await caller.ledger(orderId=f"before-{caller.order}")
    start = before["sequence"]
    for order in (caller.order, other, caller.order):
        await caller.charge(metadata={"order_id": order})

    async with caller.http.get("/ledger", params={"limit": 2, "after": start}) as response:
        first = await response.json()
        following = str(response.links["next"]["url"])
    assert following.endswith(f"/ledger?limit=2&after={start + 2}")
    async with caller.http.get(following) as response:
        rest = await response.json()
        assert "next" not in response.links

    assert [e["sequence"] - start for e in [*first, *rest]] == [1, 2, 3]
    of_order = await caller.ledger(orderId=caller.order)
    assert [e["sequence"] - start for e in of_order] == [1, 3]
    assert await caller.ledger(**{"metadata[order_id]": caller.order}) == of_order
