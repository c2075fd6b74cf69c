"""A provider that is not well is left alone for a while, and that costs no payment an attempt."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import pairwise

import pytest
from structlog.testing import capture_logs

from ordereats.chassis.calls.breaker import BreakerSettings
from ordereats.chassis.calls.edges import Edges, EdgeSettings
from ordereats.chassis.config import Environment
from ordereats.services.payments.clients import Guarded, ProviderUncertainError, Stripe
from ordereats.services.payments.settings import Settings
from ordereats.services.payments.use_cases import due
from services.payments.conftest import Till, accepted, cancelled, placed
from services.payments.fake import Provider
from services.payments.test_domain import a_payment
from support.hand_clock import HandClock


@pytest.fixture
def watch() -> HandClock:
    return HandClock()


@pytest.fixture
def edges(watch: HandClock) -> Edges:
    return Edges(EdgeSettings(), clock=watch, chance=lambda: 0.5)


@pytest.fixture
def guarded(till: Till, provider: Provider, edges: Edges) -> Till:
    """Payments behind edges."""
    deps = replace(till.deps, provider=Guarded(provider, edges, slow_s=1))
    return Till(deps, provider)


def breaker_of(edges: Edges, kind: str) -> str:
    return {each.kind: each.breaker for each in edges.states()}[kind]


async def test_a_provider_that_gives_no_answers_is_soon_not_asked(
    guarded: Till, provider: Provider, edges: Edges
) -> None:
    provider.misses["authorize"] = 1000
    await guarded.hear(*range(1, 101))

    outcomes = [await guarded.sweep() for _ in range(5)]

    assert provider.times("authorize") == BreakerSettings().minimum_calls
    assert breaker_of(edges, "authorize") == "open"
    assert not any(outcomes)  # a batch that is not asked for does not call for the next


async def test_not_to_be_asked_is_no_attempt_and_waits_until_about_the_next_trial(
    guarded: Till, provider: Provider
) -> None:
    provider.misses["authorize"] = 1000
    await guarded.hear(*range(1, 41))
    await guarded.sweep()
    await guarded.sweep()

    payments = [await guarded.payment(each) for each in range(1, 41)]
    unasked = [each for each in payments if each["attempts"] == 0]

    assert len(unasked) == 40 - BreakerSettings().minimum_calls
    assert {each["asked_at"] for each in unasked} == {None}
    assert {each["lease"] for each in unasked} == {None}
    pauses = {round(each["pause_s"], 3) for each in unasked}
    assert all(0.5 < pause_s <= 2 for pause_s in pauses)
    assert len(pauses) > 10  # not all at once


async def test_it_is_tried_again_and_every_order_is_charged_once(
    guarded: Till, provider: Provider, edges: Edges, watch: HandClock
) -> None:
    provider.misses["authorize"] = due.AT_ONCE
    await guarded.hear(*range(1, 41))
    await guarded.sweep()

    for _ in range(20):
        watch.now += 10
        await guarded.let_time_pass()
        await guarded.sweep()

    statuses = {await guarded.status(each) for each in range(1, 41)}
    assert statuses == {"authorized"}
    assert len(provider.ledger) == 40
    assert breaker_of(edges, "authorize") == "closed"


async def test_a_declined_card_says_nothing_of_the_provider(
    guarded: Till, provider: Provider, edges: Edges
) -> None:
    provider.declines = dict.fromkeys(range(1, 41), "expired_card")
    await guarded.hear(*range(1, 41))

    await guarded.work()

    assert {await guarded.status(each) for each in range(1, 41)} == {"declined"}
    assert provider.times("authorize") == 40
    assert breaker_of(edges, "authorize") == "closed"


async def test_one_kind_of_question_that_fails_does_not_stop_the_others(
    guarded: Till, provider: Provider, edges: Edges
) -> None:
    await guarded.hear(*range(1, 21), *(accepted(each) for each in range(1, 21)))
    await guarded.sweep()
    provider.misses["capture"] = 1000
    await guarded.let_time_pass()
    await guarded.sweep()

    await guarded.hear(21)
    await guarded.sweep()

    assert breaker_of(edges, "capture") == "open"
    assert await guarded.status(21) == "authorized"


async def test_an_order_that_ends_before_its_provider_was_asked_owes_nothing(
    guarded: Till, provider: Provider, edges: Edges
) -> None:
    await guarded.hear(placed(1))
    assert not edges.force("provider", "authorize", "open")  # nobody has asked yet
    await guarded.sweep()
    edges.force("provider", "authorize", "open")
    await guarded.hear(placed(2))
    await guarded.sweep()

    await guarded.hear(cancelled(2))
    await guarded.sweep()

    assert await guarded.status(2) == "voided"
    assert [order_id for _, order_id, _ in provider.asked] == [1]


async def test_a_refund_that_is_not_asked_for_waits_likewise(
    guarded: Till, provider: Provider, edges: Edges
) -> None:
    await guarded.hear(placed(1), accepted(1), placed(2), accepted(2))
    await guarded.work()
    await guarded.refund("1.00", 1)
    await due.refunds_due(guarded.deps)
    edges.force("provider", "refund", "open")

    await guarded.refund("5.00", 2)
    await due.refunds_due(guarded.deps)
    (_, waiting) = await guarded.refunds()
    assert (waiting["status"], waiting["attempts"], waiting["asked_at"]) == ("requested", 0, None)

    edges.force("provider", "refund", None)
    await guarded.let_time_pass()
    await due.refunds_due(guarded.deps)
    assert provider.times("refund") == 2
    assert [each["status"] for each in await guarded.refunds()] == ["succeeded"] * 2


async def test_the_pauses_of_an_order_grow_and_no_two_orders_have_the_same(
    till: Till, provider: Provider
) -> None:
    provider.misses["authorize"] = 1000
    await till.hear(1, 2, 3)
    pauses: dict[int, list[float]] = {1: [], 2: [], 3: []}

    for _ in range(5):
        await till.sweep()
        for order_id, its in pauses.items():
            its.append(round(float((await till.payment(order_id))["pause_s"]), 3))
        await till.let_time_pass()

    for its in pauses.values():
        assert all(after > before * 0.95 for before, after in pairwise(its))
        assert sum(its) > 7  # so that ten seconds see six questions about an order at most
    assert len({tuple(its) for its in pauses.values()}) == 3


async def test_a_provider_that_says_when_to_come_back_is_left_alone_until_then(
    guarded: Till, edges: Edges
) -> None:
    async with answering(b"503 Service Unavailable", b"Retry-After: 20\r\n") as stripe:
        real = Till(replace(guarded.deps, provider=Guarded(stripe, edges, slow_s=1)), Provider())
        await real.hear(*range(1, 21))
        await real.sweep()

    (state,) = edges.states()
    assert (state.breaker, state.retry_in_s) == ("open", 20)
    assert all([(await real.payment(each))["pause_s"] > 19 for each in range(1, 21)])


@pytest.mark.parametrize("said", [b"9" * 5000, b"-1", b"soon", b"\xb2"])
async def test_whatever_it_says_of_when_to_come_back_what_happened_is_uncertain(
    said: bytes,
) -> None:
    async with answering(b"503 Service Unavailable", b"Retry-After: " + said + b"\r\n") as stripe:
        with pytest.raises(ProviderUncertainError):
            await stripe.authorize(a_payment())


async def test_a_key_that_the_provider_refuses_is_an_error_at_once(till: Till) -> None:
    for status in (b"401 Unauthorized", b"403 Forbidden"):
        async with answering(status) as stripe:
            await till.hear(1)
            await till.let_time_pass()
            with capture_logs() as lines:
                await due.payments_due(replace(till.deps, provider=stripe))

        said = [(line["event"], line["log_level"]) for line in lines]
        assert said == [("provider_refuses_key", "error")]
        assert await till.status() == "requested"


@pytest.mark.parametrize(
    ("status", "is_unwell"),
    [
        (b"400 Bad Request", False),
        (b"404 Not Found", False),
        (b"401 Unauthorized", True),
        (b"409 Conflict", True),
        (b"429 Too Many Requests", True),
        (b"500 Internal Server Error", True),
        (b"503 Service Unavailable", True),
    ],
)
async def test_what_it_did_not_understand_says_nothing_of_how_it_is(
    status: bytes, *, is_unwell: bool
) -> None:
    async with answering(status) as stripe:
        with pytest.raises(ProviderUncertainError) as uncertain:
            await stripe.authorize(a_payment())

    assert uncertain.value.is_unwell is is_unwell


@asynccontextmanager
async def answering(status: bytes, headers: bytes = b"") -> AsyncIterator[Stripe]:
    """Stripe, on a provider that always gives this answer."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = b'{"error": {"type": "api_error", "message": "no"}}'
        head = b"HTTP/1.1 %b\r\n%bConnection: close\r\nContent-Length: %d\r\n\r\n"
        writer.write(head % (status, headers, len(body)) + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    stripe = Stripe(Settings.read(Environment({"STRIPE_API_BASE": url})))
    async with server:
        yield stripe
        await stripe.close()
