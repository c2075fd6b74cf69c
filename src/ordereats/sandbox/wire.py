"""Stripe's answers: the JSON of its objects and errors, for the fields that the sandbox knows."""

from collections.abc import Mapping, Sequence

import msgspec
from msgspec import Raw

from ordereats.sandbox.intents import Intent, Refund, Refused
from ordereats.sandbox.ledger import Answer

Json = Mapping[str, object]


def ok(body: object) -> Answer:
    """It was done."""
    return Answer(200, msgspec.json.encode(body))


def refused(refusal: Refused) -> Answer:
    """It was not done, and why."""
    error = {
        "type": refusal.kind,
        "code": refusal.code,
        "message": refusal.message,
        "param": refusal.param,
        "payment_intent": refusal.intent and payment_intent(refusal.intent),
    }
    return Answer(refusal.status, msgspec.json.encode({"error": _said(error)}))


def confirmed(intent: Intent) -> Answer:
    """What came of asking the card's bank: the intent, or for a decline a card error with it."""
    if intent.failure is None:
        return ok(payment_intent(intent))
    error = {**_card_error(intent), "payment_intent": payment_intent(intent)}
    return Answer(402, msgspec.json.encode({"error": error}))


def payment_intent(intent: Intent) -> Json:
    """Stripe's PaymentIntent."""
    challenged = intent.status == "requires_action"
    return {
        "id": intent.id,
        "object": "payment_intent",
        "amount": intent.amount,
        "amount_capturable": intent.amount_capturable,
        "amount_received": intent.amount_received,
        "canceled_at": intent.canceled_at,
        "cancellation_reason": intent.cancellation_reason,
        "capture_method": intent.capture_method,
        "client_secret": None,
        "confirmation_method": "automatic",
        "created": intent.created,
        "currency": intent.currency,
        "customer": None,
        "description": intent.description,
        "last_payment_error": _card_error(intent) if intent.failure else None,
        "latest_charge": intent.charge,
        "livemode": False,
        "metadata": intent.metadata,
        "next_action": {"type": "use_stripe_sdk", "use_stripe_sdk": {}} if challenged else None,
        "payment_method": intent.payment_method,
        "payment_method_types": ["card"],
        "status": intent.status,
    }


def refund(given: Refund) -> Json:
    """Stripe's Refund."""
    return {
        "id": given.id,
        "object": "refund",
        "amount": given.amount,
        "charge": given.charge,
        "created": given.created,
        "currency": given.currency,
        "metadata": given.metadata,
        "payment_intent": given.intent,
        "reason": given.reason,
        "status": "failed" if given.failure_reason else "succeeded",
        **({"failure_reason": given.failure_reason} if given.failure_reason else {}),
    }


def charge(intent: Intent) -> Json:
    """Stripe's Charge, as its webhooks show it."""
    return {
        "id": intent.charge,
        "object": "charge",
        "amount": intent.amount,
        "amount_captured": intent.amount_received,
        "amount_refunded": intent.amount_refunded,
        "captured": intent.status == "succeeded",
        "currency": intent.currency,
        "livemode": False,
        "metadata": intent.metadata,
        "payment_intent": intent.id,
        "payment_method": intent.payment_method,
        "refunded": intent.amount_refunded == intent.amount_received,
        "status": "succeeded",
    }


def event(event_id: str, kind: str, about: Json, *, created: int) -> bytes:
    """Stripe's Event."""
    return msgspec.json.encode(
        {
            "id": event_id,
            "object": "event",
            "created": created,
            "data": {"object": about},
            "livemode": False,
            "type": kind,
        }
    )


def search_result(url: str, found: Sequence[Json]) -> Json:
    """Stripe's answer to a search; one page is all."""
    return {
        "object": "search_result",
        "url": url,
        "has_more": False,
        "data": found,
        "next_page": None,
    }


def page(url: str, found: Sequence[Json | Raw], *, limit: int) -> Json:
    """Stripe's list, from one object more than the page holds, if there is one."""
    return {
        "object": "list",
        "url": url,
        "has_more": len(found) > limit,
        "data": found[:limit],
    }


def _card_error(intent: Intent) -> Json:
    failure = intent.failure
    return _said(
        {
            "type": "card_error",
            "code": failure and failure.code,
            "decline_code": failure and failure.decline_code,
            "message": failure and failure.message,
            "param": failure and failure.param,
            "charge": intent.charge,
        }
    )


def _said(error: Json) -> Json:
    """Stripe leaves out what it has nothing to say on."""
    return {name: value for name, value in error.items() if value is not None}
