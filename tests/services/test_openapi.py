"""The description of the API is true: what it promises holds, and what is refused it says."""

import asyncio
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from litestar import get

from ordereats.chassis.errors import Conflict
from ordereats.chassis.http.app import described
from ordereats.contracts.problems import Refused
from ordereats.contracts.wire import Answer
from support.builders import Running

SCHEMATHESIS = Path(sys.executable).parent / "st"
CHECKS = "not_a_server_error,response_schema_conformance,negative_data_rejection,unsupported_method"

STREAM = "/orders/{order_id}/events"
"""It does not end before its order does; tests/services/orders/test_streams.py reads it."""

UNSEEN = {"conflict", "not_heard_yet", "overtaken"}
"""Codes of conflicts that no request meets: a kind, and what only handlers of events raise."""


class Dumb(Answer, frozen=True):
    word: str


@pytest.mark.timeout(400)
async def test_no_input_that_a_program_thinks_of_is_a_500_or_breaks_the_promised_shapes(
    city: Running, document: dict[str, Any], tmp_path: Path
) -> None:
    process = await asyncio.create_subprocess_exec(
        str(SCHEMATHESIS),
        *("run", f"{city.client.url}/openapi.json"),
        *("--checks", CHECKS, "--phases", "coverage,fuzzing"),
        *("--exclude-path", STREAM),
        # One worker: Python 3.11's `ast` loses count when two threads parse (SystemError).
        *("--max-examples", "8", "--seed", "1", "--workers", "1", "--no-color"),
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )

    said, _ = await process.communicate()

    assert process.returncode == 0, said.decode()
    count = len(operations(document))
    assert f"{count - 1} selected / {count} total" in said.decode()


@pytest.fixture
async def document(city: Running) -> dict[str, Any]:
    found: dict[str, Any] = (await city.client.get("/openapi.json")).json()
    return found


def operations(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        f"{method.upper()} {path}": operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }


async def test_each_error_that_it_names_is_a_problem_document(document: dict[str, Any]) -> None:
    for name, operation in operations(document).items():
        for status, answer in operation["responses"].items():
            if int(status) >= 400 and "/health/" not in name:
                assert set(answer["content"]) == {"application/problem+json"}, (name, status)


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("POST /users", "409"),
        ("GET /users/{user_id}", "404"),
        ("GET /restaurants/{restaurant_id}", "404"),
        ("POST /orders", "409"),
        ("POST /orders", "503"),
        ("GET /orders/{order_id}", "404"),
        ("GET /payments/{payment_id}", "404"),
        ("GET /health/ready", "503"),
    ],
)
async def test_it_names_the_errors_that_a_client_has_to_expect(
    document: dict[str, Any], name: str, status: str
) -> None:
    assert status in operations(document)[name]["responses"]


async def test_it_says_that_unknown_fields_are_refused(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]

    for name in ("RegisterUser", "OpenRestaurant", "PlaceOrder", "OrderedItem"):
        (schema,) = [each for key, each in schemas.items() if key.split("_")[-1] == name]
        assert schema.get("additionalProperties") is False, name


async def test_it_says_the_bounds_of_ids(document: dict[str, Any]) -> None:
    for name, operation in operations(document).items():
        for parameter in operation.get("parameters", []):
            if parameter["name"].lower().endswith("id"):
                assert '"minimum": 1' in str(parameter).replace("'", '"'), (name, parameter)


async def test_it_names_the_idempotency_key_where_there_is_one(document: dict[str, Any]) -> None:
    for name, operation in operations(document).items():
        if name.startswith("POST") and "201" in operation["responses"]:  # it creates
            names = {each["name"].lower() for each in operation.get("parameters", [])}
            assert "idempotency-key" in names, name


async def test_it_explains_every_operation_schema_and_tag(document: dict[str, Any]) -> None:
    assert list(unexplained(document)) == []


def test_what_it_does_not_explain_is_noticed() -> None:
    @get("/dumb", tags=["dumb"])
    async def dumb() -> Dumb:
        return Dumb("")

    assert list(unexplained(described("Dumb", [dumb]))) == ["GET /dumb", "Dumb", "dumb"]


