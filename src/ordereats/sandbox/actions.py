"""What a request does to the books: look up, apply the rules, store, answer. No HTTP here."""

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

import msgspec

from ordereats.sandbox import intents, wire
from ordereats.sandbox.forms import (
    CancelIntent,
    CaptureIntent,
    CreateIntent,
    CreateRefund,
    ListEntries,
    ListEvents,
    ListIntents,
    ListRefunds,
    SearchIntents,
)
from ordereats.sandbox.intents import (
    EVENTS,
    Intent,
    Kind,
    Movement,
    Refund,
    Refused,
    Status,
    no_such,
)
from ordereats.sandbox.ledger import Answer, Entry, Transaction


class World(NamedTuple):
    """What rules can't know.

    Attributes:
        now: the time, in UTC with its zone.
        new_id: a new name for a kind of object: `pi` gives `pi_…`.
    """

    now: Callable[[], datetime]
    new_id: Callable[[str], str]


def create_intent(tx: Transaction, world: World, asked: CreateIntent) -> Answer:
    """Make an intent and ask the card's bank at once."""
    now = world.now()
    new = Intent(
        id=world.new_id("pi"),
        amount=asked.amount,
        currency=asked.currency.lower(),
        capture_method=asked.capture_method,
        status=Status.REQUIRES_PAYMENT_METHOD,
        created=int(now.timestamp()),
        metadata=_without_empty(asked.metadata),
        description=asked.description,
    )
    if not asked.confirm:
        raise Refused("The sandbox makes only intents with confirm=true.", param="confirm")
    intent, movements = intents.confirm(new, asked.payment_method, charge=world.new_id("ch"))
    _store(tx, world, intent, *movements)
    return wire.confirmed(intent)


def capture_intent(tx: Transaction, world: World, intent_id: str, asked: CaptureIntent) -> Answer:
    """Take what is reserved."""
    intent, movement = intents.capture(_intent(tx, intent_id), asked.amount_to_capture)
    _store(tx, world, intent, movement)
    return wire.ok(wire.payment_intent(intent))


def cancel_intent(tx: Transaction, world: World, intent_id: str, asked: CancelIntent) -> Answer:
    """Release what is reserved."""
    now = world.now()
    intent, movement = intents.cancel(
        _intent(tx, intent_id), asked.cancellation_reason, at=int(now.timestamp())
    )
    _store(tx, world, intent, movement)
    return wire.ok(wire.payment_intent(intent))


def create_refund(tx: Transaction, world: World, asked: CreateRefund) -> Answer:
    """Give back what was taken."""
    now = world.now()
    before = _intent(tx, asked.payment_intent, param="payment_intent")
    intent, movement = intents.refund(before, asked.amount)
    refund = Refund(
        id=world.new_id("re"),
        intent=intent.id,
        charge=intent.charge or "",
        amount=movement.amount,
        currency=intent.currency,
        created=int(now.timestamp()),
        reason=asked.reason,
        metadata=_without_empty(asked.metadata),
    )
    _store(tx, world, intent, movement)
    tx.add_refund(refund)
    _tell(tx, world, "refund.created", wire.refund(refund))
    return wire.ok(wire.refund(refund))


def fail_refund(tx: Transaction, world: World, refund_id: str) -> Answer:
    """Let a refund fail that had succeeded, as the customer's bank may do days later."""
    given = _refund(tx, refund_id)
    intent, failed, movement = intents.fail_refund(_intent(tx, given.intent), given)
    tx.put(intent)
    tx.put_refund(failed)
    tx.record(intent, movement, at=msgspec.to_builtins(world.now()))
    _tell(tx, world, EVENTS[movement.kind], wire.refund(failed))
    return wire.ok(wire.refund(failed))


def get_intent(tx: Transaction, intent_id: str) -> Answer:
    """One intent as it is now."""
    return wire.ok(wire.payment_intent(_intent(tx, intent_id)))


def list_intents(tx: Transaction, asked: ListIntents) -> Answer:
    """The latest first."""
    if asked.starting_after is not None:
        _intent(tx, asked.starting_after, param="starting_after")
    found = tx.intents(limit=asked.limit + 1, before=asked.starting_after)
    return wire.ok(
        wire.page("/v1/payment_intents", [*map(wire.payment_intent, found)], limit=asked.limit)
    )


def search_intents(tx: Transaction, asked: SearchIntents) -> Answer:
    """Those whose metadata says so, the latest first."""
    _, name, __, value, ___ = asked.query.split("'")
    found = tx.marked(name, value, limit=asked.limit)
    return wire.ok(
        wire.search_result("/v1/payment_intents/search", [*map(wire.payment_intent, found)])
    )


def list_refunds(tx: Transaction, asked: ListRefunds) -> Answer:
    """Of one intent, the latest first."""
    _intent(tx, asked.payment_intent, param="payment_intent")
    found = tx.refunds_of(asked.payment_intent, limit=asked.limit + 1, before=asked.starting_after)
    return wire.ok(wire.page("/v1/refunds", [*map(wire.refund, found)], limit=asked.limit))


def list_events(tx: Transaction, asked: ListEvents) -> Answer:
    """The latest first, told or not."""
    if asked.starting_after is not None and not tx.has_event(asked.starting_after):
        raise no_such("event", asked.starting_after, param="starting_after")
    found = tx.events(limit=asked.limit + 1, before=asked.starting_after)
    return wire.ok(wire.page("/v1/events", found, limit=asked.limit))


def get_refund(tx: Transaction, refund_id: str) -> Answer:
    """One refund."""
    return wire.ok(wire.refund(_refund(tx, refund_id)))


def entries(tx: Transaction, asked: ListEntries) -> list[Entry]:
    """The ledger, or one order's part of it."""
    order_id = asked.order_id or asked.metadata.order_id
    if order_id is None:
        return tx.entries(limit=asked.limit, after=asked.after)
    return tx.entries_of(order_id, limit=asked.limit, after=asked.after)


def _intent(tx: Transaction, intent_id: str, *, param: str = "intent") -> Intent:
    intent = tx.intent(intent_id)
    if intent is None:
        raise no_such("payment_intent", intent_id, param=param)
    return intent


def _refund(tx: Transaction, refund_id: str) -> Refund:
    refund = tx.refund(refund_id)
    if refund is None:
        raise no_such("refund", refund_id, param="id")
    return refund


def _store(tx: Transaction, world: World, intent: Intent, *movements: Movement) -> None:
    tx.put(intent)
    for movement in movements:
        tx.record(intent, movement, at=msgspec.to_builtins(world.now()))
        is_refund = movement.kind is Kind.REFUNDED
        about = wire.charge(intent) if is_refund else wire.payment_intent(intent)
        _tell(tx, world, EVENTS[movement.kind], about)


def _tell(tx: Transaction, world: World, kind: str, about: wire.Json) -> None:
    """Store an event with what it is about; it is sent after the commit."""
    event_id, now = world.new_id("evt"), world.now().timestamp()
    tx.add_event(event_id, wire.event(event_id, kind, about, created=int(now)), due_at=now)


def _without_empty(metadata: dict[str, str]) -> dict[str, str]:
    """For Stripe an empty value unsets a key."""
    return {name: value for name, value in metadata.items() if value}
