"""The provider's webhooks: signed, in any order, any number of times; one paid order each time."""

import asyncio
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ordereats.chassis.clock import SystemClock
from ordereats.chassis.errors import Invalid
from ordereats.sandbox.webhooks import sign
from ordereats.services.payments.clients import ForgedError
from ordereats.services.payments.domain.payments import Authorized, Canceled
from ordereats.services.payments.domain.refunds import Pending, Refunded
from ordereats.services.payments.use_cases import due, webhooks
from services.payments.conftest import accepted, placed
from services.payments.fake import SECRET, Provider

if TYPE_CHECKING:
    from services.payments.conftest import Till

NEWS = [
    "payment_intent.amount_capturable_updated",
    "payment_intent.succeeded",
    "payment_intent.payment_failed",
    "payment_intent.canceled",
    "charge.refunded",
    "refund.updated",
]


def now() -> int:
    return int(SystemClock().now().timestamp())


def an_event(kind: str, key: str, event_id: str = "evt_1") -> bytes:
    about = {"id": "pi_1", "metadata": {"charge_key": key}}
    return msgspec.json.encode({"id": event_id, "type": kind, "data": {"object": about}})


async def hear(till: "Till", kind: str, *, event_id: str = "evt_1", order_id: int = 1) -> None:
    body = an_event(kind, (await till.payment(order_id))["charge_key"], event_id)
    await webhooks.hear(till.deps, body, sign(body, secret=SECRET, at=now()))


async def test_a_webhook_that_comes_before_the_provider_was_asked_is_found_out_about(
    till: "Till", provider: Provider
) -> None:
    await till.hear(placed())
    key = (await till.payment())["charge_key"]
    provider.charges[key] = Authorized("pi_before")

    await hear(till, NEWS[0])
    await till.work()

    assert await till.status() == "authorized"
    assert provider.times("authorize") == 0
    assert await till.told() == ["payment.authorized"]


async def test_a_webhook_ends_the_pause_after_a_lost_answer(
    till: "Till", provider: Provider
) -> None:
    provider.loses["authorize"] = 1
    await till.hear(placed())
    await till.work()
    assert await till.status() == "requested"

    await hear(till, NEWS[0])
    await till.work()

    assert await till.status() == "authorized"


async def test_a_webhook_that_comes_while_the_provider_answers_is_no_second_effect(
    till: "Till", provider: Provider
) -> None:
    provider.may_answer.clear()
    await till.hear(placed())
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(till.sweep())
        await provider.begun.wait()
        await hear(till, NEWS[0])
        assert not await till.sweep()  # somebody is asking already
        provider.may_answer.set()
    await till.work()

    assert await till.told() == ["payment.authorized"]
    assert len(provider.asked) == 1


async def test_a_webhook_that_comes_after_the_answer_asks_nothing(
    till: "Till", provider: Provider
) -> None:
    await till.hear(placed())
    await till.work()

    await hear(till, NEWS[0])
    await till.work()

    assert len(provider.asked) == 1


async def test_a_reservation_that_the_provider_lets_go_by_itself_is_voided(
    till: "Till", provider: Provider
) -> None:
    await till.hear(placed())
    await till.work()
    provider.charges[(await till.payment())["charge_key"]] = Canceled("pi_1")

    await hear(till, "payment_intent.canceled")
    await till.work()

    assert await till.status() == "voided"


async def test_what_a_webhook_says_is_only_believed_when_the_provider_says_so_too(
    till: "Till", provider: Provider
) -> None:
    await till.hear(placed())
    await till.work()

    await hear(till, "payment_intent.succeeded")
    await till.work()

    payment = await till.payment()
    assert (payment["status"], payment["told"], payment["due_at"]) == ("authorized", None, None)
    assert provider.times("look") == 1


async def test_money_that_was_taken_unheard_is_booked_once(
    till: "Till", provider: Provider
) -> None:
    provider.loses["capture"] = 1
    await till.hear(placed(), accepted())
    await till.work()
    assert await till.status() == "authorized"

    await hear(till, "payment_intent.succeeded")
    await till.work()
    await hear(till, "payment_intent.succeeded", event_id="evt_2")
    await till.work()

    assert await till.status() == "captured"
    assert provider.times("capture") == 1
    assert (await till.balances())["provider"] == 2500


