"""Payments over HTTP."""

import pytest

from support.builders import Running, an_order, until_true


async def test_the_payment_of_an_order_appears_and_is_found(city: Running) -> None:
    order = (await city.client.post("/orders", an_order())).json()
    path = f"/payments?orderId={order['id']}"

    async def is_there() -> bool:
        return bool((await city.client.get(path)).json())

    await until_true(is_there)
    (payment,) = (await city.client.get(path)).json()

    assert (payment["orderId"], payment["amount"]) == (order["id"], "25.00")
    assert payment["status"] == "requested"
    found = (await city.client.get(f"/payments/{payment['id']}")).json()
    assert found["id"] == payment["id"]
    assert "chargeKey" not in found


async def test_an_order_that_payments_has_not_heard_of_has_none(city: Running) -> None:
    answer = await city.client.get("/payments?orderId=987654321")

    assert (answer.status, answer.json()) == (200, [])


async def test_an_unknown_one_is_404(city: Running) -> None:
    assert (await city.client.get("/payments/987654321")).code == "not_found"


@pytest.mark.parametrize(
    "query", ["", "?orderId=", "?orderId=0", "?orderId=x", f"?orderId={2**63}"]
)
async def test_the_order_has_to_be_named(city: Running, query: str) -> None:
    answer = await city.client.get(f"/payments{query}")

    assert (answer.status, answer.code) == (400, "invalid_request")
    assert answer.paths == ["orderId"]
