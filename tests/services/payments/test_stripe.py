"""Payments with the official library and the real sandbox, which misbehaves when told to."""

import asyncio
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from msgspec.structs import replace

from ordereats.chassis.config import Environment
from ordereats.chassis.db.pool import Database
from ordereats.chassis.http.app import create_app
from ordereats.services.payments.clients import ProviderUncertainError, Stripe
from ordereats.services.payments.domain.payments import Authorized, Captured, Declined
from ordereats.services.payments.domain.refunds import Refused
from ordereats.services.payments.routes import routes
from ordereats.services.payments.settings import Settings
from ordereats.topology.local.part import free_ports
from sandbox.conftest import Caller, Program
from services.payments.conftest import (
    TOTAL,
    Tables,
    Till,
    a_deps,
    accepted,
    cancelled,
    delivered,
    placed,
)
from services.payments.fake import SECRET, Provider
from services.payments.test_books import a_refund
from services.payments.test_domain import a_payment
from services.payments.test_webhooks import hear
from support.builders import serving, until_true


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[Caller]:
    program = Program(tmp_path).start()
    async with aiohttp.ClientSession(program.url) as session:
        yield Caller(program.url, session)
    program.stop(signal.SIGKILL)


@pytest.fixture
async def stripe(sandbox: Caller) -> AsyncIterator[Stripe]:
    named = {"STRIPE_API_BASE": sandbox.url, "STRIPE_WEBHOOK_SECRET": SECRET}
    stripe = Stripe(Settings.read(Environment({**named, "STRIPE_TIMEOUT_S": "2"})))
    yield stripe
    await stripe.close()


@pytest.fixture
async def real(tables: Tables, stripe: Stripe) -> AsyncIterator[Till]:
    """Payments with its true provider."""
    async with tables("payments") as database:
        yield Till(a_deps(database, stripe), Provider())


async def test_the_providers_balance_is_the_one_in_our_books(real: Till, sandbox: Caller) -> None:
    for order_id in range(1, 6):
        await real.hear(placed(order_id), accepted(order_id), delivered(order_id))
    await real.work()
    await real.refund("5.00", 1)
    await real.refund("0.01", 1)
    await real.hear(placed(6), cancelled(2), cancelled(6))
    await real.work()
    await real.refund(None, 3)
    await real.work()

    entries = await sandbox.ledger(limit="500")
    moved = {"captured": 1, "refunded": -1}
    theirs = sum(moved.get(entry["kind"], 0) * entry["amount"] for entry in entries)
    assert theirs == 5 * 2500 - 501 - 2 * 2500
    balances = await real.balances()
    assert balances["provider"] == theirs == -balances["customer"]
    assert sum(balances.values()) == 0
    assert [await real.status(each) for each in range(1, 7)] == [
        *("refunded", "refunded", "refunded"),
        *("captured", "captured", "voided"),
    ]


@pytest.mark.parametrize(
    "behaviour",
    [
        {"cutAfterCharge": True},
        {"cutBodyAfter": 0},
        {"cutBodyAfter": 40},
        {"failStatus": 503},
        {"failStatus": 429},
    ],
)
async def test_however_answers_get_lost_money_moves_once(
    real: Till, sandbox: Caller, behaviour: dict[str, object]
) -> None:
    async def through() -> None:
        await sandbox.behave(**behaviour, times=5)
        for _ in range(8):
            await real.work()
            await real.let_time_pass()

    await real.hear(placed())
    await through()
    assert await real.status() == "authorized"
    await real.hear(accepted())
    await through()
    assert await real.status() == "captured"
    await real.hear(cancelled())
    await through()

    assert await real.status() == "refunded"
    kinds = [entry["kind"] for entry in await sandbox.ledger()]
    assert kinds == ["authorized", "captured", "refunded"]


@pytest.mark.parametrize(
    "behaviour", [{"cutAfterCharge": True}, {"cutBodyAfter": 40}, {"failStatus": 503}]
)
async def test_an_order_that_ends_while_its_charge_is_uncertain_leaves_nothing_reserved(
    real: Till, sandbox: Caller, behaviour: dict[str, object]
) -> None:
    await sandbox.behave(**behaviour, times=1)
    await real.hear(placed())
    await real.work()
    assert await real.status() == "requested"

    await real.hear(cancelled())
    await real.work()

    assert await real.status() == "voided"
    kinds = [entry["kind"] for entry in await sandbox.ledger()]
    assert kinds == ["authorized", "canceled"]


async def test_a_body_that_was_cut_off_is_uncertain_whatever_was_asked(
    stripe: Stripe, sandbox: Caller
) -> None:
    payment = a_payment()
    authorized = await stripe.authorize(payment)
    payment = replace(payment, provider_reference=authorized.reference)
    refund = replace(a_refund(TOTAL), charge=str(authorized.reference))
    await sandbox.behave(cutBodyAfter=10)

    for question in (
        stripe.authorize(replace(payment, charge_key="another")),
        stripe.look(replace(payment, provider_reference=None)),
        stripe.look(payment),
        stripe.capture(payment),
        stripe.cancel(payment),
        stripe.refund(refund),
        stripe.look_refund(refund),
    ):
        with pytest.raises(ProviderUncertainError):
            await question


