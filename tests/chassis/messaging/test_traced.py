"""A trace goes on through the outbox, the bus and the inbox: what is done there is a part of it."""

import pytest

from ordereats.chassis import context
from ordereats.chassis.background import Hint
from ordereats.chassis.clock import SystemClock
from ordereats.chassis.context import Context
from ordereats.chassis.db.pool import Database, Transaction
from ordereats.chassis.messaging.bus import BusDownError, Message
from ordereats.chassis.messaging.inbox import Inbox
from ordereats.chassis.messaging.outbox import Outbox
from ordereats.chassis.messaging.relay import Relay
from ordereats.chassis.messaging.subscriptions import effect, subscribe
from ordereats.chassis.telemetry.span import Span
from ordereats.chassis.telemetry.spans import Spans, SpanShown
from ordereats.chassis.telemetry.traceparent import read
from ordereats.contracts.orders import OrderPlaced
from support.builders import FakeBus, a_fact, a_message, nothing

ORDER = 17


@pytest.fixture
def spans() -> Spans:
    return Spans()


@pytest.fixture
def request_(spans: Spans) -> Span:
    """Give the span of a request that is under way."""
    span = spans.begin("server", "POST /orders", correlation_id="the-walk", traceparent=None)
    assert span is not None
    return span


async def put(database: Database, under: Span) -> None:
    """Commit a fact, as a part of a span."""
    outbox = Outbox("orders", SystemClock(), nothing)
    with context.entered(Context("the-walk").within(under)):
        async with database.transaction() as tx:
            await outbox.add(tx, a_fact(ORDER), subject=f"order/{ORDER}", version=1)


async def published(database: Database, spans: Spans, bus: FakeBus) -> None:
    relay = Relay(database, bus, SystemClock(), hint=Hint(), spans=spans)
    await database.execute("update outbox set due_at = now()")
    await relay.run_once()


def kinds(spans: Spans, *kinds: str) -> list[SpanShown]:
    return [each for each in spans.of_trace("the-walk") if each.kind in kinds]


def an_inbox(database: Database, spans: Spans, *fails: Exception) -> Inbox:
    """One whose handler fails, in this order, before it succeeds."""
    left = [*fails]

    async def note(tx: Transaction, fact: OrderPlaced) -> None:
        outbox = Outbox("payments", SystemClock(), nothing)
        await outbox.add(tx, fact, subject=f"order/{ORDER}", version=2)
        if left:
            raise left.pop(0)

    subscription = subscribe("payments", "order", [effect(OrderPlaced, note)])
    return Inbox(database, [subscription], spans=spans)


async def received(inbox: Inbox, message: Message) -> None:
    await inbox.handler("payments.order")(message, 1)


async def test_from_the_request_to_the_effect_elsewhere_it_is_one_trace(
    database: Database, spans: Spans, request_: Span
) -> None:
    ours, theirs, bus = spans, Spans(), FakeBus()
    await put(database, request_)
    request_.end()
    await published(database, ours, bus)
    (message,) = bus.published

    await received(an_inbox(database, theirs), message)

    (publish,) = kinds(ours, "publish")
    (transaction,) = kinds(ours, "transaction")
    (consume,) = kinds(theirs, "consume")
    (effect_,) = kinds(theirs, "transaction")
    assert transaction.parent_id == publish.parent_id == request_.id
    assert consume.parent_id == publish.span_id
    assert effect_.parent_id == consume.span_id
    assert {each.trace_id for each in (publish, consume, effect_)} == {request_.trace_id}
    assert (publish.service, consume.service) == ("orders", "payments")
    assert {publish.order_id, consume.order_id, effect_.order_id} == {ORDER}
    assert publish.waited_ms > 0
    assert consume.waited_ms >= publish.waited_ms


async def test_what_the_effect_leads_to_is_a_part_of_it(
    database: Database, spans: Spans, request_: Span
) -> None:
    bus = FakeBus()
    message = a_message(a_fact(ORDER), correlation_id="the-walk", traceparent=request_.traceparent)

    await received(an_inbox(database, spans), message)
    await published(database, spans, bus)

    (consume,) = kinds(spans, "consume")
    (publish,) = kinds(spans, "publish")
    assert publish.parent_id == consume.span_id
    sent = read(bus.published[0].traceparent)
    assert sent is not None
    assert (sent.trace_id, sent.span_id) == (request_.trace_id, publish.span_id)


async def test_the_request_is_known_to_be_about_the_order_that_it_made(
    database: Database, request_: Span
) -> None:
    assert request_.order_id is None

    await put(database, request_)

    assert request_.order_id == ORDER


async def test_each_attempt_is_seen_with_its_number_and_what_went_wrong(
    database: Database, spans: Spans
) -> None:
    inbox = an_inbox(database, spans, RuntimeError("Kim's"), ValueError("Kim's"))
    await received(inbox, a_message(a_fact(ORDER), correlation_id="the-walk"))

    for _ in range(2):
        await database.execute("update inbox set due_at = now()")
        await inbox.retry_once()

    seen = kinds(spans, "consume")
    assert [(each.attempt, each.error) for each in seen] == [
        (1, "RuntimeError"),
        (2, "ValueError"),
        (3, None),
    ]
    assert len({each.trace_id for each in seen}) == 1
    assert "Kim" not in str(spans.of_trace("the-walk"))


async def test_what_the_broker_refuses_or_does_not_answer_is_seen_too(
    database: Database, spans: Spans, request_: Span
) -> None:
    bus = FakeBus()
    await put(database, request_)
    bus.fails = BusDownError("no connection")
    await published(database, spans, bus)
    bus.fails = None
    bus.refuses["order/17"] = "no queue"
    await published(database, spans, bus)
    bus.refuses.clear()
    await published(database, spans, bus)

    seen = kinds(spans, "publish")
    assert [each.error for each in seen] == ["BusDownError", "refused", None]
    assert {each.parent_id for each in seen} == {request_.id}


async def test_a_message_without_a_trace_begins_one(database: Database, spans: Spans) -> None:
    await received(
        an_inbox(database, spans),
        a_message(a_fact(ORDER), correlation_id="the-walk", traceparent=None),
    )

    (consume,) = kinds(spans, "consume")
    assert (len(consume.trace_id), consume.parent_id) == (32, None)


async def test_with_traces_off_it_is_passed_on_as_it_came(database: Database) -> None:
    bus, message = FakeBus(), a_message(a_fact(ORDER), subject=f"order/{ORDER}")
    outbox = Outbox("orders", SystemClock(), nothing)
    with context.entered(Context("the-walk", traceparent=message.traceparent)):
        async with database.transaction() as tx:
            await outbox.add(tx, a_fact(ORDER), subject=f"order/{ORDER}", version=1)

    await Relay(database, bus, SystemClock(), hint=Hint()).run_once()

    assert [each.traceparent for each in bus.published] == [message.traceparent]
