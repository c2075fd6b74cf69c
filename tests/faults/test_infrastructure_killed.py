"""The broker, a database, the provider go away; orders are kept, and charged once."""

from time import monotonic

from support.platform import Platform


async def test_orders_are_taken_while_the_broker_is_down(platform: Platform) -> None:
    await platform.kill("rabbitmq")

    orders = [await platform.place() for _ in range(10)]

    assert (await platform.get("/health")).status == 200
    await platform.start("rabbitmq")
    for order_id in orders:
        await platform.until_status(order_id, "paid", within_s=30)
    charges = await platform.charges()
    assert [charges[each] for each in orders] == [1] * 10


async def test_a_database_that_is_down_is_a_500_in_time_and_heals_by_itself(
    platform: Platform,
) -> None:
    order_id = await platform.place()
    await platform.kill("postgres-orders")

    started = monotonic()
    read = await platform.get(f"/orders/{order_id}")
    placed = await platform.post("/orders", platform.an_order())

    assert monotonic() - started < 10
    assert (read.status, read.code) == (500, "internal")
    assert (placed.status, placed.code) == (500, "internal")
    assert "postgres" not in str(read.body).lower()
    await platform.start("postgres-orders")
    await platform.until_status(order_id, "paid", within_s=20)


async def test_a_payment_waits_for_its_database(platform: Platform) -> None:
    await platform.kill("postgres-payments")

    orders = [await platform.place() for _ in range(5)]

    await platform.start("postgres-payments")
    for order_id in orders:
        await platform.until_status(order_id, "paid", within_s=30)
    charges = await platform.charges()
    assert [charges[each] for each in orders] == [1] * 5


async def test_a_charge_whose_answer_was_lost_is_found_again_and_not_made_twice(
    platform: Platform,
) -> None:
    await platform.misbehave(cutAfterCharge=True, times=1)

    order_id = await platform.place()

    await platform.until_status(order_id, "paid", within_s=20)
    assert (await platform.charges())[order_id] == 1
    (payment,) = (await platform.get(f"/payments?orderId={order_id}")).body
    assert payment["attempts"] == 2


async def test_a_provider_that_is_overloaded_is_asked_again_until_it_answers(
    platform: Platform,
) -> None:
    await platform.misbehave(failStatus=503, times=3)

    order_id = await platform.place()

    await platform.until_status(order_id, "paid", within_s=30)
    assert (await platform.charges())[order_id] == 1


async def test_a_killed_provider_holds_nothing_up_but_the_payment(platform: Platform) -> None:
    await platform.kill("sandbox")

    started = monotonic()
    order_id = await platform.place()

    assert monotonic() - started < 1
    await platform.start("sandbox")
    await platform.until_status(order_id, "paid", within_s=40)
    assert (await platform.charges())[order_id] == 1