async def test_a_body_that_never_ends_is_uncertain_after_the_time_limit() -> None:
    async def half_an_answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{")
        await writer.drain()

    server = await asyncio.start_server(half_an_answer, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    slow = Stripe(Settings.read(Environment({"STRIPE_API_BASE": url, "STRIPE_TIMEOUT_S": "0.2"})))
    async with server:
        with pytest.raises(ProviderUncertainError):
            await slow.authorize(a_payment())
        await slow.close()


async def test_it_tells_what_has_become_of_a_charge(stripe: Stripe) -> None:
    payment = a_payment()
    assert await stripe.look(payment) is None

    authorized = await stripe.authorize(payment)
    assert await stripe.look(payment) == authorized
    known = replace(payment, provider_reference=authorized.reference)
    assert await stripe.capture(known) == Captured(str(authorized.reference))

    assert await stripe.look(known) == Captured(str(authorized.reference))
    assert await stripe.cancel(known) == Captured(str(authorized.reference))  # too late


async def test_what_was_let_go_can_not_be_taken(stripe: Stripe) -> None:
    payment = a_payment()
    authorized = await stripe.authorize(payment)
    known = replace(payment, provider_reference=authorized.reference)
    canceled = await stripe.cancel(known)

    assert await stripe.capture(known) == canceled == await stripe.look(payment)


@pytest.mark.parametrize(
    ("card", "reason"),
    [
        ("pm_card_visa_chargeDeclinedInsufficientFunds", "insufficient_funds"),
        ("pm_card_authenticationRequired", "authentication_required"),
        ("pm_card_unknown", "invalid_payment_method"),
    ],
)
async def test_a_card_that_can_not_pay_is_declined(stripe: Stripe, card: str, reason: str) -> None:
    declined = await stripe.authorize(replace(a_payment(), payment_method=card))

    assert isinstance(declined, Declined)
    assert declined.reason == reason
    if declined.reference is not None:
        assert await stripe.look(a_payment()) == declined


async def test_more_than_was_taken_is_refused_finally(stripe: Stripe) -> None:
    payment = a_payment()
    authorized = await stripe.authorize(payment)
    assert isinstance(authorized, Authorized)
    await stripe.capture(replace(payment, provider_reference=authorized.reference))
    refund = replace(a_refund(TOTAL + TOTAL), charge=authorized.reference)

    assert await stripe.look_refund(refund) is None
    assert isinstance(await stripe.refund(refund), Refused)
    made = await stripe.refund(replace(refund, amount=TOTAL, key="refund-2"))

    assert await stripe.look_refund(refund) == made
    assert isinstance(await stripe.refund(replace(refund, key="refund-3")), Refused)


async def test_with_webhooks_that_come_late_twice_and_out_of_order_it_is_one_payment_each(
    tables: Tables, tmp_path: Path
) -> None:
    program = Program(tmp_path)
    (program.port,) = free_ports(1)
    settings = Settings.read(Environment({"STRIPE_API_BASE": f"http://127.0.0.1:{program.port}"}))
    stripe = Stripe(settings)
    async with tables("payments") as database:
        till = Till(a_deps(database, stripe), Provider())
        async with serving(create_app("payments", routes(till.deps), [])) as client:
            program.told = {"SANDBOX_WEBHOOK_URL": f"{client.url}/payments/webhooks/stripe"}
            program.start()
            async with aiohttp.ClientSession(program.url) as session:
                sandbox = Caller(program.url, session)
                bad = {"delayMs": 5, "shuffleMs": 200, "copies": 2}
                await sandbox.behave(webhooks=bad, cutAfterCharge=True, times=4)
                orders = range(1, 6)
                await till.hear(*map(placed, orders), *map(accepted, orders))

                async def all_is_taken() -> bool:
                    await till.work()
                    return {await till.status(each) for each in orders} == {"captured"}

                await until_true(all_is_taken, within_s=30)
                await until_true(lambda: events_of(database, 10), within_s=30)
                await till.work()
                entries = await sandbox.ledger()
        program.stop(signal.SIGKILL)
    await stripe.close()

    kinds = sorted(entry["kind"] for entry in entries)
    assert kinds == ["authorized"] * 5 + ["captured"] * 5


async def test_a_refund_that_fails_after_all_is_heard_of_and_in_our_books_as_in_theirs(
    real: Till, sandbox: Caller
) -> None:
    await real.hear(placed(), accepted())
    await real.work()
    await real.refund("5.00")
    await real.work()
    (made,) = await real.refunds()
    async with sandbox.http.post(f"/sandbox/refunds/{made['provider_reference']}/fail") as answer:
        assert answer.status == 200

    (event, *_) = (await sandbox.stripe.v1.events.list_async()).data
    assert event.data.object["metadata"]["charge_key"] == (await real.payment())["charge_key"]
    await hear(real, event.type)
    await real.work()

    (refund,) = await real.refunds()
    assert (event.type, refund["status"]) == ("refund.failed", "failed")
    assert await real.status() == "captured"
    moved = {"captured": 1, "refunded": -1, "refund_failed": 1}
    entries = await sandbox.ledger()
    theirs = sum(moved.get(entry["kind"], 0) * entry["amount"] for entry in entries)
    assert (await real.balances())["provider"] == theirs == 2500


async def events_of(database: Database, count: int) -> bool:
    return len(await database.fetch("select from provider_events")) == count
