"""The sandbox tells of what happens, signed, until somebody has heard it; badly, if told to."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
import stripe
from aiohttp import web

from ordereats.chassis.errors import Misconfigured
from ordereats.sandbox import program as programs
from sandbox.conftest import Caller, Program
from support.builders import until_true

SECRET = "known-to-both"


@dataclass
class Ear:
    """Hears webhooks.

    Attributes:
        heard: bodies and signatures, as they came.
        statuses: answers yet to give; 200 when there are no more.
    """

    heard: list[tuple[bytes, str]] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)

    async def hear(self, request: web.Request) -> web.Response:
        self.heard.append((await request.read(), request.headers["Stripe-Signature"]))
        return web.Response(status=self.statuses.pop(0) if self.statuses else 200)

    def kinds(self) -> list[str]:
        return [msgspec.json.decode(body)["type"] for body, _ in self.heard]

    async def until(self, count: int) -> None:
        async def is_heard() -> bool:
            return len(self.heard) >= count

        await until_true(is_heard)


@dataclass
class Told:
    caller: Caller
    ear: Ear
    program: Program


@asynccontextmanager
async def listening(ear: Ear) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_post("/hook", ear.hear)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    await runner.cleanup()


@pytest.fixture
async def told(tmp_path: Path) -> AsyncIterator[Told]:
    ear, program = Ear(), Program(tmp_path)
    async with listening(ear) as url:
        program.told = {"SANDBOX_WEBHOOK_URL": url, "STRIPE_WEBHOOK_SECRET": SECRET}
        program.start()
        async with aiohttp.ClientSession(program.url) as session:
            yield Told(Caller(program.url, session), ear, program)
        if program.runs:
            program.stop(signal.SIGKILL)


async def test_each_move_of_money_is_told_signed_as_stripe_does(told: Told) -> None:
    api = told.caller.stripe.v1
    intent = await told.caller.charge()
    await api.payment_intents.capture_async(intent.id)
    await api.refunds.create_async({"payment_intent": intent.id, "amount": 500})
    other = await told.caller.charge()
    await api.payment_intents.cancel_async(other.id)
    with pytest.raises(stripe.CardError):
        await told.caller.charge(payment_method="pm_card_visa_chargeDeclined")
    await told.ear.until(7)

    assert sorted(told.ear.kinds()) == [
        "charge.refunded",
        "payment_intent.amount_capturable_updated",
        "payment_intent.amount_capturable_updated",
        "payment_intent.canceled",
        "payment_intent.payment_failed",
        "payment_intent.succeeded",
        "refund.created",
    ]
    for body, signature in told.ear.heard:
        event = stripe.Webhook.construct_event(body, signature, SECRET)
        assert event.id.startswith("evt_")


async def test_every_event_is_listed_the_latest_first(told: Told) -> None:
    await told.caller.charge()
    intent = await told.caller.charge()
    await told.caller.stripe.v1.payment_intents.capture_async(intent.id)

    events = await told.caller.stripe.v1.events.list_async({"limit": 2})
    rest = await told.caller.stripe.v1.events.list_async(
        {"limit": 2, "starting_after": events.data[-1].id}
    )

    assert [each.type for each in events.data] == [
        "payment_intent.succeeded",
        "payment_intent.amount_capturable_updated",
    ]
    assert (events.has_more, len(rest.data), rest.has_more) == (True, 1, False)
    about = events.data[0].data.object
    assert (about["id"], about["metadata"]["order_id"]) == (intent.id, told.caller.order)


async def test_what_nobody_took_is_sent_again(told: Told) -> None:
    told.ear.statuses = [503, 400]

    await told.caller.charge()
    await told.ear.until(3)

    assert len({body for body, _ in told.ear.heard}) == 1


async def test_what_was_not_told_is_told_after_kill_9(told: Told) -> None:
    told.ear.statuses = [500] * 1000
    await told.caller.charge()
    await told.ear.until(1)
    told.program.stop(signal.SIGKILL)
    told.ear.statuses.clear()
    told.ear.heard.clear()

    told.program.start()

    await told.ear.until(1)
    assert told.ear.kinds() == ["payment_intent.amount_capturable_updated"]


@pytest.mark.parametrize(
    ("behaviour", "expected"),
    [
        ({"copies": 3}, lambda heard: len(heard) == 3 and len({body for body, _ in heard}) == 1),
        ({"delayMs": 100}, lambda heard: len(heard) == 1),
        ({"forge": True}, lambda heard: not genuine(*heard[0])),
        ({"drop": True}, lambda heard: not heard),
    ],
)
async def test_it_tells_as_badly_as_it_was_told_to(
    told: Told,
    behaviour: dict[str, object],
    expected: Callable[[list[tuple[bytes, str]]], bool],
) -> None:
    await told.caller.behave(webhooks=behaviour)

    await told.caller.charge()

    async def is_so() -> bool:
        return bool(told.ear.heard or "drop" in behaviour) and expected(told.ear.heard)

    await until_true(is_so)
    await told.caller.behave()
    assert len((await told.caller.stripe.v1.events.list_async()).data) == 1


async def test_one_overtakes_another_when_they_are_shuffled(told: Told) -> None:
    await told.caller.behave(webhooks={"shuffleMs": 300})

    intents = await asyncio.gather(*(told.caller.charge(f"key-{n}") for n in range(20)))
    await told.ear.until(20)

    heard = [msgspec.json.decode(body)["data"]["object"]["id"] for body, _ in told.ear.heard]
    listed = await told.caller.stripe.v1.payment_intents.list_async({"limit": 100})
    assert sorted(heard) == sorted(intent.id for intent in intents)
    assert heard != [each.id for each in reversed(listed.data)]


async def test_a_behaviour_for_requests_that_is_over_leaves_that_for_webhooks(told: Told) -> None:
    await told.caller.behave(failStatus=503, times=1, webhooks={"drop": True})
    with pytest.raises(stripe.APIError):
        await told.caller.charge()

    async with told.caller.http.get("/sandbox/behaviour") as response:
        now: dict[str, Any] = await response.json()

    assert (now["failStatus"], now["webhooks"]["drop"]) == (None, True)


async def test_webhooks_under_way_do_not_delay_the_end(told: Told) -> None:
    await told.caller.behave(webhooks={"delayMs": 60_000})
    await told.caller.charge()

    assert told.program.stop() == 0
    assert told.program.errors.read_bytes() == b""


def test_an_address_that_is_none_is_one_clear_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SANDBOX_WEBHOOK_URL", "localhost/hook")

    with pytest.raises(Misconfigured, match="SANDBOX_WEBHOOK_URL must be an address"):
        programs.serve(port=0, data=tmp_path)


def genuine(body: bytes, signature: str) -> bool:
    try:
        stripe.Webhook.construct_event(body, signature, SECRET)
    except stripe.SignatureVerificationError:
        return False
    return True
