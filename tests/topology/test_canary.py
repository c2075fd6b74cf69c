"""Nothing that operators see names a person, a place or a secret: marked ones are nowhere in it."""

from structlog.testing import capture_logs

from support.builders import Client, a_restaurant, a_user, an_order, running, until_true
from support.collector import collecting

CANARY = "canary"
STORY = "/ops/orders/1/story"
OPERATORS_SEE = ("/metrics", "/health/ready", "/ops/breakers", STORY)


async def place_marked_order(client: Client) -> None:
    """Order, with a mark on all that is someone's; and get something wrong, to be told of it."""
    marked = {"name": f"Kim {CANARY}", "email": f"{CANARY}@test.com"}
    assert (await client.post("/users", marked, key=f"key-{CANARY}")).status == 201
    assert (await client.post("/users", a_user(email=marked["email"]))).status == 409
    assert (await client.post("/users", a_user(email=CANARY))).status == 400
    home = {"address": f"{CANARY} street 1, ring twice, +358 40 {CANARY}"}
    kitchen = a_restaurant(name=f"The {CANARY}", email=f"cook-{CANARY}@test.com", place=home)
    assert (await client.post("/restaurants", kitchen)).status == 201
    order = an_order(deliverTo=home, notes=f"{CANARY} at the door", paymentMethod=f"pm_{CANARY}")
    placed = await client.post("/orders", order)
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

    async def is_told() -> bool:
        return "customer told of" in (await all_.client.get(STORY)).body.decode()

    with capture_logs() as lines:
        async with (
            collecting() as collector,
            running(
                ["all"],
                database_url,
                **secrets,
                TRACE_SAMPLING="1",
                OTEL_EXPORTER_OTLP_ENDPOINT=collector.url,
                OTEL_EXPORTER_OTLP_HEADERS=f"authorization={CANARY}",
            ) as all_,
        ):
            await place_marked_order(all_.client)
            await until_true(has_asked_the_provider)
            cancelled = {"by": "customer", "reason": f"{CANARY} has moved"}
            assert (await all_.client.post("/orders/1/cancel", cancelled)).status == 200
            await until_true(is_told)
            seen = [(await all_.client.get(path)).body.decode() for path in OPERATORS_SEE]

    assert "/orders/{order_id}" in seen[0]
    names = {each.name for each in collector.spans}
    assert {"POST /orders", "GET /orders/{order_id}", "GET (none)", "POST /users"} <= names
    for page in [*seen, str(lines), str(collector.spans)]:
        assert CANARY not in page.lower()
