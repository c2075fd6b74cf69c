"""Orders, as a customer meets them, in every shape."""

import asyncio

from support.platform import Platform, until


async def test_a_declined_card_ends_the_order_and_says_why(platform: Platform) -> None:
    order_id = await platform.place(paymentMethod="pm_card_chargeDeclinedInsufficientFunds")

    await platform.until_status(order_id, "declined")

    order = (await platform.get(f"/orders/{order_id}")).body
    assert order["reason"] == "insufficient_funds"
    assert order_id not in await platform.charges()
    declines = [
        each
        for each in await platform.ledger()
        if each["kind"] == "declined" and each["metadata"]["order_id"] == str(order_id)
    ]
    assert len(declines) == 1


async def test_the_customer_is_told_of_each_step_once(platform: Platform) -> None:
    await platform.furnish()
    order_id = await platform.place()
    await platform.until_status(order_id, "paid")

    async def told() -> bool:
        path = f"/notifications?userId={platform.user_id}"
        return len((await platform.get(path)).body) == 2

    await until(told, within_s=5, what="both notifications")
    texts = [
        each["text"]
        for each in (await platform.get(f"/notifications?userId={platform.user_id}")).body
    ]
    assert all("25.00 EUR" in text for text in texts)
    assert len(set(texts)) == 2


async def test_thirty_requests_with_one_key_make_one_order(platform: Platform) -> None:
    headers = {"Idempotency-Key": f"thirty-{platform.user_id}"}

    answers = await asyncio.gather(
        *(platform.post("/orders", platform.an_order(), headers=headers) for _ in range(30))
    )

    assert {each.status for each in answers} == {201}
    assert len({each.body["id"] for each in answers}) == 1
    await platform.until_status(answers[0].body["id"], "paid")
    assert (await platform.charges())[answers[0].body["id"]] == 1


async def test_the_same_key_with_another_body_is_refused(platform: Platform) -> None:
    headers = {"Idempotency-Key": f"reused-{platform.user_id}"}
    first = await platform.post("/orders", platform.an_order(), headers=headers)

    other = await platform.post("/orders", platform.an_order(totalPrice="26.00"), headers=headers)

    assert first.status == 201
    assert (other.status, other.code) == (409, "idempotency_key_reused")


async def test_orders_are_listed_by_customer_page_after_page(platform: Platform) -> None:
    await platform.furnish()
    placed = [await platform.place() for _ in range(5)]

    path, seen = f"/orders?userId={platform.user_id}&limit=2", []
    while path:
        page = await platform.get(path)
        seen += [order["id"] for order in page.body]
        link = page.headers.get("Link", "")
        path = link.partition("<")[2].partition(">")[0] if link else ""
        path = "/" + path.partition("://")[2].partition("/")[2] if "://" in path else path

    assert seen == placed


async def test_a_correlation_id_goes_all_the_way_and_comes_back(platform: Platform) -> None:
    headers = {"X-Correlation-ID": f"walk-{platform.user_id}-{platform.shape}"}

    placed = await platform.post("/orders", platform.an_order(), headers=headers)

    assert placed.headers["X-Correlation-ID"] == headers["X-Correlation-ID"]
    await platform.until_status(placed.body["id"], "paid")
    newest = "select correlation_id from payments order by order_id desc limit 1"
    stored = await platform.stored("payments", newest)
    if stored is not None:
        assert stored == headers["X-Correlation-ID"]
