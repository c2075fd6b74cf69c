"""Payments over HTTP."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from ordereats.chassis.http.app import create_app
from ordereats.sandbox.webhooks import sign
from ordereats.services.payments.routes import routes
from services.payments.conftest import accepted, delivered, placed
from services.payments.fake import SECRET
from services.payments.test_webhooks import NEWS, an_event, now
from support.builders import Client, serving

if TYPE_CHECKING:
    from services.payments.conftest import Till

HOOK = "/payments/webhooks/stripe"


@pytest.fixture
async def client(till: "Till") -> AsyncIterator[Client]:
    async with serving(create_app("payments", routes(till.deps), [])) as client:
        yield client


@pytest.fixture
async def taken(till: "Till", client: Client) -> str:
    """Give the path of a payment whose money was taken."""
    await till.hear(placed(), accepted(), delivered())
    await till.work()
    (payment,) = (await client.get("/payments?orderId=1")).json()
    return f"/payments/{payment['id']}"


async def hook(client: Client, body: bytes, secret: str = SECRET, **headers: str) -> Any:
    headers = {"Stripe_Signature": sign(body, secret=secret, at=now()), **headers}
    return await client.ask("POST", HOOK, headers=headers, data=body)


async def test_the_payment_of_an_order_is_found(client: Client, taken: str) -> None:
    payment = (await client.get(taken)).json()

    assert (payment["orderId"], payment["amount"], payment["status"]) == (1, "25.00", "captured")
    assert (payment["captured"], payment["refunded"]) == ("25.00", "0.00")
    assert "chargeKey" not in payment


async def test_an_order_that_payments_has_not_heard_of_has_none(client: Client) -> None:
    answer = await client.get("/payments?orderId=987654321")

    assert (answer.status, answer.json()) == (200, [])


@pytest.mark.parametrize("path", ["", "/refunds", "/journals"])
async def test_an_unknown_one_is_404(client: Client, path: str) -> None:
    assert (await client.get(f"/payments/987654321{path}")).code == "not_found"


@pytest.mark.parametrize(
    "query", ["", "?orderId=", "?orderId=0", "?orderId=x", f"?orderId={2**63}"]
)
async def test_the_order_has_to_be_named(client: Client, query: str) -> None:
    answer = await client.get(f"/payments{query}")

    assert (answer.status, answer.code) == (400, "invalid_request")
    assert answer.paths == ["orderId"]


async def test_a_refund_is_201_and_listed(client: Client, taken: str) -> None:
    answer = await client.post(f"{taken}/refunds", {"amount": 5, "reason": "cold"})

    refund = answer.json()
    assert answer.status == 201
    assert (refund["amount"], refund["status"], refund["reason"]) == ("5.00", "requested", "cold")
    assert (await client.get(f"{taken}/refunds")).json() == [refund]


async def test_the_same_refund_with_the_same_key_is_one(client: Client, taken: str) -> None:
    body = {"reason": "cold"}

    first = await client.post(f"{taken}/refunds", body, key="refund-1")
    again = await client.post(f"{taken}/refunds", body, key="refund-1")

    assert (first.status, again.status) == (201, 201)
    assert again.body == first.body
    assert len((await client.get(f"{taken}/refunds")).json()) == 1


async def test_more_than_was_taken_is_409_and_says_what_is_left(client: Client, taken: str) -> None:
    await client.post(f"{taken}/refunds", {"amount": "20.00", "reason": "cold"})

    answer = await client.post(f"{taken}/refunds", {"amount": "5.01", "reason": "cold"})

    assert (answer.status, answer.code) == (409, "above_captured")
    assert answer.json()["refundable"] == "5.00"


async def test_what_was_not_taken_is_409(till: "Till", client: Client) -> None:
    await till.hear(placed())
    (payment,) = (await client.get("/payments?orderId=1")).json()

    answer = await client.post(f"/payments/{payment['id']}/refunds", {"reason": "cold"})

    assert (answer.status, answer.code) == (409, "illegal_move")


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"amount": 0, "reason": "cold"}, "amount"),
        ({"amount": -1, "reason": "cold"}, "amount"),
        ({"amount": 1.001, "reason": "cold"}, "amount"),
        ({"amount": "much", "reason": "cold"}, "amount"),
        ({"amount": 1}, "reason"),
        ({"reason": ""}, "reason"),
        ({"reason": "cold", "to": "me"}, "to"),
    ],
)
async def test_a_refund_that_can_not_be_right_is_400(
    client: Client, taken: str, body: dict[str, object], path: str
) -> None:
    answer = await client.post(f"{taken}/refunds", body)

    assert answer.status == 400
    assert answer.paths == [path]


async def test_the_journals_of_a_payment_are_listed_page_by_page(
    client: Client, taken: str
) -> None:
    first = await client.get(f"{taken}/journals?limit=1")
    rest = await client.get(first.headers["link"].split(">")[0].lstrip("<"))

    journals = [*first.json(), *rest.json()]
    assert [journal["kind"] for journal in journals] == ["delivered", "captured"]
    assert journals[0]["postings"] == [
        {"account": "courier", "owner": 3, "amount": "4.40"},
        {"account": "platform", "owner": None, "amount": "-4.40"},
    ]


async def test_a_payout_is_the_sum_of_its_lines(client: Client, taken: str) -> None:
    assert taken
    payout = (await client.get("/payments/payouts?restaurantId=2")).json()

    assert (payout["account"], payout["owner"], payout["total"]) == ("restaurant", 2, "17.00")
    assert [line["amount"] for line in payout["lines"]] == ["17.00"]
    longer = f"courierId=3&since={payout['since']}&until={payout['until']}"
    assert (await client.get(f"/payments/payouts?{longer}")).json()["total"] == "4.40"


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ("", "restaurantId"),
        ("?restaurantId=1&courierId=1", "restaurantId"),
        ("?courierId=0", "courierId"),
        ("?courierId=1&since=yesterday", "since"),
        ("?courierId=1&since=2026-03-02T00:00:00", "since"),
    ],
)
async def test_a_payout_of_nobody_or_no_time_is_400(client: Client, query: str, path: str) -> None:
    answer = await client.get(f"/payments/payouts{query}")

    assert answer.status == 400
    assert answer.paths == [path]


async def test_a_webhook_is_taken_whatever_its_kind(till: "Till", client: Client) -> None:
    await till.hear(placed())
    key = (await till.payment())["charge_key"]

    for kind in [*NEWS, "customer.created"]:
        assert (await hook(client, an_event(kind, key, kind))).status == 200


async def test_a_forged_webhook_is_400_and_logged_without_what_is_in_it(
    till: "Till", client: Client
) -> None:
    await till.hear(placed())
    body = an_event(NEWS[0], (await till.payment())["charge_key"], "evt_canary")

    with capture_logs() as logs:
        answer = await hook(client, body, "forged")

    assert (answer.status, answer.paths) == (400, ["Stripe-Signature"])
    refused = [line for line in logs if line["event"] == "webhook_refused"]
    assert [line["log_level"] for line in refused] == ["warning"]
    assert "canary" not in str(logs)


async def test_a_webhook_without_a_signature_is_400(client: Client) -> None:
    answer = await client.ask("POST", HOOK, data=b"{}")

    assert (answer.status, answer.paths) == (400, ["Stripe-Signature"])
