"""`ordereats order` and `ordereats trace` tell what one order did, all over the platform."""

import json
from typing import Any

import pytest

from support.cast import delivered
from support.platform import SHAPES, Platform, until

# In containers it is another command: `tests/containers/test_compose.py`.
pytestmark = pytest.mark.parametrize("shape", SHAPES, ids=str, indirect=True, scope="session")

SERVICES = {
    "users",
    "restaurants",
    "orders",
    "payments",
    "kitchen",
    "deliveries",
    "notifications",
}


def of_kind(spans: list[dict[str, Any]], kind: str) -> set[tuple[str, str]]:
    """The services and names of spans of a kind."""
    return {(each["service"], each["name"]) for each in spans if each["kind"] == kind}


async def test_all_seven_services_tell_one_orders_story(platform: Platform) -> None:
    order_id, correlation_id = await delivered(platform)

    told = await platform.story(order_id)

    assert told["silent"] == []
    spans, facts = told["spans"], told["facts"]
    assert {each["service"] for each in spans} == SERVICES
    said = {(each["service"], each["what"]) for each in facts}
    for status in ("pending", "paid", "accepted", "ready", "picked_up", "delivered"):
        assert ("orders", f"order {status}") in said
    assert ("payments", "payment captured") in said
    assert ("deliveries", "delivery delivered") in said
    assert ("deliveries", "dropped off") in said
    assert ("kitchen", "ticket handed_over, 1 min") in said
    assert any("customer told of" in what for who, what in said if who == "notifications")
    placing = [each for each in spans if each["correlationId"] == correlation_id]
    assert len({each["traceId"] for each in placing}) == 1  # from placing to paid, and on
    assert ("orders", "POST /orders") in of_kind(placing, "server")
    assert ("orders", "users get_user") in of_kind(placing, "client")
    assert {("users", "GET /users/{user_id}"), ("users", "get_user")} & of_kind(placing, "server")
    consumed = of_kind(placing, "consume")
    assert ("payments", "payments.order ordereats.order.placed.v1") in consumed
    assert ("orders", "orders.payment ordereats.payment.authorized.v1") in consumed
    assert ("kitchen", "kitchen.order ordereats.order.paid.v1") in consumed
    assert ("payments", "provider authorize") in of_kind(placing, "client")


async def test_every_span_of_the_placing_hangs_below_the_request(platform: Platform) -> None:
    placed = await platform.post("/orders", platform.an_order())
    await platform.until_status(placed.body["id"], "paid")
    correlation_id = placed.headers["X-Correlation-ID"]

    async def has_reached_the_kitchen() -> bool:
        _, output, _ = await platform.tried("trace", correlation_id, "--json")
        return "kitchen.order" in output

    await until(has_reached_the_kitchen, within_s=15, what="the kitchen to hear")
    spans = json.loads(await platform.run("trace", correlation_id, "--json"))["spans"]

    known = {each["spanId"] for each in spans}
    (first,) = [each for each in spans if each["parentId"] not in known]
    assert (first["service"], first["name"], first["status"]) == ("orders", "POST /orders", 201)
    assert {each["traceId"] for each in spans} == {first["traceId"]}


async def test_for_people_it_is_a_waterfall(platform: Platform) -> None:
    placed = await platform.post("/orders", platform.an_order())
    order_id = placed.body["id"]
    await platform.until_status(order_id, "paid")
    await platform.until_told(order_id, "paid")

    story = await platform.run("order", str(order_id))
    trace = await platform.run("trace", placed.headers["X-Correlation-ID"])

    assert f"Order {order_id}, told by" in story
    assert "order paid" in story
    for each in (story, trace):
        assert "server POST /orders" in each
        assert "client provider authorize" in each
        assert "consume payments.order order.placed.v1" in each
        assert "█" in each


async def test_of_what_nobody_knows_one_sentence_says_so(platform: Platform) -> None:
    order, trace = await platform.tried("order", "987654321"), await platform.tried("trace", "no")

    assert order == (2, "", "Nobody knows of an order 987654321.\n")
    assert (trace[0], trace[1]) == (2, "")
    assert trace[2].startswith("Nobody remembers no: it never was, or is longer ago")
    assert trace[2].count("\n") == 1
