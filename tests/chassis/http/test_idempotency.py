"""A POST that is sent again gets the first answer again, and does nothing."""

import asyncio
import hashlib
from secrets import token_hex
from typing import Any

import pytest
from litestar import post
from litestar.testing import RequestFactory

from ordereats.chassis.db.pool import Database
from ordereats.chassis.http.app import create_app
from ordereats.chassis.http.idempotency import (
    AlreadyAnswered,
    Answers,
    KeyReused,
    requested,
    take_key,
)
from ordereats.topology.local.part import Process
from support.builders import (
    NOBODY,
    Client,
    Reply,
    Running,
    a_restaurant,
    a_user,
    an_order,
    fresh_database,
    running,
    serving,
)


@pytest.fixture(scope="module")
async def client(shop: Running) -> Client:
    """Give a client, a user 1 and a restaurant 1."""
    assert (await shop.client.post("/users", a_user())).json()["id"] == 1
    assert (await shop.client.post("/restaurants", a_restaurant())).json()["id"] == 1
    return shop.client


PATHS = ["/users", "/restaurants", "/orders"]


def a_body(path: str) -> dict[str, Any]:
    """Give a body whose effect can be told from any other."""
    mark = token_hex(6)
    if path == "/users":
        return a_user()
    if path == "/restaurants":
        return a_restaurant(name=mark)
    return an_order(items=[{"name": mark, "qty": 1}])


async def effects(shop: Running, path: str, body: dict[str, Any]) -> int:
    """Count the rows that this body made."""
    count = {
        "/users": "select from users where email = $1",
        "/restaurants": "select from restaurants where name = $1",
        "/orders": "select from orders where items -> 0 ->> 'name' = $1",
    }[path]
    mark = {"/users": "email", "/restaurants": "name"}.get(path)
    value = body[mark] if mark else body["items"][0]["name"]
    database = shop.group.relays[0]._database
    return len(await database.fetch(count, value))


@pytest.mark.parametrize("path", PATHS)
async def test_it_gets_the_first_answer_again_and_does_nothing(
    shop: Running, client: Client, path: str
) -> None:
    body, key = a_body(path), token_hex(6)

    first = await client.post(path, body, key=key)
    second = await client.post(path, body, key=key)

    assert (first.status, second.status) == (201, 201)
    assert second.body == first.body
    assert second.headers["content-type"] == first.headers["content-type"]
    assert "idempotency-replayed" not in first.headers
    assert second.headers["idempotency-replayed"] == "true"
    assert await effects(shop, path, body) == 1


async def test_a_pipelined_request_does_not_have_the_key_of_the_one_before() -> None:
    @post("/things", before_request=take_key)
    async def create() -> dict[str, str | None]:
        await asyncio.sleep(0.01)  # the next request is there before this one's answer
        key = requested()
        return {"key": key.value if key else None}

    head = b"POST /things HTTP/1.1\r\nHost: here\r\nContent-Length: 0\r\n"
    async with serving(create_app("things", [create], [])) as client:
        port = int(client.url.rpartition(":")[2])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(head + b"Idempotency-Key: one\r\n\r\n" + head + b"Connection: close\r\n\r\n")

        answers = (await reader.read()).decode()

        writer.close()
    assert answers.count('{"key":"one"}') == 1
    assert answers.count('{"key":null}') == 1


@pytest.mark.parametrize("path", PATHS)
async def test_thirty_at_once_with_one_key_have_one_effect_and_one_answer(
    shop: Running, client: Client, path: str
) -> None:
    body, key = a_body(path), token_hex(6)

    answers = await asyncio.gather(*(client.post(path, body, key=key) for _ in range(30)))

    assert {each.status for each in answers} == {201}
    assert len({each.body for each in answers}) == 1
    assert sum("idempotency-replayed" not in each.headers for each in answers) == 1
    assert await effects(shop, path, body) == 1


@pytest.mark.parametrize("path", PATHS)
async def test_thirty_at_once_with_their_own_keys_have_thirty_effects(
    client: Client, path: str
) -> None:
    sent = (client.post(path, a_body(path), key=token_hex(6)) for _ in range(30))

    answers = await asyncio.gather(*sent)

    assert {each.status for each in answers} == {201}
    assert len({each.json()["id"] for each in answers}) == 30


@pytest.mark.parametrize("path", PATHS)
async def test_one_key_has_one_fact_in_the_outbox_or_on_the_bus(
    shop: Running, client: Client, path: str
) -> None:
    body, key = a_body(path), token_hex(6)

    answers = await asyncio.gather(*(client.post(path, body, key=key) for _ in range(5)))

    subject = f"{path[1:-1]}/{answers[0].json()['id']}"
    facts = await shop.group.relays[0]._database.fetch(
        "select id from outbox where subject = $1"
        " union select id from bus_message where subject = $1",
        subject,
    )
    assert len(facts) <= 1


@pytest.mark.parametrize("path", PATHS)
async def test_the_same_key_with_another_body_is_409(
    shop: Running, client: Client, path: str
) -> None:
    key, other = token_hex(6), a_body(path)
    await client.post(path, a_body(path), key=key)

    answer = await client.post(path, other, key=key)

    assert (answer.status, answer.code) == (409, "idempotency_key_reused")
    assert await effects(shop, path, other) == 0


async def test_of_two_bodies_that_race_for_one_key_one_wins_and_one_is_409(
    client: Client,
) -> None:
    for path in PATHS:
        key = token_hex(6)

        answers = await asyncio.gather(
            *(client.post(path, a_body(path), key=key) for _ in range(2))
        )

        assert sorted(each.status for each in answers) == [201, 409], path


