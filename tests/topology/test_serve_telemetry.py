"""A process logs lines that can be told apart and joined; those that warn are counted."""

from pathlib import Path

from support.builders import a_restaurant, a_user, an_order, until_true
from support.served import Served

ALWAYS = {"time", "level", "event", "service"}


async def test_each_line_says_when_how_grave_what_and_who_and_warnings_are_counted(
    database_url: str, tmp_path: Path
) -> None:
    async with Served.start("all", folder=tmp_path, DATABASE_URL=database_url) as served:
        client = served.client

        async def counted() -> bool:
            page = (await client.get("/metrics")).body.decode()
            return 'log_events_total{event="provider_uncertain",level="warning"}' in page

        for path, body in [("/users", a_user()), ("/restaurants", a_restaurant())]:
            assert (await client.post(path, body)).status == 201
        placed = await client.post("/orders", an_order())
        await until_true(counted)  # nobody answers as payment provider

        lines = served.log

    assert all(set(line) > ALWAYS for line in lines if line["event"] != "stopping")
    assert {line["service"] for line in lines} == {"ordereats"}
    (first, *_) = [line for line in lines if line["event"] == "provider_uncertain"]
    assert first["correlation_id"] == placed.headers["x-correlation-id"]
    assert first["order_id"] == placed.json()["id"]
