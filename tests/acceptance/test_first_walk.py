"""The first walk, in every shape."""

from time import monotonic

import asyncpg

from support.platform import Answer, Platform


async def test_the_first_walk_works_word_for_word(
    platform: Platform, first_walk: list[Answer]
) -> None:
    user, restaurant, order = first_walk

    assert [each.status for each in first_walk] == [201, 201, 201]
    assert user.body["id"] == 1
    assert set(user.body) == {"id", "name", "email", "createdAt"}
    assert (restaurant.body["id"], restaurant.body["cuisine"]) == (1, "Vietnamese")
    assert order.body["status"] == "pending"
    assert order.body["totalPrice"] == "25.00"
    assert order.body["items"] == [{"name": "Pho", "qty": 2}]
    assert (order.body["userId"], order.body["restaurantId"]) == (1, 1)
    assert (await platform.get("/users/1")).body == user.body
    assert restaurant.body in (await platform.get("/restaurants")).body
    assert (await platform.get("/health")).body == {"status": "ok"}


async def test_an_order_is_paid_within_a_second_by_one_authorization(platform: Platform) -> None:
    order_id = await platform.place()
    placed = monotonic()

    await platform.until_status(order_id, "paid", within_s=5)

    assert monotonic() - placed < 1
    assert (await platform.charges())[order_id] == 1
    payments = (await platform.get(f"/payments?orderId={order_id}")).body
    assert [(each["status"], each["amount"]) for each in payments] == [("authorized", "25.00")]


async def test_each_service_has_a_database_of_its_own_or_shares_one_with_foreign_keys(
    platform: Platform,
) -> None:
    parts = await platform.parts()
    databases = {each["database"] for each in parts.values() if each["kind"] == "service"}

    if platform.shape.topology == "services":
        assert len(databases) == 7
    else:
        (url,) = databases
        connection = await asyncpg.connect(url)
        rows = await connection.fetch(
            "select conrelid::regclass::text as of, confrelid::regclass::text as to"
            " from pg_constraint where contype = 'f'"
        )
        await connection.close()
        assert {("orders", "users"), ("orders", "restaurants")} <= {
            (row["of"], row["to"]) for row in rows
        }