async def test_the_same_key_on_another_path_is_another_key(client: Client) -> None:
    key = token_hex(6)

    answers = [await client.post(path, a_body(path), key=key) for path in PATHS]

    assert [each.status for each in answers] == [201, 201, 201]


async def test_without_a_key_each_has_its_effect(client: Client) -> None:
    body = an_order()

    first, second = await client.post("/orders", body), await client.post("/orders", body)

    assert first.json()["id"] != second.json()["id"]


async def test_a_request_that_failed_leaves_its_key_free(client: Client) -> None:
    key, restaurant_id = token_hex(6), 999_999

    failed = await client.post("/orders", an_order(restaurantId=restaurant_id), key=key)
    done = await client.post("/orders", an_order(), key=key)

    assert (failed.status, done.status) == (400, 201)


async def test_one_that_failed_because_of_the_state_is_tried_anew(client: Client) -> None:
    taken, key = a_user(), token_hex(6)
    await client.post("/users", taken)

    first = await client.post("/users", taken, key=key)
    second = await client.post("/users", a_user(), key=key)

    assert (first.status, first.code) == (409, "email_taken")
    assert second.status == 201


async def test_the_first_answer_wins_over_what_would_be_wrong_by_now(client: Client) -> None:
    body, key = a_user(), token_hex(6)
    first = await client.post("/users", body, key=key)

    second = await client.post("/users", body, key=key)
    without = await client.post("/users", body)

    assert (second.status, second.body) == (201, first.body)
    assert (without.status, without.code) == (409, "email_taken")


async def test_an_order_is_answered_again_also_while_users_is_down(
    postgres_server: Process,
) -> None:
    async with fresh_database(postgres_server) as url:
        async with running(["users", "restaurants", "orders", "kitchen"], url) as shop:
            await shop.client.post("/users", a_user())
            await shop.client.post("/restaurants", a_restaurant())
            first = await shop.client.post("/orders", an_order(), key="k")
        down = {f"{name}_URL": NOBODY for name in ("USERS", "RESTAURANTS", "KITCHEN")}
        async with running(["orders"], url, **down) as orders:
            again = await orders.client.post("/orders", an_order(), key="k")
            new = await orders.client.post("/orders", an_order(), key="l")

    assert (again.status, again.body) == (201, first.body)
    assert new.json()["fallbacks"] == ["customer", "menu"], "nobody else was there to ask"


@pytest.mark.parametrize("key", ["", "x" * 256, "naïve", "schlüssel\u0131"])
async def test_a_key_that_can_not_be_read_is_400(client: Client, key: str) -> None:
    answer = await client.post("/users", a_user(), key=key)

    assert (answer.status, answer.code) == (400, "invalid_request")
    assert answer.paths == ["Idempotency-Key"]


@pytest.mark.parametrize("key", ["x", "x" * 255, 'a key, with: spaces "and" \';--'])
async def test_any_printable_key_of_up_to_255_characters_is_a_key(client: Client, key: str) -> None:
    first, second = [
        await client.post("/orders", an_order(), key=key),
        await client.post("/orders", an_order(), key=key),
    ]

    assert first.json()["id"] == second.json()["id"]


async def test_a_key_does_not_stay_for_the_next_request(client: Client) -> None:
    await client.post("/users", a_user(), key=token_hex(6))

    answers: list[Reply] = [await client.post("/users", a_user()) for _ in range(3)]

    assert {each.status for each in answers} == {201}


@pytest.fixture
async def answers(database: Database) -> Answers:
    await database.execute(
        "insert into idempotency_keys (scope, key, fingerprint, body, created_at) values"
        " ('POST /users', 'young', '', '{}', now() - interval '23 hours 59 minutes'),"
        " ('POST /users', 'old', '', '{}', now() - interval '24 hours 1 minute')"
    )
    return Answers(database)


async def first_answer(answers: Answers, key: str | None, **body: str) -> Exception | None:
    """Ask for it in a request of its own."""
    headers = {} if key is None else {"Idempotency-Key": key}
    await take_key(RequestFactory().post("/users", headers=headers, data=body or None))
    try:
        await answers.repeat_first()
    except (AlreadyAnswered, KeyReused) as answer:
        return answer
    return None


async def test_who_asks_before_the_work_is_done_gets_the_first_answer_or_may_go_on(
    answers: Answers, database: Database
) -> None:
    fingerprint = hashlib.sha256(b"").digest()
    await database.execute("update idempotency_keys set fingerprint = $1", fingerprint)

    (known,) = await asyncio.gather(first_answer(answers, "young"))
    (reused,) = await asyncio.gather(first_answer(answers, "young", body="another"))
    (new,) = await asyncio.gather(first_answer(answers, "new"))
    (without,) = await asyncio.gather(first_answer(answers, None))

    assert isinstance(known, AlreadyAnswered)
    assert known.body == b"{}"
    assert isinstance(reused, KeyReused)
    assert (new, without) == (None, None)


async def test_answers_are_forgotten_after_a_day_and_not_before(
    answers: Answers, database: Database
) -> None:
    assert await answers.cleanup().run() is False

    (left,) = await database.fetch("select key from idempotency_keys")
    assert left["key"] == "young"


async def test_cleaning_up_takes_a_thousand_at_a_time(answers: Answers, database: Database) -> None:
    await database.execute(
        "insert into idempotency_keys (scope, key, fingerprint, body, created_at)"
        " select 's', number::text, '', '{}', now() - interval '2 days'"
        " from generate_series(1, 1500) as number"
    )
    cleanup = answers.cleanup()

    assert await cleanup.run() is True
    assert await cleanup.run() is False
    assert len(await database.fetch("select from idempotency_keys")) == 1
