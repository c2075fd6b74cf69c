"""Users over HTTP: who registers is known, once, under the name and address that they gave."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from support.builders import Running, a_user


async def test_who_registers_is_known(city: Running) -> None:
    body = a_user(name="  Zoë Müller ")

    answer = await city.client.post("/users", body)

    user = answer.json()
    assert answer.status == 201
    assert user.keys() == {"id", "name", "email", "createdAt"}
    assert (user["name"], user["email"]) == ("Zoë Müller", body["email"])
    assert user["createdAt"].endswith("Z")
    at = datetime.fromisoformat(user["createdAt"])
    assert abs((datetime.now(UTC) - at).total_seconds()) < 60  # noqa: TID251  # the server's clock is the test's
    assert (await city.client.get(f"/users/{user['id']}")).json() == user


async def test_nobody_has_an_id_that_was_not_given(city: Running) -> None:
    answer = await city.client.get("/users/987654321")

    assert (answer.status, answer.code) == (404, "not_found")
    assert answer.json()["detail"] == "There is no user 987654321."


@pytest.mark.parametrize(
    ("user_id", "status"),
    [("0", 400), ("-1", 400), (2**63, 400), (2**64, 400), ("abc", 404), ("1e3", 404)],
)
async def test_an_id_that_can_not_be_one_is_no_fault_of_ours(
    city: Running, user_id: object, status: int
) -> None:
    assert (await city.client.get(f"/users/{user_id}")).status == status


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"name": ""}, "name"),
        ({"name": " \t\n"}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": "NUL\0"}, "name"),
        ({"name": 7}, "name"),
        ({"email": ""}, "email"),
        ({"email": "nobody"}, "email"),
        ({"email": "two@@test.com"}, "email"),
        ({"email": "a b@test.com"}, "email"),
        ({"email": "hieu@test.com\n"}, "email"),
        ({"email": "hieu\0@test.com"}, "email"),
        ({"email": "x" * 142 + "@test.com"}, "email"),
        ({"role": "operator"}, "role"),
    ],
    ids=str,
)
async def test_what_can_not_be_right_is_400_and_named(
    city: Running, change: dict[str, Any], path: str
) -> None:
    answer = await city.client.post("/users", a_user(**change))

    assert (answer.status, answer.code) == (400, "invalid_request")
    assert answer.paths == [path]


async def test_an_email_is_taken_once_in_any_case_of_its_letters(city: Running) -> None:
    body = a_user()
    await city.client.post("/users", body)

    answer = await city.client.post("/users", {**body, "email": body["email"].upper()})

    assert (answer.status, answer.code) == (409, "email_taken")
    assert body["email"] not in answer.body.decode()


async def test_of_thirty_who_want_one_email_at_once_one_gets_it(city: Running) -> None:
    body = a_user()

    answers = await asyncio.gather(*(city.client.post("/users", body) for _ in range(30)))

    assert sorted(each.status for each in answers) == [201] + [409] * 29


async def test_its_own_document_names_its_routes_and_the_probes(city: Running) -> None:
    paths = (await city.client.get("/openapi.json")).json()["paths"]

    assert {"/users", "/users/{user_id}", "/health", "/health/live", "/health/ready"} <= set(paths)