def unexplained(document: dict[str, Any]) -> Iterator[str]:
    """Names what has no description, or one that is still written for those who read the code."""
    tags = {each["name"]: each for each in document["tags"]}
    for operation in operations(document).values():
        tags |= {tag: {} for tag in operation["tags"] if tag not in tags}
    for name, each in (operations(document) | document["components"]["schemas"] | tags).items():
        if not each.get("description") or re.search(
            r"^ +\S|^[A-Z]\w+:$", each["description"], re.MULTILINE
        ):
            yield name


RIGHT: list[tuple[str, dict[str, Any]]] = [
    ("PlaceOrder", {"userId": 1, "restaurantId": 1, "items": [{"qty": 1, "dishId": 1}]}),
    (
        "AskQuote",
        {"items": [{"qty": 1, "name": "Pizza", "options": [{"group": "a", "name": "b"}]}]},
    ),
    ("Hours", {"timeZone": "UTC", "weekly": [{"weekday": 1, "opens": "09:00", "closes": "17:00"}]}),
    ("RejectTicket", {"reason": "no gas", "soldOut": [1]}),
]


@pytest.mark.parametrize(("name", "asked"), RIGHT)
async def test_what_is_right_is_so_by_its_schema(
    document: dict[str, Any], name: str, asked: dict[str, Any]
) -> None:
    schema = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
    validator = jsonschema_rs.validator_for(schema)

    assert validator.is_valid(asked)
    for field in asked:
        assert not validator.is_valid(asked | {field: [{"of": "another kind"}]}), field


async def test_it_says_of_fields_what_the_code_says_of_them(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]

    assert schemas["Order"]["properties"]["version"]["description"] == "counts its moves, from 1."
    assert "`soldOut`" in schemas["ChangeDish"]["properties"]["portionsLeft"]["description"]


async def test_it_names_each_code_of_a_conflict_where_it_is_met(document: dict[str, Any]) -> None:
    conflicts = [*kinds_of(Conflict), *kinds_of(Refused)]
    codes = {each.code for each in conflicts} - UNSEEN
    named = {
        name: {code for code in codes if f"`{code}`" in about(operation)}
        for name, operation in operations(document).items()
        if "409" in operation["responses"]
    }

    assert [name for name, its in named.items() if not its] == []
    assert set().union(*named.values()) == codes
    assert named["POST /orders"] == {
        *("price_changed", "closed", "paused", "sold_out", "out_of_reach"),
        "idempotency_key_reused",
    }
    assert named["POST /orders/{order_id}/cancel"] == {"already_accepted", "illegal_move"}


async def test_it_names_what_a_refusal_says_beside(document: dict[str, Any]) -> None:
    problem = document["components"]["schemas"]["Problem"]

    assert problem.get("additionalProperties", True) is True
    for name in ("quote", "opensAt", "dishes", "refundable"):
        assert f"`{name}`" in problem["description"], name


async def test_it_says_what_the_webhook_takes(document: dict[str, Any]) -> None:
    webhook = operations(document)["POST /payments/webhooks/stripe"]
    (signature,) = webhook["parameters"]

    assert webhook["requestBody"]["required"]
    assert webhook["requestBody"]["content"]["application/json"]["schema"] == {"type": "object"}
    assert (signature["name"], signature["in"]) == ("Stripe-Signature", "header")
    assert signature["required"]


@pytest.mark.parametrize(
    "name", ["POST /restaurants/{restaurant_id}/holds", "POST /kitchen/orders/{order_id}/withdraw"]
)
async def test_it_says_what_only_neighbours_ask(document: dict[str, Any], name: str) -> None:
    assert operations(document)[name]["description"].startswith("Internal: ")


def about(operation: dict[str, Any]) -> str:
    described = [operation, *operation.get("parameters", [])]
    return " ".join(each.get("description", "") for each in described)


def kinds_of(error: type[Conflict] | type[Refused]) -> Iterator[type[Conflict] | type[Refused]]:
    """Yield those of the platform that have a code, not those that tests make."""
    if error.__module__.startswith("ordereats.") and hasattr(error, "code"):
        yield error
    for each in error.__subclasses__():
        yield from kinds_of(each)
