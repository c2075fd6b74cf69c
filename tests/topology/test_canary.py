"""Nothing that operators see names a person, a place or a secret: marked ones are nowhere in it."""

from structlog.testing import capture_logs

from support.builders import Client, a_restaurant, a_user, an_order, running, until_true

CANARY = "canary"
OPERATORS_SEE = ("/metrics", "/health/ready", "/ops/breakers")


async def place_marked_order(client: Client) -> None:
    """Order, with a mark on all that is someone's; and get something wrong, to be told of it."""
    marked = {"name": f"Kim {CANARY}", "email": f"{CANARY}@test.com"}
    assert (await client.post("/users", marked, key=f"key-{CANARY}")).status == 201
    assert (await client.post("/users", a_user(email=marked["email"]))).status == 409
    assert (await client.post("/users", a_user(email=CANARY))).status == 400
    home = {"address": f"{CANARY} street 1, ring twice, +358 40 {CANARY}"}
    kitchen = a_restaurant(name=f"The {CANARY}", email=f"cook-{CANARY}@test.com", place=home)
    assert (await client.post("/restaurants", kitchen)).status == 201
    placed = await client.post("/orders", an_order(deliverTo=home, notes=f"{CANARY} at the door"))
    assert placed.status == 201
    await client.get(f"/orders/1?token={CANARY}", Authorization=f"Bearer {CANARY}")
    await client.get(f"/{CANARY}", X_Priority=CANARY)
    await client.ask(CANARY.upper(), "/orders/1")


async def test_no_page_of_operators_and_no_line_of_the_log_names_anyone(database_url: str) -> None:
    secrets = {
        "STRIPE_API_KEY": f"sk_test_{CANARY}",
        "SMTP_URL": f"smtp://me:{CANARY}@127.0.0.1:9",
    }

    async def has_asked_the_provider() -> bool:
        edges = (await all_.client.get("/health/ready")).json()["edges"]
        return any(each["callee"] == "provider" and each["counts"]["failed"] for each in edges)

    with capture_logs() as lines:
        async with running(["all"], database_url, **secrets) as all_:
            await place_marked_order(all_.client)
            await until_true(has_asked_the_provider)
            seen = [(await all_.client.get(path)).body.decode() for path in OPERATORS_SEE]

    assert "/orders/{order_id}" in seen[0]
    for page in [*seen, str(lines)]:
        assert CANARY not in page.lower()
