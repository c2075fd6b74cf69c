"""The description of the API is true: what it promises holds, and what is refused it says."""

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest

from support.builders import Running

SCHEMATHESIS = Path(sys.executable).parent / "st"
CHECKS = "not_a_server_error,response_schema_conformance,negative_data_rejection,unsupported_method"

STREAM = "/orders/{order_id}/events"
"""It does not end before its order does; tests/services/orders/test_streams.py reads it."""


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
