"""An order's story is told while something is broken, and tells what was."""

from typing import Any

from support.platform import Platform, until


def of_kind(told: dict[str, Any], kind: str, name: str) -> list[dict[str, Any]]:
    return [each for each in told["spans"] if each["kind"] == kind and name in each["name"]]


async def test_an_order_that_was_charged_at_the_third_attempt_is_one_trace_with_all_three(
    platform: Platform,
) -> None:
    await platform.misbehave(failStatus=503)
    order_id = await platform.place()

    async def was_asked_twice() -> bool:
        return len(of_kind(await platform.story(order_id), "job", "payments_due")) >= 2

    await until(was_asked_twice, within_s=20, what="two attempts")
    await platform.misbehave()
    await platform.until_status(order_id, "paid", within_s=30)

    told = await platform.story(order_id)

    *failed, last = of_kind(told, "job", "payments_due")
    assert len(failed) >= 2
    assert {each["error"] for each in failed} == {"ProviderUncertainError"}
    assert (last["attempt"], last["error"]) == (len(failed) + 1, None)
    (placed,) = of_kind(told, "server", "POST /orders")
    (paid,) = of_kind(told, "consume", "payment.authorized")
    assert {each["traceId"] for each in (*failed, last, paid)} == {placed["traceId"]}


async def test_it_is_told_while_a_service_is_down_and_says_whose_part_is_missing(
    platform: Platform,
) -> None:
    order_id = await platform.place()
    await platform.until_status(order_id, "paid", within_s=30)
    await platform.kill("kitchen")

    status, output, complaint = await platform.tried("order", str(order_id))
    unknown = await platform.tried("order", "987654321")

    assert status == 0
    assert "order paid" in output
    assert complaint == "kitchen did not answer: their part is missing.\n"
    assert unknown == (
        2,
        "",
        "Nobody knows of an order 987654321. (kitchen did not answer.)\n",
    )
    await platform.start("kitchen")
    assert (await platform.story(order_id))["silent"] == []


async def test_an_event_that_waits_for_the_broker_is_seen_to_wait(platform: Platform) -> None:
    await platform.kill("rabbitmq")
    order_id = await platform.place()

    told = await platform.story(order_id)

    waits = [each for each in told["facts"] if each["what"].endswith("waits to be published")]
    assert [each["service"] for each in waits] == ["orders"]
    await platform.start("rabbitmq")
    await platform.until_status(order_id, "paid", within_s=60)
    (published,) = [
        each
        for each in of_kind(await platform.story(order_id), "publish", "order.placed")
        if each["error"] is None
    ]
    assert published["waitedMs"] > 500