async def test_a_pending_refund_is_asked_about_when_the_provider_tells_of_it(
    till: "Till", provider: Provider
) -> None:
    provider.outcomes[1] = Pending("re_slow")
    await till.hear(placed(), accepted())
    await till.work()
    await till.refund("5.00")
    await till.work()
    provider.refunds[(await till.refunds())[0]["key"]] = Refunded("re_slow")

    await hear(till, "refund.updated")
    await till.work()

    assert (await till.refunds())[0]["status"] == "succeeded"


async def test_the_same_event_has_its_effect_once(till: "Till") -> None:
    await till.hear(placed())

    for _ in range(3):
        await hear(till, NEWS[0])

    rows = await till.deps.database.fetch("select * from provider_events")
    assert [(row["id"], row["type"]) for row in rows] == [("evt_1", NEWS[0])]


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(st.tuples(st.sampled_from(NEWS), st.integers(0, 3)), max_size=12), st.integers(0, 12)
)
async def test_whatever_comes_in_whatever_order_it_is_one_paid_order(
    till: "Till", events: list[tuple[str, int]], asked_after: int
) -> None:
    provider = till.provider
    provider.loses.clear()
    order_id = len(await till.deps.database.fetch("select from payments")) + 1
    await till.hear(placed(order_id), accepted(order_id))

    for number, (kind, copy) in enumerate(events):
        event_id = f"evt_{order_id}_{kind}_{copy}"
        await hear(till, kind, event_id=event_id, order_id=order_id)
        if number == asked_after:
            provider.loses["capture"] += 1
            await till.work()
    await till.let_time_pass()
    await till.work()
    await till.let_time_pass()
    await till.work()

    assert await till.status(order_id) == "captured"
    moves = [kind for kind, of, _ in provider.ledger if of == order_id]
    assert moves == ["authorized", "captured"]
    facts = [fact for fact in await till.facts() if fact["correlation_id"] == f"walk-{order_id}"]
    assert [fact["version"] for fact in facts] == [2, 3]


@pytest.mark.parametrize(
    ("secret", "age_s"), [("forged", 0), (SECRET, 301), (SECRET, 10**6), ("", 0)]
)
async def test_a_forged_or_old_webhook_is_refused(till: "Till", secret: str, age_s: int) -> None:
    await till.hear(placed())
    body = an_event(NEWS[0], (await till.payment())["charge_key"])

    with pytest.raises(Invalid) as refused:
        await webhooks.hear(till.deps, body, sign(body, secret=secret, at=now() - age_s))

    assert [problem.path for problem in refused.value.problems] == ["Stripe-Signature"]
    assert (await till.payment())["told"] is None
    assert await till.deps.database.fetch("select from provider_events") == []


@pytest.mark.parametrize("signature", [None, "", "t=1", "v1=x", "t=x,v1=x", "nonsense", "t=1,v1="])
@pytest.mark.parametrize("body", [b"{}", b"\xff", b""])
def test_what_is_not_signed_is_refused(
    provider: Provider, body: bytes, signature: str | None
) -> None:
    with pytest.raises(ForgedError):
        provider.news(body, signature)


@pytest.mark.parametrize("body", [b"", b"[]", b"no JSON", b'{"id": 1}', b'{"id": "evt_1"}'])
def test_what_is_signed_and_is_no_event_is_refused(provider: Provider, body: bytes) -> None:
    with pytest.raises(ForgedError, match="not an event"):
        provider.news(body, sign(body, secret=SECRET, at=now()))


@pytest.mark.parametrize(
    ("kind", "about"),
    [
        ("customer.created", {"id": "cus_1"}),
        ("payment_intent.succeeded", {"id": "pi_of_someone_else", "metadata": {}}),
        ("payment_intent.succeeded", {"id": "pi_2", "metadata": {"charge_key": "of another"}}),
    ],
)
async def test_what_does_not_concern_us_is_taken_and_ignored(
    till: "Till", kind: str, about: dict[str, Any]
) -> None:
    body = msgspec.json.encode({"id": "evt_1", "type": kind, "data": {"object": about}})

    await webhooks.hear(till.deps, body, sign(body, secret=SECRET, at=now()))

    assert await till.facts() == []


async def test_events_that_can_not_come_again_are_forgotten(till: "Till") -> None:
    await till.hear(placed())
    await hear(till, NEWS[0], event_id="evt_old")
    await hear(till, NEWS[0], event_id="evt_new")
    await till.deps.database.execute(
        "update provider_events set received_at = now() - interval '8 days' where id = 'evt_old'"
    )

    assert await due.forget_events(till.deps) is False

    rows = await till.deps.database.fetch("select id from provider_events")
    assert [row["id"] for row in rows] == ["evt_new"]
